#include "decider/reply.h"

namespace fulcrum::decider {
namespace {

double MeanOf(double alpha, double beta, double mean, double sd) {
  return sd > 0 ? mean : alpha / (alpha + beta);
}

double NeutralMean(const DecisionRecord& record) {
  if (record.neutral_known) return record.neutral_value;
  return MeanOf(record.neutral_alpha, record.neutral_beta, record.neutral_mean, record.neutral_sd);
}

ServedAction ServedAt(const DecisionRecord& record, const PositionRecord& position) {
  ServedAction served;
  served.action_id = position.action_id;
  if (position.ticks.empty()) return served;  // not drawn
  for (size_t i = 0; i < record.candidates.size(); ++i) {
    const CandidateRecord& candidate = record.candidates[i];
    if (candidate.action_id != position.action_id || i >= position.ticks.size()) continue;
    served.ticks = position.ticks[i];
    served.score = candidate.score;
    served.uplift =
        MeanOf(candidate.alpha, candidate.beta, candidate.mean, candidate.sd) - NeutralMean(record);
    return served;
  }
  served.ticks = position.ticks.back();  // the neutral action
  return served;
}

}  // namespace

Reply ReplyOf(const DecisionRecord& record) {
  Reply reply;
  reply.id = record.id;
  reply.answer = record.answer;
  reply.degradation = record.degradation;
  reply.log_pending = record.log_pending;
  reply.actions.reserve(record.positions.size());
  for (const PositionRecord& position : record.positions) {
    reply.actions.push_back(ServedAt(record, position));
  }
  reply.versions = record.versions;
  reply.features_missing = record.features_missing;
  reply.features_stale = record.features_stale;
  return reply;
}

Reply SupersededReplyOf(const DecisionId& id, const Versions& versions,
                        const std::string& served_action_id) {
  Reply reply;
  reply.id = id;
  reply.answer = served_action_id == kNeutralActionId ? Answer::kNeutral : Answer::kEditorial;
  reply.degradation = Degradation::kDisk;
  reply.log_pending = true;
  reply.actions.push_back({served_action_id, kTicksTotal, std::nullopt, std::nullopt});
  reply.versions = versions;
  return reply;
}

}  // namespace fulcrum::decider
