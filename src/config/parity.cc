#include "config/parity.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "config/nearest.h"
#include "config/proto_time.h"

namespace fulcrum::config {
namespace {

template <typename List>
bool Has(const List& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

bool Counts(const v1::Parity& parity, const v1::Campaign& campaign, const v1::Action& action) {
  if (!parity.campaign().empty() && parity.campaign() != campaign.id()) return false;
  if (!parity.actions().empty() && !Has(parity.actions(), action.id())) return false;
  return parity.categories().empty() ||
         std::any_of(action.categories().begin(), action.categories().end(),
                     [&](const std::string& one) { return Has(parity.categories(), one); });
}

// What a band may name.
struct Known {
  std::vector<std::string> surfaces, campaigns, actions, categories;
};

Known KnownOf(const v1::Bundle& bundle) {
  Known known;
  for (const v1::Surface& surface : bundle.surfaces()) known.surfaces.push_back(surface.id());
  for (const v1::Campaign& campaign : bundle.campaigns()) {
    known.campaigns.push_back(campaign.id());
    for (const v1::Action& action : campaign.actions()) {
      known.actions.push_back(action.id());
      known.categories.insert(known.categories.end(), action.categories().begin(),
                              action.categories().end());
    }
  }
  return known;
}

class ParityChecker {
 public:
  ParityChecker(const v1::Bundle& bundle, const Places& places, Problems* problems)
      : bundle_(bundle), places_(places), problems_(problems), known_(KnownOf(bundle)) {}

  void Run() {
    for (int i = 0; i < bundle_.parity_size(); ++i) {
      const std::string path = absl::StrCat("parity[", i, "]");
      CheckUnique(bundle_.parity(i).id(), path + ".id");
      CheckScope(bundle_.parity(i), path);
    }
  }

 private:
  void Report(const std::string& path, std::string_view message) const {
    problems_->Add(places_.At(path), absl::StrCat(path, ": ", base::ToAbsl(message)));
  }

  void CheckUnique(const std::string& id, const std::string& path) {
    if (id.empty()) return;
    const auto [first, fresh] = ids_.try_emplace(id, path);
    if (fresh) return;
    Report(path, absl::StrCat("'", id, "' is given twice; first at ",
                              places_.At(first->second).ToString()));
  }

  void CheckName(const std::string& name, const std::string& path, const char* what,
                 const std::vector<std::string>& names) const {
    if (name.empty() || Has(names, name)) return;
    Report(path, absl::StrCat("there is no ", what, " '", name.substr(0, 80), "'",
                              NearestHint(name, names)));
  }

  template <typename List>
  void CheckNames(const List& list, const std::string& path, const char* what,
                  const std::vector<std::string>& names) const {
    for (int i = 0; i < list.size(); ++i) {
      CheckName(list[i], absl::StrCat(path, "[", i, "]"), what, names);
    }
  }

  void CheckScope(const v1::Parity& parity, const std::string& path) const {
    const size_t before = problems_->count();
    CheckName(parity.campaign(), path + ".campaign", "campaign", known_.campaigns);
    CheckNames(parity.surfaces(), path + ".surfaces", "surface", known_.surfaces);
    CheckNames(parity.actions(), path + ".actions", "action", known_.actions);
    CheckNames(parity.categories(), path + ".categories", "category", known_.categories);
    if (parity.cohorts_size() == 1) {
      Report(path + ".cohorts", "names one cohort; it takes two to compare, or none for all");
    }
    if (problems_->count() != before) return;  // what follows would say the same in other words
    CheckCohortsAreKnown(parity, path);
    bool counts = false;
    for (const v1::Campaign& campaign : bundle_.campaigns()) {
      for (const v1::Action& action : campaign.actions()) {
        counts = counts || Counts(parity, campaign, action);
      }
    }
    if (!counts) {
      Report(path,
             "counts no action: nothing is in its campaign, actions and categories together; "
             "widen its scope or remove it");
    }
  }

  void CheckCohortsAreKnown(const v1::Parity& parity, const std::string& path) const {
    const bool by_region = parity.by() == v1::PARITY_BY_REGION;
    const bool known = std::any_of(
        bundle_.surfaces().begin(), bundle_.surfaces().end(), [&](const v1::Surface& one) {
          const bool counted = parity.surfaces().empty() || Has(parity.surfaces(), one.id());
          return counted && !(by_region ? one.region_key() : one.segment_feature()).empty();
        });
    if (known || parity.by() == v1::PARITY_BY_UNSPECIFIED) return;
    Report(path + ".by", absl::StrCat("no surface in its scope has a '",
                                      by_region ? "region_key" : "segment_feature", "'; add one"));
  }

  const v1::Bundle& bundle_;
  const Places& places_;
  Problems* problems_;
  const Known known_;
  std::map<std::string, std::string> ids_;
};

}  // namespace

void CheckParity(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  ParityChecker(bundle, places, problems).Run();
}

void ResolveParity(const v1::Bundle& from, Bundle* to) {
  for (const v1::Parity& one : from.parity()) {
    Parity& parity = to->parity.emplace_back();
    parity.id = one.id();
    parity.by = one.by() == v1::PARITY_BY_REGION ? ParityBy::kRegion : ParityBy::kSegment;
    parity.cohorts = {one.cohorts().begin(), one.cohorts().end()};
    for (int i = 0; i < from.surfaces_size(); ++i) {
      if (Has(one.surfaces(), from.surfaces(i).id())) parity.surfaces.push_back(i);
    }
    for (const v1::Campaign& campaign : from.campaigns()) {
      for (const v1::Action& action : campaign.actions()) {
        if (!Counts(one, campaign, action)) continue;
        parity.actions.push_back(to->action_index.find(action.id())->second);
      }
    }
    std::sort(parity.actions.begin(), parity.actions.end());
    parity.ratio_min = one.ratio_min();
    parity.span_us = absl::ToInt64Microseconds(DurationOf(one.span()));
    parity.decisions_min = one.decisions_min();
  }
}

void CanonicaliseParity(v1::Bundle* bundle) {
  for (v1::Parity& one : *bundle->mutable_parity()) {
    for (auto* list : {one.mutable_cohorts(), one.mutable_surfaces(), one.mutable_actions(),
                       one.mutable_categories()}) {
      std::sort(list->begin(), list->end());
    }
  }
  std::sort(bundle->mutable_parity()->begin(), bundle->mutable_parity()->end(),
            [](const v1::Parity& a, const v1::Parity& b) { return a.id() < b.id(); });
}

}  // namespace fulcrum::config
