// Who comes when, and what would follow: the world's luck, drawn before anybody decides.
//
// All that happens after a visit is settled here by numbers that do not depend on the decision, so
// policies that are compared meet the same visitors with the same luck.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "base/random.h"
#include "simulation/world.h"

namespace fulcrum::simulation {

// What would follow at one position.
struct Luck {
  double luck = 0;             // [0, 1): it converts if this is below the conversion rate
  double delay = 0;            // of the conversion, in means: exponential
  absl::Duration outcome_lag;  // from the conversion to its report
  bool outcome_repeated = false;
};

struct Visit {
  uint64_t number = 0;  // from 0
  absl::Time time;
  uint32_t user = 0;
  size_t cell = 0;
  bool shown = false;  // what is decided will be shown, and reported in time
  bool shown_late = false;
  absl::Duration exposure_lag;  // from the decision to the report
  bool exposure_repeated = false;
  std::vector<Luck> positions;  // the world's

  // Whether it converts under `arm`, and whether that is credited (within the window; shown).
  bool Converts(const World& world, size_t arm, Showing showing = {}) const;
  bool Earns(const World& world, size_t arm, Showing showing = {}) const;
  // From the decision to the conversion, in the log's microseconds.
  absl::Duration OutcomeDelay(const World& world, size_t arm, size_t position) const;
};

// An endless stream of visits, the same for the same seed. Not thread-safe.
class Visits {
 public:
  Visits(const World& world, uint64_t seed, uint32_t users);
  Visit Next();

 private:
  const World& world_;
  const std::string salt_;
  const uint32_t users_;
  std::vector<std::vector<size_t>> cells_of_segment_;
  uint64_t next_ = 0;
  absl::Time time_ = WorldStart();
};

}  // namespace fulcrum::simulation
