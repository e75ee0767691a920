#include "config/constraint_check.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "config/nearest.h"
#include "config/proto_time.h"
#include "config/request_key.h"
#include "config/terms_check.h"
#include "config/time_zone.h"

namespace fulcrum::config {
namespace {

template <typename List>
bool Has(const List& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

template <typename List>
bool Overlap(const List& wanted, const List& list) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& one) { return Has(wanted, one); });
}

class ConstraintChecker {
 public:
  ConstraintChecker(const v1::Bundle& bundle, const Places& places, Problems* problems)
      : bundle_(bundle), places_(places), problems_(problems), keys_(bundle) {
    for (const v1::Campaign& campaign : bundle_.campaigns()) {
      campaigns_.insert(campaign.id());
      accounts_.insert(campaign.account());
      for (const v1::Action& action : campaign.actions()) {
        actions_.insert(action.id());
        creatives_.insert(action.creative());
        categories_.insert(action.categories().begin(), action.categories().end());
        for (const v1::Attribute& one : action.attributes()) {
          if (one.has_number()) attributes_.insert(one.name());
        }
      }
    }
    for (const v1::Surface& surface : bundle_.surfaces()) surfaces_.insert(surface.id());
  }

  void Run() {
    for (int i = 0; i < bundle_.campaigns_size(); ++i) {
      CheckCampaign(bundle_.campaigns(i), absl::StrCat("campaigns[", i, "]"));
    }
    std::map<std::string, std::string> ids;
    for (int i = 0; i < bundle_.constraints_size(); ++i) {
      const std::string path = absl::StrCat("constraints[", i, "]");
      CheckUnique(bundle_.constraints(i).id(), path + ".id", &ids);
      CheckScope(bundle_.constraints(i), path);
      CheckCounting(bundle_.constraints(i), path);
    }
    ids.clear();
    for (int i = 0; i < bundle_.exclusions_size(); ++i) {
      const std::string path = absl::StrCat("exclusions[", i, "]");
      CheckUnique(bundle_.exclusions(i).id(), path + ".id", &ids);
      CheckExclusion(bundle_.exclusions(i), path);
    }
  }

 private:
  using Names = std::set<std::string>;

  void Report(const std::string& path, std::string_view message) const {
    problems_->Add(places_.At(path), absl::StrCat(path, ": ", base::ToAbsl(message)));
  }

  void CheckUnique(const std::string& id, const std::string& path,
                   std::map<std::string, std::string>* known) const {
    if (id.empty()) return;
    const auto [first, fresh] = known->try_emplace(id, path);
    if (fresh) return;
    Report(path, absl::StrCat("'", id, "' is given twice; first at ",
                              places_.At(first->second).ToString()));
  }

  void CheckName(const std::string& name, const std::string& path, const char* what,
                 const Names& names) const {
    if (name.empty() || names.contains(name)) return;
    Report(path, absl::StrCat("there is no ", what, " '", name.substr(0, 80), "'",
                              NearestHint(name, {names.begin(), names.end()})));
  }

  template <typename List>
  void CheckNames(const List& list, const std::string& path, const char* what,
                  const Names& names) const {
    for (int i = 0; i < list.size(); ++i) {
      CheckName(list[i], absl::StrCat(path, "[", i, "]"), what, names);
    }
  }

  void CheckCampaign(const v1::Campaign& campaign, const std::string& path) const {
    for (int i = 0; i < campaign.quiet_hours_size(); ++i) {
      const std::string hours = absl::StrCat(path, ".quiet_hours[", i, "]");
      const int from = CheckMinute(campaign.quiet_hours(i).from(), hours + ".from");
      const int to = CheckMinute(campaign.quiet_hours(i).to(), hours + ".to");
      if (from >= 0 && from == to) Report(hours, "starts when it ends; a whole day is an 'end'");
    }
    Names own;
    for (const v1::Action& action : campaign.actions()) own.insert(action.id());
    for (int i = 0; i < campaign.actions_size(); ++i) {
      CheckAction(campaign.actions(i), absl::StrCat(path, ".actions[", i, "]"), campaign, own);
    }
  }

  int CheckMinute(const std::string& text, const std::string& path) const {
    const int minute = MinuteOf(text);
    if (minute < 0 && !text.empty()) {
      Report(path, absl::StrCat("'", text.substr(0, 80), "' is no time of day such as 22:00"));
    }
    return minute;
  }

  void CheckAction(const v1::Action& action, const std::string& path, const v1::Campaign& campaign,
                   const Names& own) const {
    std::map<std::string, std::string> names;
    for (int i = 0; i < action.attributes_size(); ++i) {
      CheckUnique(action.attributes(i).name(), absl::StrCat(path, ".attributes[", i, "].name"),
                  &names);
    }
    const std::string& form = action.variant_of();
    if (form.empty()) return;
    const std::string variant = path + ".variant_of";
    CheckName(form, variant, "action of the campaign", own);
    for (const v1::Action& other : campaign.actions()) {
      if (other.id() != form) continue;
      if (form == action.id() || !other.variant_of().empty()) {
        Report(variant, absl::StrCat("'", form,
                                     "' is itself a variant; name what stands for "
                                     "itself"));
      }
    }
  }

