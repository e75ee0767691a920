#include "policy/beta_density.h"

#include <algorithm>
#include <cmath>

namespace fulcrum::policy {

LogitPoint PointAt(double y) {
  return beta_internal::PointAt(y);
}

LogChange LogsAt(double y) {
  return beta_internal::LogsAt(y);
}

LogChange ChangeAlong(const LogitPoint& from, double step) {
  if (std::abs(step) > kLongestExactStep) return beta_internal::LongChange(from.y, step);
  return beta_internal::ShortChange(from, step);
}

BetaArm Clamped(const BetaArm& arm) {
  constexpr double kLargest = 1e15;
  constexpr double kSmallest = 1e-12;
  const double largest = std::max(arm.alpha, arm.beta);
  const double scale = largest > kLargest ? kLargest / largest : 1;
  return {std::max(arm.alpha * scale, kSmallest), std::max(arm.beta * scale, kSmallest)};
}

BetaShape ShapeOf(const BetaArm& arm, double drop) {
  return beta_internal::ShapeOf(arm.alpha, arm.beta, drop);
}

double PeakOf(const BetaArm& arm) {
  return beta_internal::PeakOf(arm.alpha, arm.beta);
}

}  // namespace fulcrum::policy
