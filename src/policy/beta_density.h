// The density of a Beta posterior on the logit scale y = ln(x / (1 - x)), where it is log-concave,
// without end-point singularities, for every alpha, beta > 0. Pure functions; no errors.
#pragma once

#include "policy/beta_density_kernel.h"
#include "policy/choice.h"

namespace fulcrum::policy {

using LogChange = LogChangeOf<double>;
using LogitPoint = LogitPointOf<double>;
using BetaShape = BetaShapeOf<double>;

LogitPoint PointAt(double y);

// ln(x) and ln(1 - x) at y.
LogChange LogsAt(double y);

// The change from `from` to from.y + step.
LogChange ChangeAlong(const LogitPoint& from, double step);

// Clamped to what the arithmetic resolves: counts of at most 10^15, at least 10^-12.
BetaArm Clamped(const BetaArm& arm);

BetaShape ShapeOf(const BetaArm& arm, double drop);

// The density at its mode.
double PeakOf(const BetaArm& arm);

}  // namespace fulcrum::policy
