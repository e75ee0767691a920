#include "policy/recorded.h"

#include "policy/policies.h"

namespace fulcrum::policy {

Posterior NeutralPosteriorOf(const DecisionRecord& record) {
  const CandidateRecord neutral = {.alpha = record.neutral_alpha,
                                   .beta = record.neutral_beta,
                                   .mean = record.neutral_mean,
                                   .sd = record.neutral_sd};
  return PosteriorOf(neutral, record.log_odds);
}

double NeutralMeanOf(const DecisionRecord& record) {
  return record.neutral_known ? record.neutral_value : MeanOf(NeutralPosteriorOf(record));
}

}  // namespace fulcrum::policy
