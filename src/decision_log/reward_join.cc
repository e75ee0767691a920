#include "decision_log/reward_join.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace fulcrum::decision_log {
namespace {

// Times come from a log; sums must not wrap whatever it says.
int64_t Later(int64_t time_us, int64_t span_us) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(time_us, span_us, &sum)) return sum;
  return std::numeric_limits<int64_t>::max();
}

int64_t KeptFor(const OpenDecision& decision) {
  const int64_t longer = std::max(decision.exposure_window_us, decision.attribution_window_us);
  return Later(longer, longer);
}

bool IsEvidence(const DecisionRecord& record) {
  // Not what is served for want of time: the neutral action of users who are held out and the
  // caller's own actions teach as well as what was drawn.
  const bool meant = record.answer != Answer::kEditorial && record.answer != Answer::kNeutral;
  return meant && !record.log_pending && !record.positions.empty() && !record.reward_kind.empty();
}

bool IsPending(const OpenDecision::Position& position) {
  return position.shown == Shown::kPending;
}

// Only what is pending may still have to be returned.
void Resolve(OpenDecision::Position* position, Shown shown) {
  position->shown = shown;
  position->debits = std::vector<Debit>();
}

// What goes back if the position is not shown. The other debits are followed by charges.h.
std::vector<Debit> GivenBack(const std::vector<Debit>& debits) {
  std::vector<Debit> given;
  for (const Debit& debit : debits) {
    if (debit.terms == DebitTerms()) given.push_back(debit);
  }
  return given;
}

// The position, from 1, that an outcome is credited to; 0 if to none.
uint32_t CreditedTo(const OpenDecision& decision, uint32_t position) {
  if (position == 0) return decision.positions.size() == 1 ? 1 : 0;
  return position <= decision.positions.size() ? position : 0;
}

// Whether `report` stands over what is known of the same id.
bool Replaces(const OpenDecision::Outcome& report, const OpenDecision::Outcome& known) {
  if (report.occurred_us != known.occurred_us) return report.occurred_us > known.occurred_us;
  return report.value < known.value;
}

}  // namespace

bool OpenDecision::IsCredited(const Outcome& outcome) const {
  return outcome.first_us <= Later(occurred_us, attribution_window_us);
}

double OpenDecision::RewardAt(size_t index) const {
  double sum = 0;  // in the order of the ids, so that the order of arrival leaves no trace
  for (const Outcome& outcome : outcomes) {
    if (outcome.position == index + 1 && IsCredited(outcome)) sum += outcome.value;
  }
  return sum;
}

bool OpenDecision::HasPending() const {
  return std::any_of(positions.begin(), positions.end(), IsPending);
}

void RewardJoin::Apply(Lsn lsn, const LogEvent& event, OnChange on_change) {
  if (lsn <= lsn_) return;
  lsn_ = lsn;
  if (const auto* const decision = std::get_if<DecisionRecord>(&event)) {
    Advance(decision->occurred_us, on_change);
    Add(lsn, *decision);
  } else if (const auto* const exposure = std::get_if<ExposureRecord>(&event)) {
    Show(*exposure, on_change);
  } else if (const auto* const outcome = std::get_if<OutcomeRecord>(&event)) {
    Credit(*outcome, on_change);
  } else if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
    Drop(*superseded);
  } else if (const auto* const unshown = std::get_if<UnshownRecord>(&event)) {
    Miss(*unshown);
  }
}

void RewardJoin::Add(Lsn lsn, const DecisionRecord& record) {
  if (!IsEvidence(record) || open_.contains(record.id)) return;
  ++stats_.decisions;
  auto decision = std::make_unique<OpenDecision>();
  decision->lsn = lsn;
  decision->id = record.id;
  decision->surface = record.surface;
  decision->segment = record.segment;
  decision->reward_kind = record.reward_kind;
  decision->user_ref = record.user_ref;
  decision->occurred_us = record.occurred_us;
  decision->exposure_window_us = record.exposure_required ? record.exposure_window_us : 0;
  decision->attribution_window_us = record.attribution_window_us;
  const Shown shown = record.exposure_required ? Shown::kPending : Shown::kShown;
  for (const PositionRecord& position : record.positions) {
    decision->positions.push_back(
        {position.action_id, shown, /*settled=*/false, position.basis, {}});
    if (shown == Shown::kPending) decision->positions.back().debits = GivenBack(position.debits);
  }
  Index(*decision);
  open_.emplace(record.id, std::move(decision));
}

