#include "decision_log/invariants.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "domain/budgets.h"
#include "domain/moving_span.h"

namespace fulcrum::decision_log {
namespace {

std::string At(Lsn lsn, const DecisionId& id, const std::string& what) {
  return absl::StrCat("LSN ", lsn, ", decision ", id.ToString(), ": ", what);
}

// Sums that cannot wrap around, whatever a record says.
Ticks SaturatingSum(const std::vector<Ticks>& ticks) {
  Ticks sum = 0;
  for (const Ticks one : ticks) {
    sum = one > std::numeric_limits<Ticks>::max() - sum ? std::numeric_limits<Ticks>::max()
                                                        : sum + one;
  }
  return sum;
}

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

// The first index whose cumulative ticks exceed `uniform`; one past the last if none does.
size_t IndexOfDraw(const std::vector<Ticks>& ticks, uint32_t uniform) {
  Ticks sum = 0;
  for (size_t i = 0; i < ticks.size(); ++i) {
    sum += ticks[i];
    if (sum > uniform) return i;
  }
  return ticks.size();
}

}  // namespace

void RecordInvariants::Check(Lsn lsn, const LogEvent& event) {
  const auto* const decision = std::get_if<DecisionRecord>(&event);
  if (decision == nullptr) return;
  const DecisionRecord& record = *decision;
  for (const auto* const positions : {&record.positions, &record.unserved}) {
    for (size_t i = 0; i < positions->size(); ++i) CheckPosition(lsn, record, *positions, i);
  }
  const StageTimes& times = record.times;
  int64_t spent = 0;
  for (const int64_t one :
       {times.edge_us, times.features_us, times.scoring_us, times.orchestration_us, times.log_us}) {
    spent = SaturatingAdd(spent, one);
  }
  time_budget_.Check(
      spent <= record.latency_budget_us || record.degradation != Degradation::kNone, [&] {
        return At(lsn, record.id,
                  absl::StrCat("the stages took ", spent, " us of ", record.latency_budget_us,
                               " us and no degradation is named"));
      });
}

void RecordInvariants::Merge(const RecordInvariants& later) {
  ticks_sum_.Merge(later.ticks_sum_);
  draw_matches_.Merge(later.draw_matches_);
  masked_not_drawn_.Merge(later.masked_not_drawn_);
  time_budget_.Merge(later.time_budget_);
}

void RecordInvariants::CheckPosition(Lsn lsn, const DecisionRecord& record,
                                     const std::vector<PositionRecord>& positions, size_t index) {
  const PositionRecord& position = positions[index];
  const auto at = [&](const std::string& what) {
    return At(lsn, record.id, absl::StrCat("position ", index + 1, ": ", what));
  };
  if (!position.ticks.empty()) {
    const size_t arms = record.candidates.size();
    const Ticks sum = SaturatingSum(position.ticks);
    const bool sized = position.ticks.size() == arms + 1;
    ticks_sum_.Check(sized && sum == kTicksTotal, [&] {
      return at(absl::StrCat(position.ticks.size(), " ticks for ", arms,
                             " candidates and the neutral action sum to ", sum));
    });
    const size_t drawn = IndexOfDraw(position.ticks, base::DrawUniform(record.id, position.seed));
    const std::string action = drawn < arms && sized    ? record.candidates[drawn].action_id
                               : drawn == arms && sized ? kNeutralActionId
                                                        : "";
    draw_matches_.Check(!action.empty() && action == position.action_id, [&] {
      return at(absl::StrCat("the seed draws '", action, "', the record says '", position.action_id,
                             "'"));
    });
    for (size_t i = 0; i < std::min(arms, position.ticks.size()); ++i) {
      if (record.candidates[i].mask == MaskReason::kNone) continue;
      masked_not_drawn_.Check(position.ticks[i] == 0, [&] {
        return at(absl::StrCat("the masked candidate '", record.candidates[i].action_id, "' has ",
                               position.ticks[i], " ticks"));
      });
    }
  }
}

void LimitInvariant::Check(Lsn lsn, const LogEvent& event) {
  if (first_ == 0) first_ = lsn;
  if (const auto* const decision = std::get_if<DecisionRecord>(&event)) {
    for (size_t i = 0; i < decision->positions.size(); ++i) Spend(lsn, *decision, i);
  } else if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
    if (superseded->decision_lsn < first_) return;  // what it takes back was not seen either
    Refund(lsn, superseded->decision_id, superseded->refunds, superseded->user_ref);
  } else if (const auto* const unshown = std::get_if<UnshownRecord>(&event)) {
    if (unshown->decision_lsn < first_) return;
    Refund(lsn, unshown->decision_id, unshown->refunds, unshown->user_ref);
  } else if (const auto* const settlement = std::get_if<SettlementRecord>(&event)) {
    if (settlement->decision_lsn < first_) return;
    Refund(lsn, settlement->decision_id, settlement->refunds, settlement->user_ref);
  } else if (const auto* const audit = std::get_if<AuditRecord>(&event)) {
    NoteChange(*audit);
  } else if (const auto* const identity = std::get_if<IdentityRecord>(&event)) {
    if (identity->change == IdentityChange::kMerged) {
      groups_.Merge(identity->user_ref, identity->into, identity->occurred_us);
    } else {
      groups_.Purge(identity->user_ref);
    }
  }
}

