#include "training/log_fold.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace fulcrum::training {
namespace {

LoggedPosition Describe(const DecisionRecord& record, const PositionRecord& position) {
  LoggedPosition logged;
  logged.action_id = position.action_id;
  const auto& candidates = record.candidates;
  const auto drawn = std::find_if(
      candidates.begin(), candidates.end(),
      [&](const CandidateRecord& candidate) { return candidate.action_id == position.action_id; });
  const auto index = static_cast<size_t>(drawn - candidates.begin());
  if (drawn != candidates.end()) {
    logged.candidate = static_cast<int32_t>(index);
  } else if (position.action_id == kNeutralActionId) {
    logged.candidate = LoggedPosition::kNeutral;
  } else {
    return logged;
  }
  // The neutral action's ticks stand behind those of the candidates.
  if (index < position.ticks.size()) {
    logged.propensity = PropensityOf(position.ticks[index]) * PropensityOf(record.detail_ticks);
  } else if (record.answer == Answer::kBaseline) {  // 0 if the caller did not tell
    logged.propensity = PropensityOf(position.drawn_ticks) * PropensityOf(record.detail_ticks);
  }
  return logged;
}

}  // namespace

void LogFold::Apply(Lsn lsn, const LogEvent& event) {
  join_.Apply(lsn, event, [this](const decision_log::RewardChange& change) { OnChange(change); });
  if (const auto* const decision = std::get_if<DecisionRecord>(&event)) {
    Add(lsn, *decision);
  } else if (const auto* const unshown = std::get_if<UnshownRecord>(&event)) {
    Miss(unshown->decision_id);
  } else if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
    superseded_ += by_id_.erase(superseded->decision_id);
  }
}

void LogFold::Add(Lsn lsn, const DecisionRecord& record) {
  ++decisions_;
  const decision_log::OpenDecision* const open = join_.Find(record.id);
  if (open == nullptr || open->lsn != lsn) {  // the join does not take it for evidence
    ++fallbacks_;
    return;
  }
  LoggedDecision decision;
  decision.lsn = lsn;
  decision.id = record.id;
  decision.occurred_us = record.occurred_us;
  decision.model = record.versions.model;
  decision.candidates = static_cast<uint32_t>(record.candidates.size());
  decision.detail = record.detail == Detail::kWhole;
  decision.surface = record.surface;
  decision.segment = record.segment;
  for (const PositionRecord& position : record.positions) {
    decision.positions.push_back(Describe(record, position));
  }
  by_id_.insert_or_assign(record.id, std::move(decision));
}

void LogFold::Miss(const DecisionId& id) {
  const decision_log::OpenDecision* const open = join_.Find(id);
  const auto found = by_id_.find(id);
  if (open == nullptr || found == by_id_.end()) return;
  for (size_t i = 0; i < open->positions.size(); ++i) {
    if (open->positions[i].shown != decision_log::Shown::kMissing) continue;
    found->second.positions[i].state = LoggedPosition::State::kMissing;
  }
}

void LogFold::OnChange(const decision_log::RewardChange& change) {
  const auto found = by_id_.find(change.decision->id);
  if (found == by_id_.end()) return;
  LoggedPosition& position = found->second.positions[change.position];
  position.state = LoggedPosition::State::kSettled;
  position.reward = change.now;
}

std::vector<LoggedDecision> LogFold::TakeDecisions() {
  std::vector<LoggedDecision> decisions;
  decisions.reserve(by_id_.size());
  for (auto& [id, decision] : by_id_) decisions.push_back(std::move(decision));
  by_id_.clear();
  std::sort(decisions.begin(), decisions.end(),
            [](const LoggedDecision& a, const LoggedDecision& b) { return a.lsn < b.lsn; });
  return decisions;
}

}  // namespace fulcrum::training
