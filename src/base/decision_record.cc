#include "fulcrum/decision_record.h"

namespace fulcrum {
namespace {

template <typename Record>
std::optional<DecisionId> IdOf(const Record& record) {
  if constexpr (requires { record.decision_id; }) return record.decision_id;
  return std::nullopt;
}

std::optional<DecisionId> IdOf(const DecisionRecord& record) {
  return record.id;
}

}  // namespace

std::optional<DecisionId> EventDecisionId(const LogEvent& event) {
  return std::visit([](const auto& record) { return IdOf(record); }, event);
}

int64_t EventTime(const LogEvent& event) {
  return std::visit([](const auto& record) { return record.occurred_us; }, event);
}

bool IsDrawn(const DecisionRecord& record) {
  return record.answer == Answer::kFull || record.answer == Answer::kDegraded;
}

Ticks DrawnTicks(const DecisionRecord& record, const PositionRecord& position) {
  if (position.ticks.empty()) return position.drawn_ticks;
  for (size_t i = 0; i < position.ticks.size(); ++i) {
    const bool neutral = i >= record.candidates.size();
    if (position.action_id == (neutral ? kNeutralActionId : record.candidates[i].action_id)) {
      return position.ticks[i];
    }
  }
  return 0;
}

}  // namespace fulcrum
