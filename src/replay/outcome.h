// What another policy does with one recorded decision, and its line in a target file.
//
// A target file is JSON Lines: first a header that says what was replayed under what, then a line
// for each decision of the log, in its order. Ticks are whole numbers of 2^-32. Lines are all that
// a replay that was cut short needs to go on, and all that `fulcrum evaluate --target` reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::replay {

struct OutcomeCandidate {
  std::string action_id;
  MaskReason mask = MaskReason::kNone;
  std::string row;  // of the other bundle: the one that had no room; empty if it is not known

  friend bool operator==(const OutcomeCandidate&, const OutcomeCandidate&) = default;
};

struct OutcomePosition {
  std::string action_id;     // drawn
  std::vector<Ticks> ticks;  // one per candidate, then the neutral action; empty if not replayed

  friend bool operator==(const OutcomePosition&, const OutcomePosition&) = default;
};

struct Outcome {
  Lsn lsn = 0;
  DecisionId id;
  // Why it was not replayed; empty if it was. Then the slate is the logged one, and there are
  // neither candidates nor ticks.
  std::string not_replayed;
  std::vector<OutcomeCandidate> candidates;
  std::vector<OutcomePosition> slate;
  // By logged position: the distribution given what was logged before it. Empty where that is not
  // possible any more.
  std::vector<std::vector<Ticks>> target;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// With the line's end.
std::string ToLine(const Outcome& outcome);
// INVALID_ARGUMENT if ToLine could not have written it.
absl::StatusOr<Outcome> ParseOutcome(std::string_view line);

// What a target file is of: files of the same header continue each other.
struct TargetHeader {
  uint64_t bundle = 0;  // as in Versions, like the next one
  uint64_t model = 0;
  Lsn first_lsn = 0;  // of the log's events
  Lsn last_lsn = 0;
  std::string settings;  // whatever else shapes the result

  friend bool operator==(const TargetHeader&, const TargetHeader&) = default;
};

std::string ToLine(const TargetHeader& header);
absl::StatusOr<TargetHeader> ParseTargetHeader(std::string_view line);

}  // namespace fulcrum::replay
