// What positions took under terms (DebitTerms), and how much of that is not due any more: decisions
// joined with the outcomes, exposures, `unshown`, `superseded` and `settlement` records that name
// them. A fold over the log in LSN order, which alone says what stands; whoever writes the log asks
// it what is owed and tells that to the log as `settlement` records.
//
// Of each debit stands what was taken less what was given back. Of that is due:
//   - with `charged_on`: the sum of the outcomes of that kind whose earliest report occurred within
//     the attribution window, each at its cost, or at all that was taken if the row counts
//     something else or no cost is said; never more than stands. What exceeds it is owed when the
//     window has closed. Reports of one outcome id replace one another as rewards do
//     (reward_join.h), also after that. Until a part was given back, outcomes may be reported late;
//     then never again.
//   - without: all of it.
//   - Nothing, once a return within the return window is reported, of outcomes that occurred up to
//     the latest one; nothing, if an `unshown` record names the position before any such outcome
//     is reported, unless the terms keep it.
// So reports that stand between the same two records of other kinds may stand in any order.
//
// An outcome of position 0, the whole slate, is one of each position.
//
// A decision is forgotten when a decision is logged that is later by twice the longer of its
// windows and, as long as anything stands that can be returned, by its return windows; and not
// before all that is owed was given back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

// What a position took from one row under terms.
struct OpenCharge {
  Debit debit;
  int64_t given = 0;     // back, of its amount
  bool missing = false;  // not shown in time, and nothing was reported before that was known
  std::optional<int64_t> returned_us;  // the latest return occurred
  // What the last report that made something not due was; the window if none did.
  SettlementCause cause = SettlementCause::kWindowClosed;
  Lsn cause_lsn = 0;

  int64_t stands() const { return debit.amount - given; }
};

struct ChargedPosition {
  uint32_t position = 1;         // from 1
  bool awaits_exposure = false;  // an `unshown` record may still come and give something back
  std::vector<OpenCharge> charges;
};

// A decision of which something may still be given back.
struct OpenCharges {
  struct Outcome {
    uint32_t position = 0;  // from 1; 0: each
    std::string kind;
    std::string id;
    int64_t first_us = 0;                // the earliest report occurred
    int64_t occurred_us = 0;             // the one that stands
    std::optional<int64_t> cost_micros;  // of that one
  };

  Lsn lsn = 0;
  DecisionId id;
  UserRef user_ref{};
  int64_t occurred_us = 0;
  int64_t attribution_window_us = 0;
  int64_t exposure_window_us = 0;  // 0 = exposure is assumed
  uint32_t slate = 1;
  std::vector<ChargedPosition> positions;  // that took something under terms, ascending
  std::vector<Outcome> outcomes;           // sorted by (position, kind, id)

  int64_t closes_us() const;  // the attribution window
  // Of what stands, what is not due at `now_us`.
  int64_t Owed(const ChargedPosition& position, const OpenCharge& charge, int64_t now_us) const;
};

// Since the log began.
struct ChargeStats {
  uint64_t decisions = 0;          // with something taken under terms
  uint64_t outcomes = 0;           // that make something due, replacements included
  uint64_t outcomes_late = 0;      // beyond the window, or after it was given back
  uint64_t outcomes_repeated = 0;  // and those that one already known overrides
  uint64_t costs_above = 0;        // outcomes that say they cost more than was taken
  uint64_t returns = 0;
  uint64_t returns_late = 0;      // beyond the return window
  uint64_t returns_repeated = 0;  // and those of what is given back already
  uint64_t window_closed = 0;     // settlements by cause
  uint64_t returned = 0;
  uint64_t unshown = 0;
  uint64_t corrected = 0;

  friend bool operator==(const ChargeStats&, const ChargeStats&) = default;
};

// Whether what is taken under `terms` is followed here. What is not, an `unshown` record returns
// unless the terms keep it.
inline bool IsFollowed(const DebitTerms& terms) {
  return !terms.charged_on.empty() || !terms.returned_on.empty();
}

// Not thread-safe.
class Charges {
 public:
  // What a log up to `lsn` gives in which nothing was taken under terms; `latest_us` is the time of
  // its latest decision.
  static Charges After(Lsn lsn, int64_t latest_us);

  // Folds the next record; one that was folded already does nothing.
  void Apply(Lsn lsn, const LogEvent& event);

  // What is owed at `now_us`, the longest due first, as records for the log; a few more than
  // `records_max` if the last decision has several. Each is given out once, unless it is put back.
  // A decision of which `is_reported` says that an outcome is on its way into the log stays for a
  // later call.
  using IsReported = absl::FunctionRef<bool(const DecisionId&)>;
  std::vector<SettlementRecord> TakeDue(int64_t now_us, size_t records_max, IsReported is_reported);
  // All of it, where outcomes are logged as they are reported.
  std::vector<SettlementRecord> TakeDue(int64_t now_us);
  // The log did not take one record of the decision: what it said is given out again.
  void PutBack(const DecisionId& id);
  // When something is owed next, unless reports change that; INT64_MAX: never.
  int64_t NextDue() const;

  // What is wrong with giving that back after all that was folded; empty if nothing.
  std::string ProblemOf(const SettlementRecord& record) const;

  // Null if it took nothing under terms, or is forgotten.
  const OpenCharges* Find(const DecisionId& id) const;
  Lsn lsn() const { return lsn_; }  // of the last record folded
  size_t open() const { return open_.size(); }
  const ChargeStats& stats() const { return stats_; }

  // Exact: Parse(Serialise()) goes on like the original, but for TakeDue, which gives out again
  // what is still owed. The same state gives the same bytes. DATA_LOSS if `bytes` do not hold a
  // state that a fold can have; they carry no checksum of their own.
  std::string Serialise() const;
  static absl::StatusOr<Charges> Parse(std::string_view bytes);

 private:
  // When something is due, then which decision.
  using Queue = std::map<std::pair<int64_t, Lsn>, DecisionId>;

  void Add(Lsn lsn, const DecisionRecord& record);
  void Advance(int64_t now_us);
  void Report(Lsn lsn, const OutcomeRecord& record);
  void Charge(Lsn lsn, const OutcomeRecord& record, uint32_t reported, OpenCharges* decision);
  void GiveBack(Lsn lsn, const OutcomeRecord& record, uint32_t reported, OpenCharges* decision);
  void Show(const ExposureRecord& record);
  void Miss(Lsn lsn, const UnshownRecord& record);
  void Settle(const SettlementRecord& record);
  void Index(const OpenCharges& decision);
  void IndexDue(const OpenCharges& decision);
  void ForgetIfOver(const OpenCharges& decision);
  void Forget(const OpenCharges& decision);
  OpenCharges* FindOpen(const DecisionId& id);

  Lsn lsn_ = 0;
  int64_t latest_us_ = INT64_MIN;
  ChargeStats stats_;
  absl::flat_hash_map<DecisionId, std::unique_ptr<OpenCharges>> open_;
  Queue due_;         // may name what is not owed any more
  Queue forgetting_;  // may name decisions that are gone
  // Records that were given out and not folded yet, by decision.
  absl::flat_hash_map<DecisionId, int> given_out_;
};

}  // namespace fulcrum::decision_log
