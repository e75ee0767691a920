// The statements that `fulcrum log verify` checks of each event: see verify.h.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "decision_log/charges.h"
#include "decision_log/verify.h"
#include "domain/user_groups.h"
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
  // Adds what was found behind it.
  void Merge(const Tally& later) {
    if (invariant_.violated == 0) invariant_.first_violation = later.invariant_.first_violation;
    invariant_.checked += later.invariant_.checked;
    invariant_.violated += later.invariant_.violated;
  }
  const Invariant& result() const { return invariant_; }

 private:
  Invariant invariant_;
};

// What an event by itself shows. Not thread-safe, but parts of a log may be checked by objects of
// their own and merged in order.
class RecordInvariants {
 public:
  void Check(Lsn lsn, const LogEvent& event);
  void Merge(const RecordInvariants& later);

  const Invariant& ticks_sum() const { return ticks_sum_.result(); }
  const Invariant& draw_matches() const { return draw_matches_.result(); }
  const Invariant& masked_not_drawn() const { return masked_not_drawn_.result(); }
  const Invariant& time_budget() const { return time_budget_.result(); }

 private:
  void CheckPosition(Lsn lsn, const DecisionRecord& record,
                     const std::vector<PositionRecord>& positions, size_t index);

  Tally ticks_sum_{"ticks_sum"};
  Tally draw_matches_{"draw_matches"};
  Tally masked_not_drawn_{"masked_not_drawn"};
  Tally time_budget_{"time_budget"};
};

// What all events together show: that no limit is passed, neither the one that a debit was taken
// under nor, if that is more, one that an operator set while its decision was in flight. What users
// spent before they were merged counts for both from then on: a merge by itself passes no limit, a
// debit that was drawn after it does. In LSN order. Not thread-safe.
class LimitInvariant {
 public:
  void Check(Lsn lsn, const LogEvent& event);
  // What comes next does not follow what was checked: as if the log began there.
  void Restart() {
    spent_.clear();
    first_ = 0;
  }
  const Invariant& result() const { return hard_limits_.result(); }

 private:
  // Row, window and, for rows counted per user, the user.
  using LimitKey = std::tuple<std::string, int64_t, UserRef>;

  struct LimitChange {
    int64_t occurred_us = 0;
    int64_t limit = 0;
  };

  void NoteChange(const AuditRecord& record);
  // The most that the row may have spent when a decision of this time with `debit` is logged.
  int64_t LimitOn(const Debit& debit, int64_t decided_us) const;
  void Spend(Lsn lsn, const DecisionRecord& record, size_t index);
  void Refund(Lsn lsn, const DecisionId& id, const std::vector<Debit>& refunds,
              const UserRef& user_ref);
  // For the debit's limit: also by those who were the same user when it was decided.
  int64_t SpentBy(const Debit& debit, const UserRef& user_ref, int64_t decided_us) const;
  int64_t SpentIn(const LimitKey& key) const;
  // Of a window that moves with the clock: in its step and those before it that count with it.
  int64_t SpentWithin(const LimitKey& key, int64_t span_us) const;
  static LimitKey KeyOf(const Debit& debit, const UserRef& user_ref);

  Lsn first_ = 0;  // that was checked: what is before was deleted or quarantined
  Tally hard_limits_{"hard_limits"};
  absl::flat_hash_map<LimitKey, int64_t> spent_;
  domain::UserGroups groups_;
  std::map<std::string, std::vector<LimitChange>> changes_;  // by row, in LSN order
};

// That nothing is given back but what a position took under terms and is not due, as the records
// before it have it. In LSN order. Not thread-safe.
class GiveBackInvariant {
 public:
  void Check(Lsn lsn, const LogEvent& event);
  // As in LimitInvariant.
  void Restart() {
    charges_ = Charges();
    first_ = 0;
  }
  const Invariant& result() const { return gives_back_.result(); }

 private:
  Lsn first_ = 0;
  Tally gives_back_{"gives_back"};
  Charges charges_;
};

}  // namespace fulcrum::decision_log
