// What the caller is told: a function of the decision's record, so that an answer is the same
// whether it is given at once, to a repeated request, or after a restart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decider {

// One action of an answer.
struct ServedAction {
  std::string action_id;
  Ticks ticks = kTicksTotal;     // all of them in answers that were not drawn
  std::optional<double> score;   // absent for the neutral action and if not scored
  std::optional<double> uplift;  // posterior mean minus the baseline's
  double marginal = 1;           // the probability whether or not the user is held out

  friend bool operator==(const ServedAction&, const ServedAction&) = default;
};

struct Reply {
  DecisionId id;
  Answer answer = Answer::kFull;
  Degradation degradation = Degradation::kNone;
  bool log_pending = false;
  std::vector<ServedAction> actions;
  Versions versions;
  uint32_t features_missing = 0;
  uint32_t features_stale = 0;
  int64_t defer_until_us = 0;  // no action can be had before; 0 = not known
  // Of this very answer: a repeated request has its own.
  StageTimes times;
  int64_t total_us = 0;
};

// Called exactly once, from any thread.
using Respond = absl::AnyInvocable<void(Reply)>;

// All but the times. Thread-safe, as the next one.
Reply ReplyOf(const DecisionRecord& record);

// What is served instead of a drawn decision whose record comes too late: `served_action_id`, the
// surface's editorial action or the neutral one.
Reply SupersededReplyOf(const DecisionId& id, const Versions& versions,
                        const std::string& served_action_id);

}  // namespace fulcrum::decider
