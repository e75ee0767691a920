// The density of a Beta posterior on the logit scale y = ln(x / (1 - x)), where it is log-concave,
// without end-point singularities, for every alpha, beta > 0. Pure functions; no errors.
#pragma once

#include "policy/choice.h"

namespace fulcrum::policy {

// By how much ln(x) and ln(1 - x) change along a step on the logit scale. Keeping the two apart is
// what makes alpha * rate + beta * complement exact for any counts.
struct LogChange {
  double rate;
  double complement;
};

// A point on the logit scale with its rate and 1 - rate, both to full relative accuracy.
struct LogitPoint {
  double y;
  double rate;
  double complement;
};

LogitPoint PointAt(double y);

// ln(x) and ln(1 - x) at y.
LogChange LogsAt(double y);

// Steps up to this keep full relative accuracy of the change however small it is.
inline constexpr double kLongestExactStep = 0.5;

// The change from `from` to from.y + step.
LogChange ChangeAlong(const LogitPoint& from, double step);

// Clamped to what the arithmetic resolves: counts of at most 10^15, at least 10^-12.
BetaArm Clamped(const BetaArm& arm);

struct BetaShape {
  LogitPoint mode;
  double curvature;  // of -ln f at the mode: alpha beta / (alpha + beta)
  double low, high;  // where ln f has fallen by at least the drop asked for
};

BetaShape ShapeOf(const BetaArm& arm, double drop);

// The density at its mode.
double PeakOf(const BetaArm& arm);

}  // namespace fulcrum::policy
