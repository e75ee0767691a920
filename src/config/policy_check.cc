#include "config/policy_check.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "config/choice_resolve.h"
#include "config/nearest.h"
#include "config/request_key.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::config {
namespace {

struct Parameter {
  const char* field;
  v1::PolicyKind kind;  // that reads it
  const char* name;
};

constexpr Parameter kParameters[] = {
    {"epsilon", v1::POLICY_KIND_EPSILON_GREEDY, "epsilon_greedy"},
    {"temperature", v1::POLICY_KIND_SOFTMAX, "softmax"},
    {"width", v1::POLICY_KIND_UPPER_BOUND, "upper_bound"},
    {"gamma", v1::POLICY_KIND_INVERSE_GAP, "inverse_gap"},
    {"beta", v1::POLICY_KIND_TOP_TWO, "top_two"},
    {"shares", v1::POLICY_KIND_FIXED_SHARES, "fixed_shares"},
};

constexpr double kRounding = 1e-9;  // of sums of decimals
constexpr size_t kRegionBytesMax = 64;

template <typename List, typename Name>
std::vector<std::string> NamesOf(const List& list, Name name) {
  std::vector<std::string> names;
  for (const auto& one : list) names.push_back(name(one));
  return names;
}

class SurfaceChecker {
 public:
  SurfaceChecker(const v1::Bundle& bundle, int index, const Places& places, Problems* problems)
      : bundle_(bundle),
        surface_(bundle.surfaces(index)),
        path_(absl::StrCat("surfaces[", index, "]")),
        places_(places),
        problems_(problems) {
    const auto& here = surface_.campaigns();
    for (const v1::Campaign& campaign : bundle.campaigns()) {
      if (std::find(here.begin(), here.end(), campaign.id()) == here.end()) continue;
      for (const v1::Action& action : campaign.actions()) actions_.push_back(action.id());
    }
    actions_.emplace_back(kNeutralActionId);
  }

  void Run() const {
    CheckPolicy(surface_.policy(), path_ + ".policy");
    CheckBands(surface_.bands(), path_ + ".bands", surface_.exploration_floor());
    CheckRegionKey();
    CheckRegions();
    CheckShadows();
  }

 private:
  void Report(const std::string& path, std::string_view message) const {
    problems_->Add(places_.At(path), absl::StrCat(path, ": ", base::ToAbsl(message)));
  }

  void CheckAction(const std::string& action, const std::string& path) const {
    if (action.empty() || std::find(actions_.begin(), actions_.end(), action) != actions_.end()) {
      return;
    }
    Report(path, absl::StrCat("the surface has no action '", action.substr(0, 80), "'",
                              NearestHint(action, actions_)));
  }

  // Each action of `list` is on the surface and named once.
  template <typename List>
  void CheckActions(const List& list, const std::string& path) const {
    const std::vector<std::string> names =
        NamesOf(list, [](const auto& one) { return one.action(); });
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string item = absl::StrCat(path, "[", i, "].action");
      CheckAction(names[i], item);
      const auto first = std::find(names.begin(), names.end(), names[i]);
      if (first != names.begin() + static_cast<std::ptrdiff_t>(i)) {
        Report(item, absl::StrCat("'", names[i], "' is given twice; put it into one entry"));
      }
    }
  }

  void CheckPolicy(const v1::Policy& policy, const std::string& path) const {
    for (const Parameter& parameter : kParameters) {
      if (policy.kind() == parameter.kind) continue;
      const std::string field = absl::StrCat(path, ".", parameter.field);
      if (!places_.Has(field)) continue;
      Report(field, absl::StrCat("only 'kind: ", parameter.name,
                                 "' reads it; choose that kind or remove it"));
    }
    CheckActions(policy.shares(), path + ".shares");
    if (policy.kind() == v1::POLICY_KIND_FIXED_SHARES && policy.shares_size() == 0) {
      Report(path, "'kind: fixed_shares' draws nothing without 'shares'; name the actions");
    }
  }

  template <typename List>
  void CheckBands(const List& bands, const std::string& path, double floor) const {
    CheckActions(bands, path);
    double least = floor;
    for (int i = 0; i < bands.size(); ++i) {
      least += bands[i].min();
      if (bands[i].min() <= bands[i].max()) continue;
      Report(absl::StrCat(path, "[", i, "].min"),
             absl::StrCat("larger than its 'max', ", bands[i].max()));
    }
    if (bands.empty() || least <= 1 + kRounding) return;
    Report(path, absl::StrCat("the least probabilities and the exploration floor sum to ", least,
                              "; lower some, so that they sum to at most 1"));
  }

