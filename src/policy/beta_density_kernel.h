// The formulas of policy/beta_density.h and what the loops over arms need of them (beta_loops.h),
// for one posterior or a vector of them: T is double or a vector of base/math_kernels.h, and the
// bits are the same. All functions are static and use no library function: the linker must never
// let code for one processor stand in for another's.
#pragma once

#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/math_kernels.h"

namespace fulcrum::policy {

// By how much ln(x) and ln(1 - x) change along a step on the logit scale. Keeping the two apart is
// what makes alpha * rate + beta * complement exact for any counts.
template <typename T>
struct LogChangeOf {
  T rate;
  T complement;
};

// A point on the logit scale with its rate and 1 - rate, both to full relative accuracy.
template <typename T>
struct LogitPointOf {
  T y;
  T rate;
  T complement;
};

template <typename T>
struct BetaShapeOf {
  LogitPointOf<T> mode;
  T curvature;  // of -ln f at the mode: alpha beta / (alpha + beta)
  T low, high;  // where ln f has fallen by at least the drop asked for
};

// Steps up to this keep full relative accuracy of the change however small it is.
inline constexpr double kLongestExactStep = 0.5;

namespace beta_internal {

// Beyond this the smaller of rate and complement is nil against any count.
inline constexpr double kFarthestLogit = 700;

static inline bool Any(bool mask) {
  return mask;
}
template <typename Mask>
static inline bool Any(const Mask& mask) {
  bool any = false;
  for (size_t i = 0; i < sizeof(Mask) / sizeof(mask[0]); ++i) any |= mask[i] != 0;
  return any;
}

// Square roots are correctly rounded on every processor. One by one they cost a call each, for the
// sake of errno, around which no vector stays in its register.
template <typename T>
static inline T Sqrt(const T& x) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == sizeof(__m512d))
    return _mm512_maskz_sqrt_pd(0xff, x);  // the plain one makes GCC warn
#endif
#if defined(__AVX__)
  if constexpr (sizeof(T) == sizeof(__m256d)) return _mm256_sqrt_pd(x);
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(T) == sizeof(__m128d)) return _mm_sqrt_pd(x);
#endif
  if constexpr (sizeof(T) == sizeof(double)) {
    return __builtin_sqrt(x);
  } else {
    double each[sizeof(T) / sizeof(double)];
    __builtin_memcpy(each, &x, sizeof(x));
    for (double& one : each) one = __builtin_sqrt(one);
    return __builtin_bit_cast(T, each);
  }
}

template <typename T>
static inline T Distance(const T& x) {
  const T zero = {};
  return x < zero ? -x : x;
}

// e^-|y|, or next to nothing.
template <typename T>
static inline T Decay(const T& y) {
  const T farthest = T{} + kFarthestLogit;
  const T distance = Distance(y);
  return base::ExpInRange<T>(distance < farthest ? -distance : -farthest);
}

template <typename T>
static inline LogitPointOf<T> PointAt(const T& y) {
  const T zero = {};
  const T e = Decay(y);
  const T large = 1.0 / (1.0 + e);
  const T small = e * large;
  return {y, y < zero ? small : large, y < zero ? large : small};
}

template <typename T>
static inline LogChangeOf<T> LogsAt(const T& y) {
  const T zero = {};
  const T small = -base::Log1pInRange(Decay(y));
  const T large = small - Distance(y);
  return {y < zero ? large : small, y < zero ? small : large};
}

template <typename T>
static inline LogChangeOf<T> LongChange(const T& from, const T& step) {
  const LogChangeOf<T> at = LogsAt<T>(from + step);
  const LogChangeOf<T> before = LogsAt(from);
  return {at.rate - before.rate, at.complement - before.complement};
}

// For steps up to kLongestExactStep.
template <typename T>
static inline LogChangeOf<T> ShortChange(const LogitPointOf<T>& from, const T& step) {
  // Of rate and complement the form whose logarithm has an argument near 1.
  const auto mirrored = from.rate > T{} + 0.5;
  const T smaller = mirrored ? from.complement : from.rate;
  const T towards = mirrored ? -step : step;
  const T b = base::Log1pNearZero<T>(smaller * base::Expm1InRange(towards));
  const T a = towards - b;
  return {mirrored ? -b : a, mirrored ? a : -b};
}