void LimitInvariant::NoteChange(const AuditRecord& record) {
  const auto change = domain::BudgetChangeOf(record);
  if (change.has_value()) changes_[change->row].push_back({record.occurred_us, change->limit});
}

// A decision may be logged after others that were made later, under a limit that was raised
// meanwhile: then that is the one that the sum keeps to.
int64_t LimitInvariant::LimitOn(const Debit& debit, int64_t decided_us) const {
  int64_t limit = debit.limit;
  const auto changes = changes_.find(debit.row);
  if (changes == changes_.end()) return limit;
  for (auto one = changes->second.rbegin(); one != changes->second.rend(); ++one) {
    limit = std::max(limit, one->limit);
    if (one->occurred_us <= decided_us) break;
  }
  return limit;
}

void LimitInvariant::Spend(Lsn lsn, const DecisionRecord& record, size_t index) {
  for (const Debit& debit : record.positions[index].debits) {
    const LimitKey key = KeyOf(debit, record.user_ref);
    spent_[key] = SaturatingAdd(spent_[key], debit.amount);
    if (debit.soft) continue;
    const int64_t spent = SpentBy(debit, record.user_ref, record.occurred_us);
    const int64_t limit = LimitOn(debit, record.occurred_us);
    hard_limits_.Check(debit.amount > 0 && spent <= limit, [&] {
      return At(lsn, record.id,
                absl::StrCat("position ", index + 1, ": row '", debit.row, "', window ",
                             debit.window_start_us, ": ", spent, " spent of ", limit));
    });
  }
}

void LimitInvariant::Refund(Lsn lsn, const DecisionId& id, const std::vector<Debit>& refunds,
                            const UserRef& user_ref) {
  for (const Debit& refund : refunds) {
    int64_t& spent = spent_[KeyOf(refund, user_ref)];
    spent = SaturatingAdd(spent, refund.amount > 0 ? -refund.amount : 0);
    hard_limits_.Check(refund.amount > 0 && spent >= 0, [&] {
      return At(lsn, id,
                absl::StrCat("row '", refund.row, "', window ", refund.window_start_us,
                             ": more is returned than was taken"));
    });
  }
}

int64_t LimitInvariant::SpentBy(const Debit& debit, const UserRef& user_ref,
                                int64_t decided_us) const {
  const auto by = [&](const UserRef& ref) {
    const LimitKey key = KeyOf(debit, ref);
    return debit.span_us > 0 ? SpentWithin(key, debit.span_us) : SpentIn(key);
  };
  if (!debit.per_user || groups_.empty()) return by(user_ref);
  int64_t spent = 0;
  for (const UserRef& ref : groups_.Before(decided_us, user_ref)) {
    spent = SaturatingAdd(spent, by(ref));
  }
  return spent;
}

int64_t LimitInvariant::SpentIn(const LimitKey& key) const {
  const auto found = spent_.find(key);
  return found == spent_.end() ? 0 : found->second;
}

int64_t LimitInvariant::SpentWithin(const LimitKey& key, int64_t span_us) const {
  const int64_t step_us = domain::StepUs(span_us);
  LimitKey step = key;
  int64_t spent = 0;
  for (int64_t i = 0; i <= domain::kStepsPerSpan; ++i) {
    if (i > 0 && __builtin_sub_overflow(std::get<1>(step), step_us, &std::get<1>(step))) break;
    spent = SaturatingAdd(spent, SpentIn(step));
  }
  return spent;
}

void GiveBackInvariant::Check(Lsn lsn, const LogEvent& event) {
  if (first_ == 0) first_ = lsn;
  const auto* const settlement = std::get_if<SettlementRecord>(&event);
  if (settlement != nullptr && settlement->decision_lsn >= first_) {
    const std::string problem = charges_.ProblemOf(*settlement);
    gives_back_.Check(problem.empty(), [&] { return At(lsn, settlement->decision_id, problem); });
  }
  charges_.Apply(lsn, event);
}

LimitInvariant::LimitKey LimitInvariant::KeyOf(const Debit& debit, const UserRef& user_ref) {
  return {debit.row, debit.window_start_us, debit.per_user ? user_ref : UserRef{}};
}

}  // namespace fulcrum::decision_log
