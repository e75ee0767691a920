// The posteriors that records and scores hold. Pure functions, thread-safe.
#pragma once

#include "fulcrum/decision_record.h"
#include "policy/choice.h"

namespace fulcrum::policy {

// Of a candidate, recorded or scored. A Gaussian posterior says so by its sd; what is masked may
// have neither, and then what this gives is not valid. `log_odds` is the record's.
template <typename Candidate>
Posterior PosteriorOf(const Candidate& candidate, bool log_odds) {
  if (candidate.sd == 0) return BetaArm{candidate.alpha, candidate.beta};
  if (log_odds) return LogitArm{candidate.mean, candidate.sd};
  return GaussArm{candidate.mean, candidate.sd};
}

// Of the neutral action; not valid if its value is known.
Posterior NeutralPosteriorOf(const DecisionRecord& record);

// What the neutral action is worth, known or expected.
double NeutralMeanOf(const DecisionRecord& record);

}  // namespace fulcrum::policy
