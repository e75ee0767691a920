#include "decider/diversion.h"

namespace fulcrum::decider {
namespace {

bool ServesBaseline(const Call& call) {
  return call.surface->mode == Mode::kApprentice && !call.context.baseline.empty();
}

std::string FallbackAction(const Call& call) {
  const int32_t action = call.surface->fallback_action;
  if (action < 0) return kNeutralActionId;
  return call.snapshot.bundle->actions[static_cast<size_t>(action)].id;
}

}  // namespace

bool IsDiverted(const Call& call) {
  return call.held_out || call.surface->mode == Mode::kApprentice ||
         call.surface->mode == Mode::kLogOnly;
}

Answer InsteadAnswer(const Call& call) {
  if (call.held_out) return Answer::kHeldOut;
  if (ServesBaseline(call)) return Answer::kBaseline;
  return call.surface->fallback_action >= 0 ? Answer::kEditorial : Answer::kNeutral;
}

std::vector<PositionRecord> InsteadPositions(const Call& call) {
  std::vector<PositionRecord> positions;
  if (call.held_out) {
    positions.push_back({.action_id = kNeutralActionId, .drawn_ticks = kTicksTotal});
  } else if (ServesBaseline(call)) {
    for (const domain::BaselineAction& action : call.context.baseline) {
      if (positions.size() == call.context.slate_size) break;
      positions.push_back({.action_id = action.action_id, .drawn_ticks = action.ticks});
    }
  } else {
    positions.push_back({.action_id = FallbackAction(call)});
  }
  return positions;
}

}  // namespace fulcrum::decider