  void CheckRegionKey() const {
    const std::string path = path_ + ".region_key";
    if (surface_.region_key().empty()) {
      if (surface_.regions_size() == 0) return;
      Report(path_ + ".regions",
             "nothing says where a request's region is found; add 'region_key'");
      return;
    }
    const std::string problem = RequestKeys(bundle_).ProblemOf(surface_.region_key());
    if (!problem.empty()) Report(path, problem);
  }

  void CheckRegions() const {
    const std::vector<std::string> names =
        NamesOf(surface_.regions(), [](const v1::Region& one) { return one.region(); });
    for (int i = 0; i < surface_.regions_size(); ++i) {
      const v1::Region& region = surface_.regions(i);
      const std::string path = absl::StrCat(path_, ".regions[", i, "]");
      if (region.region().size() > kRegionBytesMax) {
        Report(path + ".region", absl::StrCat("longer than ", kRegionBytesMax, " bytes"));
      }
      CheckOnce(names, i, path + ".region");
      CheckPolicy(region.policy(), path + ".policy");
      const double floor = region.has_exploration_floor() ? region.exploration_floor()
                                                          : surface_.exploration_floor();
      // The surface's own bands beside its own floor were checked already.
      if (region.bands_size() > 0) {
        CheckBands(region.bands(), path + ".bands", floor);
      } else if (region.has_exploration_floor()) {
        CheckBands(surface_.bands(), path + ".exploration_floor", floor);
      }
    }
  }

  void CheckOnce(const std::vector<std::string>& names, int index, const std::string& path) const {
    const auto at = names.begin() + index;
    if (at->empty() || std::find(names.begin(), at, *at) == at) return;
    Report(path, absl::StrCat("'", *at, "' is given twice; put it into one entry"));
  }

  void CheckShadows() const {
    if (surface_.shadows_size() > kShadowsMax) {
      Report(path_ + ".shadows", absl::StrCat(surface_.shadows_size(), " shadows; at most ",
                                              kShadowsMax, " are allowed, each costs time"));
    }
    const std::vector<std::string> names =
        NamesOf(surface_.shadows(), [](const v1::Shadow& one) { return one.id(); });
    for (int i = 0; i < surface_.shadows_size(); ++i) {
      const std::string path = absl::StrCat(path_, ".shadows[", i, "]");
      CheckOnce(names, i, path + ".id");
      CheckPolicy(surface_.shadows(i).policy(), path + ".policy");
      if (surface_.shadows(i).policy().kind() != v1::POLICY_KIND_FIXED_SHARES) continue;
      Report(path + ".policy.kind",
             "a shadow has no shares of its own; 'fulcrum evaluate' can evaluate fixed shares "
             "from the log instead");
    }
  }

  const v1::Bundle& bundle_;
  const v1::Surface& surface_;
  const std::string path_;
  const Places& places_;
  Problems* const problems_;
  std::vector<std::string> actions_;  // of the surface, and the neutral one
};

// What likeness is computed from.
void CheckLikeness(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  constexpr int kCategoriesMax = 32;
  constexpr int kVectorMax = 256;
  int size = 0;  // of the first vector
  for (int c = 0; c < bundle.campaigns_size(); ++c) {
    for (int i = 0; i < bundle.campaigns(c).actions_size(); ++i) {
      const v1::Action& action = bundle.campaigns(c).actions(i);
      const std::string path = absl::StrCat("campaigns[", c, "].actions[", i, "]");
      const auto report = [&](const std::string& field, const std::string& message) {
        problems->Add(places.At(field), absl::StrCat(field, ": ", message));
      };
      std::vector<std::string> categories(action.categories().begin(), action.categories().end());
      std::sort(categories.begin(), categories.end());
      if (std::adjacent_find(categories.begin(), categories.end()) != categories.end()) {
        report(path + ".categories", "a category is given twice");
      }
      if (action.categories_size() > kCategoriesMax) {
        report(path + ".categories", absl::StrCat("more than ", kCategoriesMax));
      }
      if (action.vector_size() == 0) continue;
      if (size == 0) size = action.vector_size();
      double squares = 0;
      for (const double one : action.vector()) squares += one * one;
      if (action.vector_size() != size || size > kVectorMax) {
        report(path + ".vector", absl::StrCat(action.vector_size(), " numbers; all vectors have ",
                                              "as many, at most ", kVectorMax));
      } else if (!(squares > 0) || squares > 1e300) {
        report(path + ".vector", "has no direction: all numbers are 0, or far too large");
      }
    }
  }
}

}  // namespace

void CheckPolicies(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  CheckLikeness(bundle, places, problems);
  for (int i = 0; i < bundle.surfaces_size(); ++i) {
    SurfaceChecker(bundle, i, places, problems).Run();
  }
}

}  // namespace fulcrum::config
