#include "base/math.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "base/math_kernels.h"

namespace fulcrum::base {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

double Exp(double x) {
  if (x >= -708 && x <= 709) return ExpInRange(x);
  if (std::isnan(x)) return x;
  if (x > 709.782712893384) return kInfinity;
  if (x < -745.1332191019412) return 0;
  // The result or its scale is not a normal number: scale in two steps.
  const exp_internal::Reduced<double> reduced = exp_internal::Reduce(x);
  const double mantissa = 1 + exp_internal::ReducedExpm1(reduced.r);
  const double half = x > 0 ? 0x1p512 : 0x1p-512;
  const uint64_t bias = x > 0 ? uint64_t{0} - 512 : uint64_t{512};
  return mantissa * exp_internal::PowerOfTwo(reduced.shifted, bias) * half;
}

double Expm1(double x) {
  if (x >= -708 && x <= 709) return Expm1InRange(x);
  return Exp(x) - 1;
}

double Log(double x) {
  if (!(x > 0)) return x == 0 ? -kInfinity : std::numeric_limits<double>::quiet_NaN();
  if (x == kInfinity) return x;
  if (x < std::numeric_limits<double>::min()) {
    return LogOfNormal(x * 0x1p54) - 54 * 0x1.62e42fefa39efp-1;
  }
  return LogOfNormal(x);
}

double Log1p(double x) {
  if (x > -0.29289 && x < 0.41421) return Log1pNearZero(x);
  if (!(x > -1)) return x == -1 ? -kInfinity : std::numeric_limits<double>::quiet_NaN();
  if (x == kInfinity) return x;
  return Log1pInRange(x);
}

double Sigmoid(double x) {
  if (x >= 0) return 1 / (1 + Exp(-x));
  const double e = Exp(x);
  return e / (1 + e);
}

double Logit(double p) {
  // 2p - 1 is exact in the middle, where ln(p) and ln(1 - p) would cancel.
  if (p > 0.3 && p < 0.7) return Log1p((2 * p - 1) / (1 - p));
  return Log(p / (1 - p));
}

}  // namespace fulcrum::base
