#include "decision_log/joined_rows.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace fulcrum::decision_log {
namespace {

std::string CampaignOf(const DecisionRecord& record, const std::string& action_id) {
  const auto found = std::find_if(
      record.candidates.begin(), record.candidates.end(),
      [&](const CandidateRecord& candidate) { return candidate.action_id == action_id; });
  return found == record.candidates.end() ? "" : found->campaign_id;
}

}  // namespace

const char* NameOf(ExposureState state) {
  constexpr const char* kNames[] = {"assumed", "reported", "pending", "missing"};
  return kNames[static_cast<size_t>(state)];
}

const char* NameOf(RowState state) {
  constexpr const char* kNames[] = {"final", "interim", "missing", "superseded", "fallback"};
  return kNames[static_cast<size_t>(state)];
}

void JoinedRows::Apply(Lsn lsn, const LogEvent& event, OnRow on_row) {
  // Before the join has seen it: which of two reports of a position came first.
  if (const auto* const exposure = std::get_if<ExposureRecord>(&event)) {
    Note(*exposure);
  } else if (const auto* const unshown = std::get_if<UnshownRecord>(&event)) {
    Note(*unshown);
  } else if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
    Note(*superseded);
  }
  join_.Apply(lsn, event, [this](const RewardChange& change) { Settle(change); });
  const auto* const decision = std::get_if<DecisionRecord>(&event);
  if (decision == nullptr) return;
  Add(lsn, *decision);
  GiveOut(on_row);
}

void JoinedRows::Finish(OnRow on_row) {
  for (Decision& decision : waiting_) {
    const OpenDecision* const open = decision.open ? join_.Find(decision.id) : nullptr;
    for (size_t i = 0; i < decision.rows.size(); ++i) {
      JoinedRow& row = decision.rows[i];
      if (open != nullptr && row.state == RowState::kInterim) row.reward = open->RewardAt(i);
      on_row(row);
    }
  }
  waiting_.clear();
}

void JoinedRows::Add(Lsn lsn, const DecisionRecord& record) {
  const OpenDecision* const open = join_.Find(record.id);
  if (open != nullptr && open->lsn != lsn) {
    ++repeated_;
    return;
  }
  Decision decision{.lsn = lsn, .id = record.id, .open = open != nullptr, .rows = {}};
  for (size_t i = 0; i < record.positions.size(); ++i) {
    const PositionRecord& position = record.positions[i];
    JoinedRow& row = decision.rows.emplace_back();
    row.lsn = lsn;
    row.id = record.id;
    row.occurred_us = record.occurred_us;
    row.request_id = record.request_id;
    row.user_ref = record.user_ref;
    row.surface = record.surface;
    row.segment = record.segment;
    row.answer = record.answer;
    row.degradation = record.degradation;
    row.replayable = record.replayable;
    row.versions = record.versions;
    row.slate_size = record.slate_size;
    row.position = static_cast<uint32_t>(i + 1);
    row.action_id = position.action_id;
    row.campaign_id = CampaignOf(record, position.action_id);
    row.drawn = DrawnTicks(record, position);
    row.exposure = record.exposure_required ? ExposureState::kPending : ExposureState::kAssumed;
    row.state = decision.open ? RowState::kInterim : RowState::kFallback;
    row.reward_kind = record.reward_kind;
    row.attribution_window_us = record.attribution_window_us;
  }
  waiting_.push_back(std::move(decision));
}

JoinedRows::Decision* JoinedRows::Find(Lsn lsn) {
  const auto found =
      std::lower_bound(waiting_.begin(), waiting_.end(), lsn,
                       [](const Decision& decision, Lsn wanted) { return decision.lsn < wanted; });
  return found == waiting_.end() || found->lsn != lsn ? nullptr : &*found;
}

// Null if nothing more can be said of it.
JoinedRow* JoinedRows::PendingRow(const DecisionId& id, uint32_t position) {
  const OpenDecision* const open = join_.Find(id);
  if (open == nullptr || position == 0 || position > open->positions.size()) return nullptr;
  if (open->positions[position - 1].shown != Shown::kPending) return nullptr;
  Decision* const decision = Find(open->lsn);
  return decision == nullptr ? nullptr : &decision->rows[position - 1];
}

void JoinedRows::Note(const ExposureRecord& record) {
  JoinedRow* const row = PendingRow(record.decision_id, record.position);
  if (row != nullptr) row->exposure = ExposureState::kReported;
}

void JoinedRows::Note(const UnshownRecord& record) {
  for (const uint32_t position : record.positions) {
    JoinedRow* const row = PendingRow(record.decision_id, position);
    if (row == nullptr) continue;
    row->exposure = ExposureState::kMissing;
    row->state = RowState::kMissing;
  }
}

void JoinedRows::Note(const SupersededRecord& record) {
  Decision* const decision = Find(record.decision_lsn);
  if (decision == nullptr) return;
  for (JoinedRow& row : decision->rows) {
    row.state = RowState::kSuperseded;
    row.reward = std::numeric_limits<double>::quiet_NaN();
  }
  decision->open = false;
}

void JoinedRows::Settle(const RewardChange& change) {
  Decision* const decision = Find(change.decision->lsn);
  if (decision == nullptr || !decision->open) return;
  JoinedRow& row = decision->rows[change.position];
  row.state = RowState::kFinal;
  row.reward = change.now;
}

void JoinedRows::GiveOut(OnRow on_row) {
  while (!waiting_.empty()) {
    const Decision& decision = waiting_.front();
    const OpenDecision* const open = decision.open ? join_.Find(decision.id) : nullptr;
    if (open != nullptr && open->lsn == decision.lsn) return;
    for (const JoinedRow& row : decision.rows) on_row(row);
    waiting_.pop_front();
  }
}

}  // namespace fulcrum::decision_log