// ln Gamma(z) less its Stirling approximation, z > 0.
template <typename T>
static inline T StirlingRemainder(const T& z) {
  constexpr int kEnough = 10;
  const T enough = T{} + kEnough;
  const auto small = z < enough;
  T shifted = z;
  T product = T{} + 1.0;
  T steps = {};
  if (Any(small)) {
    // As many as the smallest z needs, always: when to stop would be guessed wrong.
    for (int i = 0; i < kEnough; ++i) {
      const auto rises = shifted < enough;
      product = rises ? product * shifted : product;
      steps = rises ? steps + 1.0 : steps;
      shifted = rises ? shifted + 1.0 : shifted;
    }
  }
  const T r = 1.0 / shifted;
  const T r2 = r * r;
  const T series =
      r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 * (1.0 / 1680 - r2 * (1.0 / 1188)))));
  if (!Any(small)) return series;
  const T whole = series + (shifted - 0.5) * base::LogOfNormal(shifted) - steps -
                  base::LogOfNormal(product) - (z - 0.5) * base::LogOfNormal(z);
  return small ? whole : series;
}

// The density at its mode.
template <typename T>
static inline T PeakOf(const T& alpha, const T& beta) {
  constexpr double kInverseTwoPi = 0.15915494309189535;
  const T sum = alpha + beta;
  return Sqrt<T>(kInverseTwoPi * alpha * (beta / sum)) *
         base::ExpInRange<T>(StirlingRemainder(sum) - StirlingRemainder(alpha) -
                             StirlingRemainder(beta));
}

// How far ln f falls by `drop` on the side towards rate 1, first guess. `near` and `far` are
// drop / count of the counts that rise and fall along that side: a Gamma-like bend plus a straight
// tail, exact to first order when both are small.
template <typename T>
static inline T GuessReach(const T& near, const T& far) {
  const T bend = base::Log1pInRange<T>(Sqrt<T>(2.0 * near) + near);
  const T tail = Sqrt<T>(2.0 * far) + far * (1.0 / 3);
  return Sqrt<T>(bend * bend + tail * tail);
}

// One Newton step on ln f = -drop. The tangent lies above a concave function, so the result is
// never inside the support, whatever the guess.
template <typename T>
static inline T RefineStep(const T& alpha, const T& beta, const LogitPointOf<T>& mode,
                           const T& step, double drop) {
  const LogitPointOf<T> at = PointAt<T>(mode.y + step);
  // The smaller change directly; the two differ by the step.
  const auto low = mode.rate < T{} + 0.5;
  const T ratio = (low ? at.complement : at.rate) / (low ? mode.complement : mode.rate);
  const T change = base::LogOfNormal(ratio);
  T rate = low ? step + change : change;
  T complement = low ? change : change - step;
  const auto far = Distance(at.y) > T{} + kFarthestLogit;
  if (Any(far)) {  // the ratio vanishes
    const LogChangeOf<T> whole = LongChange(mode.y, step);
    rate = far ? whole.rate : rate;
    complement = far ? whole.complement : complement;
  }
  const T fallen = alpha * rate + beta * complement;
  const T slope = alpha * at.complement - beta * at.rate;
  return step - (fallen + drop) / slope;
}

template <typename T>
static inline BetaShapeOf<T> ShapeOf(const T& alpha, const T& beta, double drop) {
  const T sum = alpha + beta;
  BetaShapeOf<T> shape;
  shape.mode = {base::LogOfNormal<T>(alpha / beta), alpha / sum, beta / sum};
  shape.curvature = alpha * shape.mode.complement;
  const T spread = drop / shape.curvature;
  // Many trials: the expansion around the mode is enough.
  const T reach = Sqrt<T>(2.0 * spread);
  const T skew = (shape.mode.complement - shape.mode.rate) * spread * (1.0 / 3);
  T down = -(reach + skew) * 1.001;
  T up = (reach - skew) * 1.001;
  const auto few = spread >= T{} + 0.02;
  if (Any(few)) {
    const T a = drop / alpha;
    const T b = drop / beta;
    const T refined_down = RefineStep<T>(alpha, beta, shape.mode, -GuessReach(b, a), drop);
    const T refined_up = RefineStep<T>(alpha, beta, shape.mode, GuessReach(a, b), drop);
    down = few ? refined_down : down;
    up = few ? refined_up : up;
  }
  shape.low = shape.mode.y + down;
  shape.high = shape.mode.y + up;
  return shape;
}

}  // namespace beta_internal
}  // namespace fulcrum::policy
