// Bayesian linear regression of one arm's reward, and the terms it is linear in.
//
//   reward = theta' x + noise,  noise ~ N(0, noise_sd^2),  theta ~ N(m, prior_sd^2 I)
//
// The expected reward at x is then Gaussian with
//
//   P = I / prior_sd^2 + sum x x' / noise_sd^2,  h = m / prior_sd^2 + sum x r / noise_sd^2
//   mean = x' P^-1 h,  sd = sqrt(x' P^-1 x)
//
// (Bishop, Pattern Recognition and Machine Learning, 2006, 3.3.1; as the belief of linear Thompson
// sampling: Agrawal and Goyal, ICML 2013). docs/models.md says it to users.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "domain/feature_row.h"

namespace fulcrum::scoring {

// Of x; the factor costs their cube.
inline constexpr size_t kTermsMax = config::LinearPosterior::kTermsMax;

// Larger terms count as this much, so that no request can make a posterior that is not finite.
inline constexpr double kTermMax = 1e6;

// x = [1, score, shared terms..].
using Terms = absl::InlinedVector<double, kTermsMax>;

// The shared terms: 1 for the listed segment that is the user's, 0 for the others, then the number
// under each listed context key, 0 if it is missing.
std::vector<double> SharedTerms(const config::LinearPosterior& linear, std::string_view segment,
                                const base::StringMap<domain::FeatureValue>& context);

// The whole x of one arm. `score` is finite; 0 without a model and for the neutral action.
Terms TermsOf(double score, absl::Span<const double> shared);

struct LinearSpec {
  size_t terms = 0;        // of x, 2 to kTermsMax
  double noise_sd = 0;     // of one reward around its mean; > 0, finite
  double prior_sd = 0;     // of each coefficient; > 0, finite
  bool has_model = false;  // the prior expects the reward to be the model's score, else 0
  bool log_odds = false;   // of a success, in place of the reward; then noise_sd is 1

  friend bool operator==(const LinearSpec&, const LinearSpec&) = default;
};

LinearSpec SpecOf(const config::LinearPosterior& linear, bool has_model);

// Under which sums count `discount` times as much: that is the same as more noise.
LinearSpec Discounted(LinearSpec spec, double discount);

// Gaussian belief in an expected reward. Finite, sd > 0.
struct Belief {
  double mean = 0;
  double sd = 0;
};

// What is believed of an arm without observations: mean x[1], the score; sd prior_sd |x|.
Belief PriorBelief(double prior_sd, absl::Span<const double> x);

// What was seen. Of rewards it is free of the spec, so that another noise or prior needs no new
// fold of the log; of log odds it is not (logistic_site.h).
struct LinearSums {
  std::vector<double> xx;  // lower triangle of sum x x', row by row
  std::vector<double> xr;  // sum x r

  static LinearSums Zero(size_t terms) {
    return {std::vector<double>(terms * (terms + 1) / 2), std::vector<double>(terms)};
  }
  friend bool operator==(const LinearSums&, const LinearSums&) = default;
};

// One arm: its sums and the Cholesky factor of P. The factor is made afresh from the sums with
// every change rather than updated: a function of the sums, it cannot drift and has the same bits
// after a restart; at kTermsMax terms that costs about ten microseconds, off the request path.
//
// If the factorisation fails or P's condition exceeds kConditionMax, the last good factor stays in
// use until the sums give a good one again.
class LinearArm {
 public:
  static constexpr double kConditionMax = 1e12;

  // Without observations.
  explicit LinearArm(const LinearSpec& spec);

  // From its durable form; `fitted` are the sums behind the factor, null if that is `sums`. Without
  // a factor (see has_factor) if those have no good one.
  LinearArm(const LinearSpec& spec, LinearSums sums, const LinearSums* fitted);

  // Adds `weight` x x' and `reward` x to the sums (logistic_site.h says which). False if the factor
  // could not follow. x is finite.
  bool Add(const LinearSpec& spec, absl::Span<const double> x, double weight, double reward);

  // The same under a spec that discounts more than the one before, the sums times 2^-halvings. It
  // has a factor.
  LinearArm Aged(const LinearSpec& spec, int halvings) const;

  // `x` has the spec's number of terms, within kTermMax. The arm has a factor.
  Belief At(absl::Span<const double> x) const;

  size_t terms() const { return sums_.xr.size(); }
  double condition() const { return condition_; }  // of the P in use, in the 1-norm; estimated
  bool has_factor() const { return !factor_.empty(); }

  const LinearSums& sums() const { return sums_; }
  const LinearSums* fitted() const { return fitted_.xr.empty() ? nullptr : &fitted_; }

 private:
  bool Fit(const LinearSpec& spec, const LinearSums& sums);

  LinearSums sums_;
  LinearSums fitted_;              // behind the factor; empty if `sums_` are
  std::vector<double> factor_;     // L of P = L L', lower triangle, row by row
  std::vector<double> half_mean_;  // L^-1 h
  double condition_ = 1;
};

}  // namespace fulcrum::scoring
