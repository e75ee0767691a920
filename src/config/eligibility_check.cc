#include "config/eligibility_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "config/always_eligible.h"
#include "config/proto_time.h"
#include "config/rule_compiler.h"
#include "rules/limits.h"

namespace fulcrum::config {
namespace {

class EligibilityChecker {
 public:
  EligibilityChecker(const v1::Bundle& bundle, const RuleCompiler& compiler, const Places& places,
                     Problems* problems)
      : bundle_(bundle), compiler_(compiler), places_(places), problems_(problems) {}

  void Run() {
    for (int i = 0; i < bundle_.campaigns_size(); ++i) {
      const v1::Campaign& campaign = bundle_.campaigns(i);
      const std::string path = absl::StrCat("campaigns[", i, "]");
      absl::TimeZone zone;
      if (!absl::LoadTimeZone(campaign.time_zone(), &zone)) zone = absl::UTCTimeZone();  // reported
      CheckRule(campaign.eligible(), path + ".eligible", zone);
      for (int j = 0; j < campaign.actions_size(); ++j) {
        const std::string action = absl::StrCat(path, ".actions[", j, "]");
        CheckAction(campaign.actions(j), action, campaign);
        CheckRule(campaign.actions(j).eligible(), action + ".eligible", zone);
      }
    }
    CheckJurisdictions();
    for (int i = 0; i < bundle_.surfaces_size(); ++i) {
      CheckFallback(bundle_.surfaces(i).fallback_action(),
                    absl::StrCat("surfaces[", i, "].fallback_action"));
    }
  }

 private:
  void Report(const std::string& path, std::string_view message) const {
    problems_->Add(places_.At(path), absl::StrCat(path, ": ", base::ToAbsl(message)));
  }

  std::optional<rules::Rule> CheckRule(const std::string& source, const std::string& path,
                                       const absl::TimeZone& zone) const {
    if (!places_.Has(path)) return std::nullopt;
    rules::RuleError error;
    auto rule = compiler_.Compile(source, zone, &error);
    if (!rule) Report(path, error.ToString());
    return rule;
  }

  void CheckAction(const v1::Action& action, const std::string& path,
                   const v1::Campaign& campaign) {
    for (int i = 0; i < action.attributes_size(); ++i) {
      CheckAttribute(action.attributes(i), absl::StrCat(path, ".attributes[", i, "]"));
    }
    CheckNotEmpty(action.regions(), path + ".regions");
    if (action.regions_size() > 0 && !HasRegions(campaign)) {
      Report(path + ".regions",
             "no surface that shows it has a 'region_key', so it would be shown nowhere; add one");
    }
    if (action.has_expires() && campaign.has_start() &&
        TimeOf(action.expires()) <= TimeOf(campaign.start())) {
      Report(path + ".expires", "must be after the campaign's 'start'");
    }
  }

  void CheckAttribute(const v1::Attribute& attribute, const std::string& path) {
    const int values = (attribute.has_number() ? 1 : 0) + (attribute.has_text() ? 1 : 0) +
                       (attribute.texts_size() > 0 ? 1 : 0);
    const bool unread = places_.Has(path + ".number") || places_.Has(path + ".texts");
    if (values != 1) {
      if (values > 1 || !unread) {
        Report(path, "needs exactly one of 'number', 'text' and 'texts'");
      }
      return;
    }
    if (IsBuiltInActionField(attribute.name())) {
      Report(path + ".name", absl::StrCat("'action.", attribute.name(),
                                          "' means something else in rules; choose another name"));
    }
    if (static_cast<size_t>(attribute.texts_size()) > rules::kFieldSetSizeMax) {
      Report(path + ".texts", absl::StrCat(attribute.texts_size(), " texts; at most ",
                                           rules::kFieldSetSizeMax, " are allowed"));
    }
    const rules::Type type = TypeOf(attribute);
    const auto [first, fresh] = types_.try_emplace(attribute.name(), std::make_pair(type, path));
    if (fresh || first->second.first == type) return;
    Report(path, absl::StrCat("'", attribute.name(), "' is a ", base::ToAbsl(rules::TypeName(type)),
                              " here and a ", base::ToAbsl(rules::TypeName(first->second.first)),
                              " at ", places_.At(first->second.second).ToString(),
                              "; an attribute has one type"));
  }