void RewardJoin::Index(const OpenDecision& decision) {
  const auto at = [&decision](int64_t span_us) {
    return std::pair(Later(decision.occurred_us, span_us), decision.lsn);
  };
  if (decision.closed) {
    forgetting_.emplace(at(KeptFor(decision)), decision.id);
  } else {
    closing_.emplace(at(decision.attribution_window_us), decision.id);
  }
  if (decision.HasPending()) {
    unshown_.emplace(at(decision.exposure_window_us), decision.id);
  }
}

void RewardJoin::Advance(int64_t now_us, OnChange on_change) {
  latest_us_ = std::max(latest_us_, now_us);
  while (!closing_.empty() && closing_.begin()->first.first <= latest_us_) {
    const DecisionId id = closing_.begin()->second;
    closing_.erase(closing_.begin());
    const auto found = open_.find(id);
    if (found == open_.end()) continue;  // superseded
    OpenDecision& decision = *found->second;
    decision.closed = true;
    forgetting_.emplace(std::pair(Later(decision.occurred_us, KeptFor(decision)), decision.lsn),
                        id);
    for (size_t i = 0; i < decision.positions.size(); ++i) {
      if (decision.positions[i].shown == Shown::kShown) Settle(decision, i, on_change);
    }
  }
  while (!forgetting_.empty() && forgetting_.begin()->first.first <= latest_us_) {
    const auto found = open_.find(forgetting_.begin()->second);
    forgetting_.erase(forgetting_.begin());
    if (found != open_.end() && !found->second->HasPending()) open_.erase(found);
  }
}

// A decision that had to be kept for a pending position goes with the report that settles that.
void RewardJoin::ForgetIfOver(const OpenDecision& decision) {
  if (decision.HasPending() || !decision.closed) return;  // unless closed, its time will come
  if (Later(decision.occurred_us, KeptFor(decision)) <= latest_us_) open_.erase(decision.id);
}

void RewardJoin::Settle(OpenDecision& decision, size_t position, OnChange on_change) {
  decision.positions[position].settled = true;
  ++stats_.settled;
  on_change({&decision, position, /*settled=*/true, 0, decision.RewardAt(position)});
}

OpenDecision* RewardJoin::Reported(const DecisionId& id) {
  const auto found = open_.find(id);
  if (found != open_.end()) return found->second.get();
  ++stats_.unknown;
  return nullptr;
}

void RewardJoin::Show(const ExposureRecord& record, OnChange on_change) {
  OpenDecision* const decision = Reported(record.decision_id);
  if (decision == nullptr) return;
  if (record.position == 0 || record.position > decision->positions.size()) {
    ++stats_.unknown;
    return;
  }
  const size_t index = record.position - 1;
  OpenDecision::Position& position = decision->positions[index];
  if (position.shown == Shown::kMissing) {
    ++stats_.exposures_late;
  } else if (position.shown == Shown::kShown) {
    ++stats_.exposures_repeated;
  } else {
    ++stats_.exposures;
    Resolve(&position, Shown::kShown);
    if (decision->closed) Settle(*decision, index, on_change);
    ForgetIfOver(*decision);
  }
}

void RewardJoin::Credit(const OutcomeRecord& record, OnChange on_change) {
  OpenDecision* const decision = Reported(record.decision_id);
  if (decision == nullptr) return;
  const uint32_t position = CreditedTo(*decision, record.position);
  if (record.kind != decision->reward_kind || position == 0) {
    ++stats_.outcomes_other;
    return;
  }
  const size_t index = position - 1;
  const double before = decision->RewardAt(index);
  OpenDecision::Outcome report = {record.outcome_id, position, record.occurred_us,
                                  record.occurred_us, record.value};
  auto& outcomes = decision->outcomes;
  auto place =
      std::lower_bound(outcomes.begin(), outcomes.end(), report, [](const auto& a, const auto& b) {
        return std::tie(a.position, a.id) < std::tie(b.position, b.id);
      });
  bool stands = true;
  if (place == outcomes.end() || place->id != report.id || place->position != position) {
    place = outcomes.insert(place, std::move(report));
  } else {
    report.first_us = std::min(report.first_us, place->first_us);
    stands = Replaces(report, *place);
    if (stands) {
      *place = std::move(report);
    } else {
      place->first_us = report.first_us;
    }
  }
  if (!decision->IsCredited(*place)) {
    ++stats_.outcomes_late;
    return;
  }
  ++(stands ? stats_.outcomes : stats_.outcomes_repeated);
  const double now = decision->RewardAt(index);
  if (!decision->positions[index].settled || now == before) return;
  ++stats_.corrected;
  on_change({decision, index, /*settled=*/false, before, now});
}

