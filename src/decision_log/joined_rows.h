// A log as a table: one row per decided position, with what came of it. The rewards are those of
// reward_join.h; this adds the order and the states that a table needs.
//
// Rows come in the order of the log, then of the slate, each as soon as nothing can change it any
// more: memory grows with the decisions within twice their windows, not with the log. What is still
// open at the end comes then.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "decision_log/reward_join.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

enum class ExposureState : uint8_t {
  kAssumed,   // the surface does not report it
  kReported,  // in time
  kPending,   // not reported, and its window was not declared over
  kMissing    // not reported in time
};

enum class RowState : uint8_t {
  kFinal,       // shown, and the attribution window is over; a refund may still correct it
  kInterim,     // too early to say: the reward is what is credited so far
  kMissing,     // not shown, so it has earned nothing and is not a zero either
  kSuperseded,  // something else was served
  kFallback     // not drawn, or of a record that does not say what its reward would be
};

// "assumed", "final" and so on.
const char* NameOf(ExposureState state);
const char* NameOf(RowState state);

struct JoinedRow {
  Lsn lsn = 0;  // of the decision
  DecisionId id;
  int64_t occurred_us = 0;  // the decision, microseconds since 1970 UTC
  std::string request_id;
  UserRef user_ref{};
  std::string surface;
  std::string segment;
  Answer answer = Answer::kFull;
  Degradation degradation = Degradation::kNone;
  Replayable replayable = Replayable::kNone;
  Versions versions;
  uint32_t slate_size = 1;
  uint32_t position = 1;  // from 1
  std::string action_id;
  std::string campaign_id;  // of the action's candidate; empty if the record has none
  Ticks drawn = 0;          // probability of the action given the positions before; 0 = not drawn
  ExposureState exposure = ExposureState::kAssumed;
  RowState state = RowState::kInterim;
  std::string reward_kind;
  int64_t attribution_window_us = 0;
  double reward = std::numeric_limits<double>::quiet_NaN();  // NaN unless final or interim
};

// Not thread-safe.
class JoinedRows {
 public:
  using OnRow = absl::FunctionRef<void(const JoinedRow&)>;

  // The next event of the log.
  void Apply(Lsn lsn, const LogEvent& event, OnRow on_row);
  // Behind the last one: what is still open.
  void Finish(OnRow on_row);

  const JoinStats& stats() const { return join_.stats(); }
  uint64_t repeated() const { return repeated_; }  // decisions logged again, which have no rows
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Decision {
    Lsn lsn = 0;
    DecisionId id;
    bool open = false;  // reports may still change its rows
    std::vector<JoinedRow> rows;
  };

  void Note(const ExposureRecord& record);
  void Note(const UnshownRecord& record);
  void Note(const SupersededRecord& record);
  void Add(Lsn lsn, const DecisionRecord& record);
  void Settle(const RewardChange& change);
  void GiveOut(OnRow on_row);
  Decision* Find(Lsn lsn);
  JoinedRow* PendingRow(const DecisionId& id, uint32_t position);

  RewardJoin join_;
  std::deque<Decision> waiting_;  // by LSN
  uint64_t repeated_ = 0;
};

}  // namespace fulcrum::decision_log