  template <typename List>
  void CheckNotEmpty(const List& regions, const std::string& path) const {
    for (int i = 0; i < regions.size(); ++i) {
      if (regions[i].empty()) Report(absl::StrCat(path, "[", i, "]"), "must not be empty");
    }
  }

  bool HasRegions(const v1::Campaign& campaign) const {
    return std::any_of(bundle_.surfaces().begin(), bundle_.surfaces().end(),
                       [&](const v1::Surface& one) {
                         const auto& shown = one.campaigns();
                         return !one.region_key().empty() &&
                                std::find(shown.begin(), shown.end(), campaign.id()) != shown.end();
                       });
  }

  void CheckJurisdictions() {
    std::map<std::string, std::string> ids;
    for (int i = 0; i < bundle_.jurisdictions_size(); ++i) {
      const v1::Jurisdiction& one = bundle_.jurisdictions(i);
      const std::string path = absl::StrCat("jurisdictions[", i, "]");
      const auto [first, fresh] = ids.try_emplace(one.id(), path + ".id");
      if (!fresh && !one.id().empty()) {
        Report(path + ".id", absl::StrCat("'", one.id(), "' is given twice; first at ",
                                          places_.At(first->second).ToString()));
      }
      CheckNotEmpty(one.regions(), path + ".regions");
      auto rule = CheckRule(one.eligible(), path + ".eligible", absl::UTCTimeZone());
      if (rule) jurisdictions_.emplace_back(&one, *std::move(rule));
    }
  }

  void CheckFallback(const std::string& id, const std::string& path) const {
    if (id.empty()) return;
    for (const v1::Campaign& campaign : bundle_.campaigns()) {
      for (const v1::Action& action : campaign.actions()) {
        if (action.id() != id) continue;
        const std::string limit = LimitOf(campaign, action);
        if (limit.empty()) return;
        Report(path, absl::StrCat("'", id, "' ", limit,
                                  "; a fallback must be allowed for everybody at any time"));
        return;
      }
    }
  }

  // What may keep the action from somebody; empty if nothing does.
  std::string LimitOf(const v1::Campaign& campaign, const v1::Action& action) const {
    if (!campaign.eligible().empty()) {
      return absl::StrCat("belongs to campaign '", campaign.id(), "', which has a rule");
    }
    if (!action.eligible().empty()) return "has a rule";
    if (action.approval() != v1::APPROVAL_APPROVED) return "is not approved";
    if (action.has_expires()) return "expires";
    if (action.regions_size() > 0) return "may be shown in some regions only";
    for (const auto& [jurisdiction, rule] : jurisdictions_) {
      if (HoldsForAllRequests(rule, compiler_, campaign, action)) continue;
      return absl::StrCat("may be refused by the rule of jurisdiction '", jurisdiction->id(), "'");
    }
    return "";
  }

  const v1::Bundle& bundle_;
  const RuleCompiler& compiler_;
  const Places& places_;
  Problems* const problems_;
  std::map<std::string, std::pair<rules::Type, std::string>> types_;  // with the first one's path
  std::vector<std::pair<const v1::Jurisdiction*, rules::Rule>> jurisdictions_;
};

}  // namespace

void CheckEligibility(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  const auto compiler = RuleCompiler::Make(bundle);
  if (!compiler.ok()) {
    problems->Add(places.At(""), std::string(compiler.status().message()));
    return;
  }
  EligibilityChecker(bundle, *compiler, places, problems).Run();
}

}  // namespace fulcrum::config
