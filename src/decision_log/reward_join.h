// What each decided position has earned: decisions joined with the exposures, outcomes, `unshown`
// and `superseded` records that name them. A fold over the log in LSN order: the same records give
// the same result however the log is cut into runs, and reports of a decision that stand between
// the same two other records may stand in any order.
//
// A position is shown if its surface assumes exposure, or if an exposure of it stands in the log
// before an `unshown` record that names it; missing if the `unshown` record is first; else pending.
//
// Its reward is the sum, over the outcome ids of the decision's reward kind, of the value that
// stands: of several reports of one id the one that occurred last, of those that occurred at the
// same instant the lowest, so that a refund replaces the sale whatever the order they arrive in. An
// id counts if its earliest report occurred within the attribution window; what replaces that may
// occur later. An outcome of the whole slate (position 0) is credited to a slate of one position,
// as if it had named it, and else to none.
//
// A position settles, once, when it is shown and a decision at least the attribution window later
// has been logged. Before that it is pending: an outcome that is not there yet is not yet a zero.
// Reports of a settled position correct its reward until the decision is forgotten: when a decision
// is logged that is later by twice the longer of its windows, and no position is pending.
//
// Fallback answers are no evidence and never settle; nor do superseded decisions, unless the log
// stood still for the whole attribution window between the two records: what such a decision has
// taught is not taken back. Records of versions that did not write a reward kind are no evidence
// either: what they earned cannot be told.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

enum class Shown : uint8_t { kPending = 0, kShown = 1, kMissing = 2 };

// A decision as long as reports of it may count.
struct OpenDecision {
  struct Outcome {
    std::string id;
    uint32_t position = 1;    // credited, from 1
    int64_t first_us = 0;     // the earliest report occurred
    int64_t occurred_us = 0;  // the one that stands
    double value = 0;         // its value
  };
  struct Position {
    std::string action_id;
    Shown shown = Shown::kPending;
    bool settled = false;
    std::vector<double> basis;
    std::vector<Debit> debits;  // while it is pending; then they stay spent or are returned
  };

  Lsn lsn = 0;
  DecisionId id;
  std::string surface;
  std::string segment;
  std::string reward_kind;
  UserRef user_ref{};
  int64_t occurred_us = 0;
  int64_t exposure_window_us = 0;  // 0 = exposure is assumed
  int64_t attribution_window_us = 0;
  bool closed = false;  // the attribution window is over
  std::vector<Position> positions;
  std::vector<Outcome> outcomes;  // sorted by (position, id)

  bool IsCredited(const Outcome& outcome) const;
  // Credited to the position at `index`, from 0.
  double RewardAt(size_t index) const;
  bool HasPending() const;
};

// A position that settled, or whose reward changed after that.
struct RewardChange {
  const OpenDecision* decision = nullptr;
  size_t position = 0;   // index, from 0
  bool settled = false;  // now; otherwise it had settled before
  double before = 0;     // the reward so far; 0 if it settled now
  double now = 0;
};

struct JoinStats {
  uint64_t decisions = 0;  // that are evidence
  uint64_t exposures = 0;  // that made a position shown
  uint64_t exposures_late = 0;
  uint64_t exposures_repeated = 0;
  uint64_t unshown = 0;            // positions
  uint64_t outcomes = 0;           // that are credited, replacements included
  uint64_t outcomes_late = 0;      // beyond the attribution window, and of no id that counts
  uint64_t outcomes_repeated = 0;  // and those that an outcome already known overrides
  uint64_t outcomes_other = 0;     // of another kind, or of no single position
  uint64_t unknown = 0;    // reports of a decision that is unknown, forgotten or no evidence
  uint64_t settled = 0;    // positions
  uint64_t corrected = 0;  // changes of settled positions

  friend bool operator==(const JoinStats&, const JoinStats&) = default;
};

// Not thread-safe.
class RewardJoin {
 public:
  using OnChange = absl::FunctionRef<void(const RewardChange&)>;

  // Folds the next record; one that was folded already does nothing. Changes are told in the order
  // in which windows end, then of LSN.
  void Apply(Lsn lsn, const LogEvent& event, OnChange on_change);

  // Up to `records_max` decisions whose exposure window has ended by `now_us` with a pending
  // position: what the log should hear of them, in the order in which the windows end. Each is
  // given out once, unless it is put back. A decision of which `is_reported` says that an exposure
  // of a pending position is on its way into the log stays for a later call.
  using IsReported = absl::FunctionRef<bool(const DecisionId&, uint32_t position)>;
  std::vector<UnshownRecord> TakeUnshown(int64_t now_us, size_t records_max,
                                         IsReported is_reported);
  // All that are due, where exposures are logged as they are reported.
  std::vector<UnshownRecord> TakeUnshown(int64_t now_us);
  // The log did not take the record: it is given out again.
  void PutBackUnshown(const DecisionId& id);
  // When the next one is due; INT64_MAX if none is.
  int64_t NextUnshown() const;

  // Null if unknown or forgotten.
  const OpenDecision* Find(const DecisionId& id) const;
  Lsn lsn() const { return lsn_; }                  // of the last record folded
  int64_t latest_us() const { return latest_us_; }  // of the decisions folded; INT64_MIN if none
  size_t open() const { return open_.size(); }
  const JoinStats& stats() const { return stats_; }

  // Exact: Parse(Serialise()) goes on like the original, but for TakeUnshown, which gives out again
  // what is still pending. The same state gives the same bytes. DATA_LOSS if `bytes` do not hold a
  // state that a fold can have; they carry no checksum of their own.
  std::string Serialise() const;
  static absl::StatusOr<RewardJoin> Parse(std::string_view bytes);

 private:
  // When something is due, then which decision.
  using Queue = std::map<std::pair<int64_t, Lsn>, DecisionId>;

  void Add(Lsn lsn, const DecisionRecord& record);
  void Index(const OpenDecision& decision);
  void Advance(int64_t now_us, OnChange on_change);
  void Show(const ExposureRecord& record, OnChange on_change);
  void Credit(const OutcomeRecord& record, OnChange on_change);
  void Drop(const SupersededRecord& record);
  void Miss(const UnshownRecord& record);
  OpenDecision* Reported(const DecisionId& id);
  void Settle(OpenDecision& decision, size_t position, OnChange on_change);
  void ForgetIfOver(const OpenDecision& decision);

  Lsn lsn_ = 0;
  int64_t latest_us_ = INT64_MIN;
  JoinStats stats_;
  absl::flat_hash_map<DecisionId, std::unique_ptr<OpenDecision>> open_;
  Queue unshown_, closing_, forgetting_;
};

// What of `event` the join reads, for a queue before it: the fold of this is the fold of `event`.
LogEvent ForJoin(const LogEvent& event);

}  // namespace fulcrum::decision_log
