// What a replay of a whole log found.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "fulcrum/decision_record.h"
#include "replay/comparison.h"

namespace fulcrum::replay {

// Decisions not replayed at one level, by the reason why.
using Reasons = std::map<std::string, uint64_t>;

struct ReplayReport {
  struct Place {
    Lsn lsn = 0;
    DecisionId decision_id;
    Difference difference;
  };

  uint64_t decisions = 0;             // decision records
  uint64_t undegraded = 0;            // answered in full
  uint64_t undegraded_full = 0;       // of those: the record says `replayable: full`
  uint64_t undegraded_identical = 0;  // of those: the same at the full level
  uint64_t says_full = 0;             // all records by what they say
  uint64_t says_selection = 0;
  uint64_t says_none = 0;
  uint64_t selection_identical = 0;  // drawn again from the record: the same bits
  uint64_t full_identical = 0;       // decided again from its inputs: the same bits
  uint64_t different = 0;            // decisions that differ at either level
  std::optional<Place> first_difference;
  Reasons selection_not_replayed;
  Reasons full_not_replayed;
  uint64_t corrupt = 0;       // places of either stream that cannot be read, torn tails apart
  std::string first_corrupt;  // where and what; empty if there is none
  bool torn_tail = false;     // the log ends in what had never been synced
  std::vector<std::string> quarantined;  // known gaps, in LSN order

  // Nothing differs and all could be read.
  bool clean() const { return different == 0 && corrupt == 0; }
};

}  // namespace fulcrum::replay
