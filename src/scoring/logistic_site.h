// What one observation of a success adds to a Gaussian belief in its log odds.
//
// What is shown at a place where people look with probability e succeeds with probability e p,
// where p = 1 / (1 + exp(-z)). The posterior of the log odds z ~ N(mean, sd^2) after such a trial
// is not Gaussian. It is replaced by the Gaussian of equal mean and variance (assumed density
// filtering: Minka, A family of algorithms for approximate Bayesian inference, 2001, 3.1; for click
// prediction Graepel et al., ICML 2010), which is N(mean, sd^2) times the site
//
//   exp(reward * z - weight * z^2 / 2)
//
// so that the belief in coefficients theta, z = theta' x, is again that of a linear regression with
// `weight` x x' and `reward` x added to its sums. The moments come from quadrature. Laplace's
// approximation takes the mode and the curvature there instead, which is worst where doubt is
// largest: in the first observations of an arm, when exploration hangs on it.
#pragma once

#include "scoring/linear_posterior.h"

namespace fulcrum::scoring {

// Precision and precision times location.
struct Site {
  double weight = 0;  // >= 0
  double reward = 0;

  friend bool operator==(const Site&, const Site&) = default;
};

// Largest sd that the quadrature takes.
inline constexpr double kLogitSdMax = 100;

// `reward` is the share of a success, 0 to 1: then the likelihood is that of so much of a success
// and so much of a failure. before.sd is in (0, kLogitSdMax], `examination` (e) in (0, 1]. Relative
// error of the moments about 1e-12.
Site LogisticSite(const Belief& before, double reward, double examination = 1);

// What makes a site of `reward` of one that was added, `weight` times (0 to 1), for `before`. The
// site itself need not have been kept: it is that which fits what is believed `now`, as if its
// observation had been the last one. So of the last one the change is exact, and of earlier ones it
// takes the trial at what is known today, as expectation propagation would (Minka, 2001, 3.2).
Site LogisticChange(const Belief& now, double before, double reward, double examination = 1,
                    double weight = 1);

}  // namespace fulcrum::scoring
