// What became of the decided positions of a log, one by one: the reward join with what training
// needs of each decision beside it. Memory grows with the decisions, about 200 bytes each.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "decision_log/reward_join.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::training {

// A drawn position: settled (its reward is final or may still be corrected), missing (not shown in
// time) or neither yet.
struct LoggedPosition {
  enum class State : uint8_t { kPending, kSettled, kMissing };

  static constexpr int32_t kNeutral = -1;
  static constexpr int32_t kUnknown = -2;  // not among the record's candidates

  State state = State::kPending;
  int32_t candidate = kUnknown;  // which of the record's candidates was drawn
  // With which it was drawn, given the positions before it, and the decision's detail kept; 0 if
  // unknown.
  double propensity = 0;
  double reward = 0;  // as joined, if settled
  std::string action_id;
};

struct LoggedDecision {
  Lsn lsn = 0;
  DecisionId id;
  int64_t occurred_us = 0;
  uint64_t model = 0;
  uint32_t candidates = 0;
  bool detail = true;  // otherwise nothing is known of the candidates, nor of the model's inputs
  std::string surface;
  std::string segment;
  absl::InlinedVector<LoggedPosition, 1> positions;
};

class LogFold {
 public:
  // Events in LSN order.
  void Apply(Lsn lsn, const LogEvent& event);

  // What is evidence: drawn and not superseded, in LSN order. Call once, after the last event.
  std::vector<LoggedDecision> TakeDecisions();

  uint64_t decisions() const { return decisions_; }    // all that were logged
  uint64_t fallbacks() const { return fallbacks_; }    // of these, not drawn
  uint64_t superseded() const { return superseded_; }  // of these, drawn but not served

 private:
  void Add(Lsn lsn, const DecisionRecord& record);
  void Miss(const DecisionId& id);
  void OnChange(const decision_log::RewardChange& change);

  decision_log::RewardJoin join_;
  absl::flat_hash_map<DecisionId, LoggedDecision> by_id_;
  uint64_t decisions_ = 0;
  uint64_t fallbacks_ = 0;
  uint64_t superseded_ = 0;
};

}  // namespace fulcrum::training
