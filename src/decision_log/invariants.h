// The statements that `fulcrum log verify` checks of each event: see verify.h.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "decision_log/verify.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

// One statement and how often it was found true. Not thread-safe.
class Tally {
 public:
  explicit Tally(std::string name) { invariant_.name = std::move(name); }
  // `tell` makes the violation's text; called for the first one only.
  template <typename Tell>
  void Check(bool holds, const Tell& tell) {
    ++invariant_.checked;
    if (holds) return;
    if (invariant_.violated++ == 0) invariant_.first_violation = tell();
  }
  const Invariant& result() const { return invariant_; }

 private:
  Invariant invariant_;
};

// Events in LSN order. Not thread-safe.
class EventInvariants {
 public:
  void Check(Lsn lsn, const LogEvent& event);
  std::vector<Invariant> Results() const;

 private:
  // Row, window and, for rows counted per user, the user.
  using LimitKey = std::tuple<std::string, int64_t, UserRef>;

  void CheckDecision(Lsn lsn, const DecisionRecord& record);
  void CheckPosition(Lsn lsn, const DecisionRecord& record, size_t index);
  void Refund(Lsn lsn, const DecisionId& id, const std::vector<Debit>& refunds,
              const UserRef& user_ref);
  static LimitKey KeyOf(const Debit& debit, const UserRef& user_ref);

  Tally ticks_sum_{"ticks_sum"};
  Tally draw_matches_{"draw_matches"};
  Tally masked_not_drawn_{"masked_not_drawn"};
  Tally hard_limits_{"hard_limits"};
  Tally time_budget_{"time_budget"};
  absl::flat_hash_map<LimitKey, int64_t> spent_;
};

}  // namespace fulcrum::decision_log
