#include "decider/reply.h"

#include "policy/policies.h"
#include "policy/recorded.h"

namespace fulcrum::decider {
namespace {

ServedAction ServedAt(const DecisionRecord& record, const PositionRecord& position) {
  ServedAction served;
  served.action_id = position.action_id;
  if (position.ticks.empty()) {  // not drawn
    if (record.answer == Answer::kBaseline) served.ticks = position.drawn_ticks;
    return served;
  }
  for (size_t i = 0; i < record.candidates.size(); ++i) {
    const CandidateRecord& candidate = record.candidates[i];
    if (candidate.action_id != position.action_id || i >= position.ticks.size()) continue;
    served.ticks = position.ticks[i];
    served.score = candidate.score;
    served.uplift = policy::MeanOf(policy::PosteriorOf(candidate, record.log_odds)) -
                    policy::NeutralMeanOf(record);
    return served;
  }
  served.ticks = position.ticks.back();  // the neutral action
  return served;
}

// Users who are held out get the neutral action at the first position, the others what was drawn.
// Whoever comes to a later position is not held out.
double MarginalAt(const DecisionRecord& record, size_t index, const ServedAction& served) {
  const double held_out = PropensityOf(record.holdout_ticks);
  if (record.answer == Answer::kHeldOut) {
    const bool known = !record.unserved.empty() && !record.unserved.front().ticks.empty();
    const double drawn = known ? PropensityOf(record.unserved.front().ticks.back()) : 1;
    return held_out + (1 - held_out) * drawn;
  }
  const double propensity = PropensityOf(served.ticks);
  if (index > 0) return propensity;
  return (1 - held_out) * propensity + (served.action_id == kNeutralActionId ? held_out : 0);
}

}  // namespace

Reply ReplyOf(const DecisionRecord& record) {
  Reply reply;
  reply.id = record.id;
  reply.answer = record.answer;
  reply.degradation = record.degradation;
  reply.log_pending = record.log_pending;
  reply.actions.reserve(record.positions.size());
  for (size_t i = 0; i < record.positions.size(); ++i) {
    ServedAction& served = reply.actions.emplace_back(ServedAt(record, record.positions[i]));
    served.marginal = MarginalAt(record, i, served);
  }
  reply.versions = record.versions;
  reply.features_missing = record.features_missing;
  reply.features_stale = record.features_stale;
  reply.defer_until_us = record.defer_until_us;
  return reply;
}

Reply SupersededReplyOf(const DecisionId& id, const Versions& versions,
                        const std::string& served_action_id) {
  Reply reply;
  reply.id = id;
  reply.answer = served_action_id == kNeutralActionId ? Answer::kNeutral : Answer::kEditorial;
  reply.degradation = Degradation::kDisk;
  reply.log_pending = true;
  reply.actions.push_back({.action_id = served_action_id});
  reply.versions = versions;
  return reply;
}

}  // namespace fulcrum::decider
