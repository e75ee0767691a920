// What a day of a log would be like under a bundle: which limits bind and when, which actions
// starve and of what, and how each row is used over the day.
//
// The log's traffic is the forecast; the ledger begins empty. Each row's demand is what would be
// used if no limit held: the same day once more, without limits.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "replay/other_policy.h"

namespace fulcrum::apps {

struct PlanRow {
  int64_t limit = 0;  // per user for rows per user, whose use is the sum over all users
  bool per_user = false;
  int64_t used = 0;  // micros or exposures, as drawn
  double expected = 0;
  int64_t demand = 0;
  uint64_t denied = 0;          // decisions in which it left a candidate no room
  int64_t first_denied_us = 0;  // 0: never; then it does not bind
  std::vector<double> curve;    // used by the end of each bin, from the first
};

struct PlanAction {
  uint64_t eligible = 0;                      // decisions that could have drawn it but for limits
  uint64_t drawn = 0;                         // positions
  uint64_t masked = 0;                        // of those eligible: a row had no room
  std::map<std::string, uint64_t> masked_by;  // by row

  double MaskedShare() const {
    return eligible == 0 ? 0 : static_cast<double>(masked) / static_cast<double>(eligible);
  }
};

struct PlanCheck {
  uint64_t decisions = 0;
  uint64_t replayed = 0;
  int64_t start_us = 0;  // of the first decision
  int64_t end_us = 0;    // of the last one
  int64_t bin_us = 0;
  std::map<std::string, PlanRow> rows;
  std::map<std::string, PlanAction> actions;
  bool readable = true;  // the whole log

  double HoursAt(size_t bin) const {
    return static_cast<double>(bin + 1) * static_cast<double>(bin_us) / 3.6e9;
  }
};

struct PlanCheckOptions {
  std::optional<absl::CivilDay> date;  // UTC; only its decisions. Absent: the whole log
  size_t threads = 1;
  absl::Duration bin = absl::Minutes(15);
};

// FAILED_PRECONDITION if there are no decisions on that day.
absl::StatusOr<PlanCheck> CheckPlan(base::FileSystem* files, const std::string& log_directory,
                                    const replay::OtherPolicy& policy,
                                    const PlanCheckOptions& options);

std::string ToText(const PlanCheck& check);
std::string ToJson(const PlanCheck& check);
// Use as a share of the limit over the hours of the day, of the four rows that deny most.
std::string ToSvg(const PlanCheck& check);

}  // namespace fulcrum::apps