  void CheckScope(const v1::Constraint& row, const std::string& path) const {
    CheckName(row.campaign(), path + ".campaign", "campaign", campaigns_);
    CheckName(row.account(), path + ".account", "account", accounts_);
    CheckNames(row.actions(), path + ".actions", "action", actions_);
    CheckNames(row.creatives(), path + ".creatives", "creative", creatives_);
    CheckNames(row.categories(), path + ".categories", "category", categories_);
    CheckNames(row.surfaces(), path + ".surfaces", "surface", surfaces_);
    const auto on_surface = [&](const v1::Surface& surface) {
      return row.surfaces().empty() || Has(row.surfaces(), surface.id());
    };
    const auto any_has = [&](auto field) {
      return std::any_of(
          bundle_.surfaces().begin(), bundle_.surfaces().end(),
          [&](const v1::Surface& one) { return on_surface(one) && !(one.*field)().empty(); });
    };
    if (row.regions_size() > 0 && !any_has(&v1::Surface::region_key)) {
      Report(path + ".regions", "no surface in its scope has a 'region_key'; add one");
    }
    if (row.segments_size() > 0 && !any_has(&v1::Surface::segment_feature)) {
      Report(path + ".segments", "no surface in its scope has a 'segment_feature'; add one");
    }
    for (int i = 0; i < row.where_size(); ++i) {
      const std::string key = absl::StrCat(path, ".where[", i, "].key");
      if (row.where(i).key().empty()) continue;
      const std::string problem = keys_.ProblemOf(row.where(i).key());
      if (!problem.empty()) Report(key, problem);
    }
    if (CountsNothing(row)) {
      Report(path,
             "counts no action: nothing is in its campaign, account, actions, creatives and "
             "categories together; widen its scope or remove it");
    }
  }

  bool CountsNothing(const v1::Constraint& row) const {
    for (const v1::Campaign& campaign : bundle_.campaigns()) {
      for (const v1::Action& action : campaign.actions()) {
        if (Counts(row, campaign, action)) return false;
      }
    }
    return true;
  }

  void CheckCounting(const v1::Constraint& row, const std::string& path) const {
    const bool rolling = row.window() == v1::WINDOW_ROLLING;
    if (rolling && !row.has_span()) Report(path, "'window: rolling' needs 'span'; say how long");
    if (!rolling && row.has_span()) {
      Report(path + ".span", "only a 'window: rolling' has a span; choose that or remove it");
    }
    const bool attribute = row.resource() == v1::RESOURCE_ATTRIBUTE;
    if (attribute && row.attribute().empty()) {
      Report(path, "'resource: attribute' needs 'attribute'; name what is counted");
    } else if (attribute) {
      CheckName(row.attribute(), path + ".attribute", "attribute of an action that is a number",
                attributes_);
    } else if (!row.attribute().empty()) {
      Report(path + ".attribute",
             "counted by 'resource: attribute' only; choose that or remove it");
    }
    CheckCurrencies(row, path);
    if (!row.time_zone().empty()) {
      const std::string problem = ProblemOfZone(row.time_zone());
      if (!problem.empty()) Report(path + ".time_zone", problem);
    }
    if (row.has_start() && row.has_end() && TimeOf(row.start()) >= TimeOf(row.end())) {
      Report(path + ".end", "must be after 'start'");
    }
  }

  // Micros of two currencies have no sum.
  void CheckCurrencies(const v1::Constraint& row, const std::string& path) const {
    if (row.resource() != v1::RESOURCE_COST) return;
    std::string currency;
    for (const v1::Campaign& campaign : bundle_.campaigns()) {
      const bool counted =
          std::any_of(campaign.actions().begin(), campaign.actions().end(),
                      [&](const v1::Action& one) { return Counts(row, campaign, one); });
      if (!counted || campaign.currency() == currency) continue;
      if (!currency.empty()) {
        Report(path, absl::StrCat("counts costs in ", currency, " and ", campaign.currency(),
                                  ", which have no sum; narrow its scope to one currency"));
        return;
      }
      currency = campaign.currency();
    }
  }

  void CheckExclusion(const v1::Exclusion& exclusion, const std::string& path) const {
    CheckNames(exclusion.actions(), path + ".actions", "action", actions_);
    CheckNames(exclusion.categories(), path + ".categories", "category", categories_);
    int listed = 0;
    for (const v1::Campaign& campaign : bundle_.campaigns()) {
      for (const v1::Action& action : campaign.actions())
        listed += Lists(exclusion, action) ? 1 : 0;
    }
    if (listed < 2) {
      Report(path, absl::StrCat("lists ", listed,
                                " of the bundle's actions; it takes two to "
                                "exclude one another"));
    }
  }

  const v1::Bundle& bundle_;
  const Places& places_;
  Problems* problems_;
  const RequestKeys keys_;
  Names campaigns_, accounts_, actions_, creatives_, categories_, attributes_, surfaces_;
};

}  // namespace

bool Counts(const v1::Constraint& row, const v1::Campaign& campaign, const v1::Action& action) {
  if (!row.campaign().empty() && row.campaign() != campaign.id()) return false;
  if (!row.account().empty() && row.account() != campaign.account()) return false;
  if (!row.actions().empty() && !Has(row.actions(), action.id())) return false;
  if (!row.creatives().empty() && !Has(row.creatives(), action.creative())) return false;
  return row.categories().empty() || Overlap(row.categories(), action.categories());
}

bool Lists(const v1::Exclusion& exclusion, const v1::Action& action) {
  return Has(exclusion.actions(), action.id()) ||
         Overlap(exclusion.categories(), action.categories());
}

int MinuteOf(std::string_view time) {
  const auto digit = [&](size_t at) {
    return time[at] >= '0' && time[at] <= '9' ? time[at] - '0' : -1000;
  };
  if (time.size() != 5 || time[2] != ':') return -1;
  const int hour = 10 * digit(0) + digit(1);
  const int minute = 10 * digit(3) + digit(4);
  return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 ? 60 * hour + minute : -1;
}

void CheckConstraints(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  ConstraintChecker(bundle, places, problems).Run();
  CheckTerms(bundle, places, problems);
}

}  // namespace fulcrum::config
