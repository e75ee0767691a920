// What another policy would have done differently over a whole log.
//
// A function of the log and of the outcomes alone, added in the order of the log: the same bits for
// any number of threads and however often the replay was cut short.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/bundle.h"
#include "fulcrum/decision_record.h"
#include "replay/outcome.h"
#include "replay/report.h"

namespace fulcrum::replay {

struct Shift {
  uint64_t logged = 0;          // positions
  uint64_t drawn = 0;           // with the record's random stream
  double expected = 0;          // sum of the probabilities that those were drawn with
  uint64_t logged_no_hold = 0;  // of its candidates: no row had room
  uint64_t no_hold = 0;
};

struct RowShift {
  int64_t limit = 0;   // of the other bundle; 0 if it has no such row
  int64_t logged = 0;  // debits less refunds, micros or exposures
  int64_t drawn = 0;
  double expected = 0;     // by the probabilities, less refunds
  uint64_t binding = 0;    // candidates that had no room in it, first of their rows
  uint64_t decisions = 0;  // with at least one such candidate
};

struct ChangedDecision {
  Lsn lsn = 0;
  DecisionId id;
  double variation = 0;
  std::string logged;  // actions, separated by commas
  std::string drawn;

  friend bool operator==(const ChangedDecision&, const ChangedDecision&) = default;
};

struct CounterfactualReport {
  uint64_t bundle = 0;  // versions
  uint64_t model = 0;
  uint64_t decisions = 0;
  uint64_t replayed = 0;
  Reasons not_replayed;          // these keep what was logged
  uint64_t changed = 0;          // other actions are drawn
  uint64_t changed_targets = 0;  // other distributions at a logged position
  uint64_t held_by_others = 0;   // candidates masked as logged: what was in flight held the room
  double variation = 0;          // mean total variation over the logged positions
  double variation_max = 0;
  uint64_t positions = 0;                // that the mean is over
  uint64_t not_comparable = 0;           // positions behind an action that is no candidate any more
  std::map<std::string, Shift> actions;  // the neutral one included
  std::map<std::string, Shift> campaigns;
  std::map<std::string, RowShift> rows;
  std::vector<ChangedDecision> top;  // by total variation, then by LSN
  uint64_t corrupt = 0;              // places that cannot be read
  std::string first_corrupt;
  bool torn_tail = false;
  std::vector<std::string> quarantined;  // known gaps, in LSN order

  bool unchanged() const { return changed == 0 && changed_targets == 0; }
};

// Compares one decision with its record and adds what that says. Rows are added elsewhere, since
// they change with refunds too; here only how often they were binding.
void AddDecision(const DecisionRecord& record, const Outcome& outcome, const config::Bundle& bundle,
                 CounterfactualReport* report);

}  // namespace fulcrum::replay
