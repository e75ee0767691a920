#include "config/validate.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/strings.h"
#include "config/address.h"
#include "config/constraint_check.h"
#include "config/eligibility_check.h"
#include "config/learning_check.h"
#include "config/masking_check.h"
#include "config/nearest.h"
#include "config/parity.h"
#include "config/policy_check.h"
#include "config/proto_time.h"
#include "config/time_zone.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::config {
namespace {

// A set of ids with the path of each, for duplicates and for references.
class Names {
 public:
  const std::string* PathOf(std::string_view id) const {
    const auto found = paths_.find(id);
    return found == paths_.end() ? nullptr : &found->second;
  }
  bool Add(const std::string& id, const std::string& path) {
    if (!paths_.try_emplace(id, path).second) return false;
    names_.push_back(id);
    return true;
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  base::StringMap<std::string> paths_;
  std::vector<std::string> names_;
};

std::string Item(const char* list, int index) {
  return absl::StrCat(list, "[", index, "]");
}

class Validator {
 public:
  Validator(const v1::Bundle& bundle, const Places& places, Problems* problems)
      : bundle_(bundle), places_(places), problems_(problems) {}

  void Run() {
    CheckServer();
    CheckFeatureViews();
    CheckContextKeys();
    CheckCampaigns();
    CheckSurfaces();
    CheckConstraints(bundle_, places_, problems_);
    CheckParity(bundle_, places_, problems_);
    CheckEligibility(bundle_, places_, problems_);
    CheckPolicies(bundle_, places_, problems_);
    CheckLearning(bundle_, places_, problems_);
    CheckMasking(bundle_, places_, problems_);
  }

 private:
  void Report(const std::string& path, std::string_view message) {
    problems_->Add(places_.At(path), absl::StrCat(path, ": ", base::ToAbsl(message)));
  }

  // Empty names are reported as missing elsewhere.
  void AddUnique(const std::string& id, const std::string& path, Names* names) {
    if (id.empty() || names->Add(id, path)) return;
    Report(path, absl::StrCat("'", id, "' is given twice; first at ",
                              places_.At(*names->PathOf(id)).ToString()));
  }

  // Whether `id` leads to one of `names`; reports it if not.
  bool CheckReference(const std::string& id, const std::string& path, const char* what,
                      const Names& names) {
    if (id.empty()) return false;
    if (names.PathOf(id) != nullptr) return true;
    Report(path, absl::StrCat("there is no ", what, " '", id.substr(0, 80), "'",
                              NearestHint(id, names.names())));
    return false;
  }

  void CheckServer() {
    const v1::Server& server = bundle_.server();
    const absl::Status listen = CheckLoopback(server.listen(), /*unix_allowed=*/true);
    if (!listen.ok()) Report("server.listen", base::FromAbsl(listen.message()));
    const absl::Status metrics = CheckLoopback(server.metrics_listen(), /*unix_allowed=*/false);
    if (!metrics.ok()) Report("server.metrics_listen", base::FromAbsl(metrics.message()));
    if (server.data_dir().empty()) Report("server.data_dir", "must not be empty");
  }

  void CheckFeatureViews() {
    Names views;
    std::vector<int> view_of_entity(v1::Entity_ARRAYSIZE, -1);
    for (int i = 0; i < bundle_.feature_views_size(); ++i) {
      const v1::FeatureView& view = bundle_.feature_views(i);
      const std::string path = Item("feature_views", i);
      AddUnique(view.name(), path + ".name", &views);
      int& first = view_of_entity[static_cast<size_t>(view.entity())];
      if (view.entity() != v1::ENTITY_UNSPECIFIED && first >= 0) {
        Report(path + ".entity", absl::StrCat("this kind of entity has a view already, at ",
                                              places_.At(Item("feature_views", first)).ToString(),
                                              "; put the features of one kind into one view"));
      }
      first = i;
      CheckFeatures(view, path);
    }
  }

  void CheckFeatures(const v1::FeatureView& view, const std::string& path) {
    Names features;
    for (int i = 0; i < view.features_size(); ++i) {
      const v1::Feature& feature = view.features(i);
      const std::string name_path = absl::StrCat(path, ".features[", i, "].name");
      AddUnique(feature.name(), name_path, &features);
      if (view.entity() != v1::ENTITY_USER) continue;
      if (feature.type() == v1::VALUE_TYPE_TEXT) {
        user_texts_.Add(feature.name(), name_path);
      } else {
        user_numbers_.Add(feature.name(), name_path);
      }
    }
  }

  void CheckContextKeys() {
    Names keys;
    for (int i = 0; i < bundle_.context_keys_size(); ++i) {
      const std::string& name = bundle_.context_keys(i).name();
      const std::string path = Item("context_keys", i) + ".name";
      AddUnique(name, path, &keys);
      const size_t star = name.find('*');
      if (star != std::string::npos && (star + 1 != name.size() || star == 0)) {
        Report(path, "'*' may only stand at the end, after at least one other character");
      }
      if (name.size() > 64) Report(path, "longer than 64 bytes");
    }
  }

  void CheckCampaigns() {
    base::StringMap<std::string> currency_of_account;
    for (int i = 0; i < bundle_.campaigns_size(); ++i) {
      const v1::Campaign& campaign = bundle_.campaigns(i);
      const std::string path = Item("campaigns", i);
      AddUnique(campaign.id(), path + ".id", &campaigns_);
      CheckCurrency(campaign, path, &currency_of_account);
      CheckDates(campaign, path);
      CheckActions(campaign, path, i);
    }
  }