void RewardJoin::Drop(const SupersededRecord& record) {
  // Its entries in the queues find nothing when they are due.
  if (open_.erase(record.decision_id) != 0) --stats_.decisions;
}

void RewardJoin::Miss(const UnshownRecord& record) {
  OpenDecision* const decision = Reported(record.decision_id);
  if (decision == nullptr) return;
  for (const uint32_t position : record.positions) {
    if (position == 0 || position > decision->positions.size()) continue;
    OpenDecision::Position& missed = decision->positions[position - 1];
    if (!IsPending(missed)) continue;
    Resolve(&missed, Shown::kMissing);
    ++stats_.unshown;
  }
  ForgetIfOver(*decision);
}

std::vector<UnshownRecord> RewardJoin::TakeUnshown(int64_t now_us, size_t records_max,
                                                   IsReported is_reported) {
  std::vector<UnshownRecord> due;
  auto next = unshown_.begin();
  while (next != unshown_.end() && next->first.first <= now_us && due.size() < records_max) {
    const OpenDecision* const decision = Find(next->second);
    if (decision == nullptr || !decision->HasPending()) {
      next = unshown_.erase(next);
      continue;
    }
    UnshownRecord record;
    record.decision_id = decision->id;
    record.decision_lsn = decision->lsn;
    record.user_ref = decision->user_ref;
    record.occurred_us = now_us;
    bool waits = false;
    for (size_t i = 0; i < decision->positions.size(); ++i) {
      const OpenDecision::Position& position = decision->positions[i];
      if (!IsPending(position)) continue;
      const auto number = static_cast<uint32_t>(i + 1);
      waits = waits || is_reported(decision->id, number);
      record.positions.push_back(number);
      record.refunds.insert(record.refunds.end(), position.debits.begin(), position.debits.end());
    }
    if (waits) {
      ++next;
      continue;
    }
    next = unshown_.erase(next);
    due.push_back(std::move(record));
  }
  return due;
}

std::vector<UnshownRecord> RewardJoin::TakeUnshown(int64_t now_us) {
  return TakeUnshown(now_us, std::numeric_limits<size_t>::max(),
                     [](const DecisionId&, uint32_t) { return false; });
}

void RewardJoin::PutBackUnshown(const DecisionId& id) {
  const OpenDecision* const decision = Find(id);
  if (decision == nullptr || !decision->HasPending()) return;
  unshown_.emplace(
      std::pair(Later(decision->occurred_us, decision->exposure_window_us), decision->lsn), id);
}

int64_t RewardJoin::NextUnshown() const {
  return unshown_.empty() ? std::numeric_limits<int64_t>::max() : unshown_.begin()->first.first;
}

const OpenDecision* RewardJoin::Find(const DecisionId& id) const {
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : found->second.get();
}

LogEvent ForJoin(const LogEvent& event) {
  const auto* const decision = std::get_if<DecisionRecord>(&event);
  if (decision == nullptr) return event;
  DecisionRecord read;
  read.id = decision->id;
  read.surface = decision->surface;
  read.user_ref = decision->user_ref;
  read.occurred_us = decision->occurred_us;
  read.segment = decision->segment;
  read.answer = decision->answer;
  read.log_pending = decision->log_pending;
  for (const PositionRecord& position : decision->positions) {
    PositionRecord& added = read.positions.emplace_back();
    added.action_id = position.action_id;
    added.debits = position.debits;
    added.basis = position.basis;
  }
  read.exposure_required = decision->exposure_required;
  read.exposure_window_us = decision->exposure_window_us;
  read.attribution_window_us = decision->attribution_window_us;
  read.reward_kind = decision->reward_kind;
  return read;
}

}  // namespace fulcrum::decision_log
