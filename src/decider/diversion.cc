#include "decider/diversion.h"

#include <algorithm>

namespace fulcrum::decider {
namespace {

// Not if something of it is paused: its probabilities would not be those of what remains.
bool ServesBaseline(const Call& call) {
  if (call.surface->mode != Mode::kApprentice || call.context.baseline.empty()) return false;
  const auto& index = call.snapshot.bundle->action_index;
  return std::none_of(call.context.baseline.begin(), call.context.baseline.end(),
                      [&](const domain::BaselineAction& one) {
                        const auto found = index.find(one.action_id);
                        return found != index.end() && call.IsPaused(found->second);
                      });
}

// -1: the neutral one.
int32_t FallbackAction(const Call& call) {
  const int32_t action = call.surface->fallback_action;
  return action >= 0 && !call.IsPaused(action) ? action : -1;
}

std::string IdOf(const Call& call, int32_t action) {
  return action < 0 ? kNeutralActionId
                    : call.snapshot.bundle->actions[static_cast<size_t>(action)].id;
}

}  // namespace

bool IsDiverted(const Call& call) {
  return call.held_out || call.surface->mode == Mode::kApprentice ||
         call.surface->mode == Mode::kLogOnly;
}

Answer InsteadAnswer(const Call& call) {
  if (call.paused) return Answer::kNeutral;
  if (call.held_out) return Answer::kHeldOut;
  if (ServesBaseline(call)) return Answer::kBaseline;
  return FallbackAction(call) >= 0 ? Answer::kEditorial : Answer::kNeutral;
}

std::vector<PositionRecord> InsteadPositions(const Call& call) {
  std::vector<PositionRecord> positions;
  if (call.paused) {
    positions.push_back({.action_id = kNeutralActionId});
  } else if (call.held_out) {
    positions.push_back({.action_id = kNeutralActionId, .drawn_ticks = kTicksTotal});
  } else if (ServesBaseline(call)) {
    for (const domain::BaselineAction& action : call.context.baseline) {
      if (positions.size() == call.context.slate_size) break;
      positions.push_back({.action_id = action.action_id, .drawn_ticks = action.ticks});
    }
  } else {
    positions.push_back({.action_id = IdOf(call, FallbackAction(call))});
  }
  return positions;
}

}  // namespace fulcrum::decider