  void CheckCurrency(const v1::Campaign& campaign, const std::string& path,
                     base::StringMap<std::string>* currency_of_account) {
    const std::string& currency = campaign.currency();
    if (currency.empty()) return;
    const auto capital = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (currency.size() != 3 || !std::all_of(currency.begin(), currency.end(), capital)) {
      Report(path + ".currency", absl::StrCat("'", currency.substr(0, 80),
                                              "' is not three capitals by ISO 4217, such as JPY"));
      return;
    }
    const auto [known, fresh] = currency_of_account->try_emplace(campaign.account(), currency);
    if (!fresh && known->second != currency) {
      Report(path + ".currency", absl::StrCat("account '", campaign.account(), "' uses ",
                                              known->second, "; an account has one currency"));
    }
  }

  void CheckDates(const v1::Campaign& campaign, const std::string& path) {
    const std::string zone = ProblemOfZone(campaign.time_zone());
    if (!zone.empty()) Report(path + ".time_zone", zone);
    if (campaign.has_start() && campaign.has_end() &&
        TimeOf(campaign.start()) >= TimeOf(campaign.end())) {
      Report(path + ".end", "must be after 'start'");
    }
  }

  void CheckActions(const v1::Campaign& campaign, const std::string& path, int index) {
    for (int i = 0; i < campaign.actions_size(); ++i) {
      const v1::Action& action = campaign.actions(i);
      const std::string id_path = absl::StrCat(path, ".actions[", i, "].id");
      AddUnique(action.id(), id_path, &actions_);
      campaign_of_action_.try_emplace(action.id(), index);
      if (action.id() == kNeutralActionId) {
        Report(id_path, "'none' is the neutral action, which always exists; choose another id");
      }
    }
  }

  void CheckSurfaces() {
    Names surfaces;
    for (int i = 0; i < bundle_.surfaces_size(); ++i) {
      const v1::Surface& surface = bundle_.surfaces(i);
      const std::string path = Item("surfaces", i);
      AddUnique(surface.id(), path + ".id", &surfaces);
      Names listed;
      for (int j = 0; j < surface.campaigns_size(); ++j) {
        const std::string item = absl::StrCat(path, ".campaigns[", j, "]");
        AddUnique(surface.campaigns(j), item, &listed);
        CheckReference(surface.campaigns(j), item, "campaign", campaigns_);
      }
      CheckFallback(surface, path);
      CheckBaseline(surface, path);
      CheckSegment(surface, path);
    }
  }

  // A fallback may be served unlogged, at any time: so nothing may have to be counted or checked.
  void CheckFallback(const v1::Surface& surface, const std::string& surface_path) {
    const std::string path = surface_path + ".fallback_action";
    const std::string& action = surface.fallback_action();
    if (action == kNeutralActionId) {
      Report(path, "'none' is the fallback if the line is absent; remove it");
      return;
    }
    if (!CheckReference(action, path, "action", actions_)) return;
    const v1::Campaign& campaign = bundle_.campaigns(campaign_of_action_.find(action)->second);
    for (int i = 0; i < bundle_.constraints_size(); ++i) {
      if (!Counts(bundle_.constraints(i), campaign, ActionOf(campaign, action))) continue;
      Report(path,
             absl::StrCat("'", action, "' is limited by constraint '", bundle_.constraints(i).id(),
                          "' at ", places_.At(Item("constraints", i)).ToString(),
                          "; an answer that may go unlogged must not use a limit, so name an "
                          "action that no constraint counts"));
      return;
    }
    for (const v1::Exclusion& exclusion : bundle_.exclusions()) {
      if (!exclusion.has_span() || !Lists(exclusion, ActionOf(campaign, action))) continue;
      Report(path, absl::StrCat("'", action, "' is in exclusion '", exclusion.id(),
                                "', which counts what users were shown; an answer that may go "
                                "unlogged must not be counted"));
    }
    if (campaign.quiet_hours_size() > 0) {
      Report(path,
             absl::StrCat("'", action, "' belongs to campaign '", campaign.id(),
                          "', which has quiet hours; a fallback must be allowed at any time"));
    }
    if (campaign.has_start() || campaign.has_end()) {
      Report(path, absl::StrCat("'", action, "' belongs to campaign '", campaign.id(),
                                "', which has dates; a fallback must be allowed at any time"));
    }
  }

  static const v1::Action& ActionOf(const v1::Campaign& campaign, const std::string& id) {
    return *std::find_if(campaign.actions().begin(), campaign.actions().end(),
                         [&](const v1::Action& one) { return one.id() == id; });
  }

  void CheckBaseline(const v1::Surface& surface, const std::string& surface_path) {
    const std::string path = surface_path + ".baseline";
    if (!surface.baseline().has_value()) return;
    for (const char* other : {".alpha", ".beta"}) {
      if (places_.Has(path + other)) {
        Report(path + other, "excluded by 'value': a known baseline has no prior");
      }
    }
  }

  void CheckSegment(const v1::Surface& surface, const std::string& surface_path) {
    const std::string path = surface_path + ".segment_feature";
    const std::string& feature = surface.segment_feature();
    if (user_numbers_.PathOf(feature) != nullptr) {
      Report(path, absl::StrCat("'", feature, "' is a number; a segment is named by a text feature",
                                NearestHint(feature, user_texts_.names())));
      return;
    }
    CheckReference(feature, path, "feature of the user view", user_texts_);
  }

  const v1::Bundle& bundle_;
  const Places& places_;
  Problems* problems_;
  Names campaigns_;
  Names actions_;
  base::StringMap<int> campaign_of_action_;
  Names user_texts_;
  Names user_numbers_;
};

}  // namespace

void ValidateBundle(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  Validator(bundle, places, problems).Run();
}

}  // namespace fulcrum::config
