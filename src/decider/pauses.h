// What operators have paused, by the indices of a bundle. Immutable once made; ends are compared
// with the time that is asked for, so that nothing has to happen when one passes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "config/bundle.h"
#include "domain/seams.h"
#include "domain/switches.h"

namespace fulcrum::decider {

class Pauses {
 public:
  // Of switches whose targets the bundle does not have, there is nothing to keep.
  Pauses(const domain::Switches& switches, const config::Bundle& bundle);

  bool Model(absl::Time now) const { return now < model_; }
  // By index into the bundle's surfaces.
  bool Surface(size_t surface, absl::Time now) const {
    return now < all_ || now < surfaces_[surface];
  }
  // By index into the bundle's actions: itself, its campaign or its creative.
  bool Action(int32_t action, absl::Time now) const {
    return now < actions_[static_cast<size_t>(action)];
  }

  // Takes paused features out of a row.
  void HideOfUser(absl::Time now, domain::ReadRow* row) const { Hide(user_features_, now, row); }
  void HideOfItem(absl::Time now, domain::ReadRow* row) const { Hide(item_features_, now, row); }

 private:
  using Features = std::vector<std::pair<std::string, absl::Time>>;

  void Add(const Switch& one, const config::Bundle& bundle);
  void AddFeature(std::string_view id, absl::Time until);
  static void Hide(const Features& features, absl::Time now, domain::ReadRow* row);

  // When each ends; infinitely past: not paused.
  absl::Time all_ = absl::InfinitePast();
  absl::Time model_ = absl::InfinitePast();
  std::vector<absl::Time> surfaces_;
  std::vector<absl::Time> actions_;
  Features user_features_;
  Features item_features_;
};

}  // namespace fulcrum::decider
