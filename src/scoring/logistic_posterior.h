// Bayesian logistic regression of one arm's success, learned one observation at a time.
//
//   P(success at x) = 1 / (1 + exp(-z)),  z = theta' x,  theta ~ N(m, prior_sd^2 I)
//
// x = [1, logit of the model's score, shared terms..], and m is 1 for that logit and 0 elsewhere:
// before anything is learned an action is expected to do as the model says.
//
// The belief in theta is kept Gaussian by assumed density filtering: each observation adds the site
// that gives z at its x the mean and variance of the exact posterior (logistic_site.h). Sites are
// rank one, so the sums, the guarded factor, discounting and the durable form are those of a linear
// arm with noise 1; only what is added differs.
//
// A correction takes the site of the observation out again and puts another in, so it leaves what
// would be there had the observation been the other one from the start (of later ones, which
// were made beside the old one, the sites stay). Therefore whoever may correct keeps the site.
#pragma once

#include <optional>

#include "absl/types/span.h"
#include "scoring/linear_posterior.h"
#include "scoring/logistic_site.h"

namespace fulcrum::scoring {

// Of a logistic arm: `terms` of x, 2 to kTermsMax; prior_sd in log odds, > 0.
LinearSpec LogisticSpec(size_t terms, double prior_sd);

// Copies are independent. Const use is thread-safe.
class LogisticArm {
 public:
  // Without observations. `spec` is of LogisticSpec, here and below: always with the same terms and
  // prior; discounted to count what is kept less (scoring/decay.h).
  explicit LogisticArm(const LinearSpec& spec) : arm_(spec) {}

  // Belief in the log odds z at `x`, which has the spec's number of terms, within kTermMax.
  Belief At(absl::Span<const double> x) const { return arm_.At(x); }

  // Learns that the share `reward` (0 to 1) of a success was seen at `x`, and gives what was added,
  // which counts `weight` times (its age; in (0, 1]). None, and nothing changes, if x has another
  // number of terms or the doubt at x is beyond kLogitSdMax: then a term is badly scaled.
  std::optional<Site> Observe(const LinearSpec& spec, absl::Span<const double> x, double reward,
                              double weight = 1);

  // `reward` takes the place of that of an earlier observation at the same `x` and weight, which
  // added `before`. Gives what stands for it now.
  std::optional<Site> Correct(const LinearSpec& spec, absl::Span<const double> x,
                              const Site& before, double reward, double weight = 1);

  // Under a spec that discounts more than the one before; see LinearArm::Aged.
  void Age(const LinearSpec& spec, int halvings) { arm_ = arm_.Aged(spec, halvings); }

  const LinearArm& arm() const { return arm_; }

 private:
  LinearArm arm_;
};

}  // namespace fulcrum::scoring
