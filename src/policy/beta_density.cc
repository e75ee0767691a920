#include "policy/beta_density.h"

#include <algorithm>
#include <cmath>

#include "base/math.h"
#include "base/math_kernels.h"

namespace fulcrum::policy {
namespace {

// ln Gamma(z) less its Stirling approximation.
double StirlingRemainder(double z) {
  double shifted = z;
  double product = 1;
  double steps = 0;
  while (shifted < 10) {
    product *= shifted;
    shifted += 1;
    steps += 1;
  }
  const double r = 1 / shifted;
  const double r2 = r * r;
  const double series =
      r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 * (1.0 / 1680 - r2 * (1.0 / 1188)))));
  if (steps == 0) return series;
  return series + (shifted - 0.5) * base::Log(shifted) - steps - base::Log(product) -
         (z - 0.5) * base::Log(z);
}

// How far ln f falls by `drop` on the side towards rate 1, first guess. `near` and `far` are
// drop / count of the counts that rise and fall along that side: a Gamma-like bend plus a straight
// tail, exact to first order when both are small.
double GuessReach(double near, double far) {
  const double bend = base::Log1p(std::sqrt(2 * near) + near);
  const double tail = std::sqrt(2 * far) + far * (1.0 / 3);
  return std::sqrt(bend * bend + tail * tail);
}

// One Newton step on ln f = -drop. The tangent lies above a concave function, so the result is
// never inside the support, whatever the guess.
double RefineStep(const BetaArm& arm, const LogitPoint& mode, double step, double drop) {
  const LogitPoint at = PointAt(mode.y + step);
  LogChange change;
  if (std::abs(at.y) > 700 || std::abs(mode.y) > 700) {  // one of the ratios below would vanish
    change = ChangeAlong(mode, step);
  } else if (mode.rate < 0.5) {  // the smaller change directly; the two differ by the step
    change.complement = base::Log(at.complement / mode.complement);
    change.rate = step + change.complement;
  } else {
    change.rate = base::Log(at.rate / mode.rate);
    change.complement = change.rate - step;
  }
  const double fallen = arm.alpha * change.rate + arm.beta * change.complement;
  const double slope = arm.alpha * at.complement - arm.beta * at.rate;
  return step - (fallen + drop) / slope;
}

}  // namespace

LogitPoint PointAt(double y) {
  const double e = base::Exp(-std::abs(y));
  const double large = 1 / (1 + e);
  const double small = e * large;
  return y < 0 ? LogitPoint{y, small, large} : LogitPoint{y, large, small};
}

LogChange LogsAt(double y) {
  const double small = -base::Log1p(base::Exp(-std::abs(y)));
  const double large = small - std::abs(y);
  return y < 0 ? LogChange{large, small} : LogChange{small, large};
}

LogChange ChangeAlong(const LogitPoint& from, double step) {
  if (std::abs(step) > kLongestExactStep) {
    const LogChange at = LogsAt(from.y + step);
    const LogChange before = LogsAt(from.y);
    return {at.rate - before.rate, at.complement - before.complement};
  }
  if (from.rate <= 0.5) {  // the form whose logarithm has an argument near 1
    const double b = base::Log1pNearZero(from.rate * base::Expm1InRange(step));
    return {step - b, -b};
  }
  const double a = base::Log1pNearZero(from.complement * base::Expm1InRange(-step));
  return {-a, -step - a};
}

BetaArm Clamped(const BetaArm& arm) {
  constexpr double kLargest = 1e15;
  constexpr double kSmallest = 1e-12;
  const double largest = std::max(arm.alpha, arm.beta);
  const double scale = largest > kLargest ? kLargest / largest : 1;
  return {std::max(arm.alpha * scale, kSmallest), std::max(arm.beta * scale, kSmallest)};
}

BetaShape ShapeOf(const BetaArm& arm, double drop) {
  const double sum = arm.alpha + arm.beta;
  BetaShape shape;
  shape.mode = {base::Log(arm.alpha / arm.beta), arm.alpha / sum, arm.beta / sum};
  shape.curvature = arm.alpha * shape.mode.complement;
  const double spread = drop / shape.curvature;
  double down;
  double up;
  if (spread < 0.02) {  // many trials: the expansion around the mode is enough
    const double reach = std::sqrt(2 * spread);
    const double skew = (shape.mode.complement - shape.mode.rate) * spread * (1.0 / 3);
    down = -(reach + skew) * 1.001;
    up = (reach - skew) * 1.001;
  } else {
    const double a = drop / arm.alpha;
    const double b = drop / arm.beta;
    down = RefineStep(arm, shape.mode, -GuessReach(b, a), drop);
    up = RefineStep(arm, shape.mode, GuessReach(a, b), drop);
  }
  shape.low = shape.mode.y + down;
  shape.high = shape.mode.y + up;
  return shape;
}

double PeakOf(const BetaArm& arm) {
  constexpr double kInverseTwoPi = 0.15915494309189535;
  const double sum = arm.alpha + arm.beta;
  return std::sqrt(kInverseTwoPi * arm.alpha * (arm.beta / sum)) *
         base::Exp(StirlingRemainder(sum) - StirlingRemainder(arm.alpha) -
                   StirlingRemainder(arm.beta));
}

}  // namespace fulcrum::policy
