// The source of the functions in policy/beta_loops.h, for vectors of `kWidth` doubles. Only
// element-wise operations and sums in node order, none fused (-ffp-contract=off). All functions are
// static: the linker must never let code for one processor stand in for another's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/beta_density_kernel.h"
#include "policy/beta_loops.h"
#include "policy/row.h"

namespace fulcrum::policy::beta_internal {

inline constexpr size_t kPerArm = 8;  // nodes

template <typename T>
static inline T Load(const double* from) {
  T value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}

template <typename T>
static inline void Store(double* to, const T& value) {
  __builtin_memcpy(to, &value, sizeof(value));
}

template <size_t kWidth>
static void Shapes(const BetaColumns& arms, size_t count, double drop) {
  using T = typename base::Vector<kWidth>::Doubles;
  for (size_t i = 0; i < count; i += kWidth) {
    const BetaShapeOf<T> shape = ShapeOf<T>(Load<T>(arms.alpha + i), Load<T>(arms.beta + i), drop);
    Store(arms.mode + i, shape.mode.y);
    Store(arms.rate + i, shape.mode.rate);
    Store(arms.complement + i, shape.mode.complement);
    Store(arms.curvature + i, shape.curvature);
    Store(arms.low + i, shape.low);
    Store(arms.high + i, shape.high);
  }
}

template <size_t kWidth>
static void Peaks(const BetaColumns& arms, size_t count) {
  using T = typename base::Vector<kWidth>::Doubles;
  for (size_t i = 0; i < count; i += kWidth) {
    Store(arms.peak + i, PeakOf<T>(Load<T>(arms.alpha + i), Load<T>(arms.beta + i)));
  }
}

template <size_t kWidth>
static void Enter(const BetaColumns& arms, size_t begin, size_t end, double centre) {
  using T = typename base::Vector<kWidth>::Doubles;
  for (size_t i = begin; i < end; i += kWidth) {
    const LogitPointOf<T> mode = {Load<T>(arms.mode + i), Load<T>(arms.rate + i),
                                  Load<T>(arms.complement + i)};
    const T step = centre - mode.y;
    LogChangeOf<T> change = ShortChange(mode, step);
    const auto far = Distance(step) > T{} + kLongestExactStep;
    if (Any(far)) {
      const LogChangeOf<T> along = LongChange(mode.y, step);
      change = {far ? along.rate : change.rate, far ? along.complement : change.complement};
    }
    Store<T>(arms.exponent + i,
             Load<T>(arms.alpha + i) * change.rate + Load<T>(arms.beta + i) * change.complement);
  }
}

template <typename T>
static inline T CurvatureOf(const BetaColumns& arms, size_t arm, double right, double variance) {
  const T floor = Load<T>(arms.mode + arm) < T{} + right ? Load<T>(arms.floor_right + arm)
                                                         : Load<T>(arms.floor_left + arm);
  const T curvature = Load<T>(arms.sum + arm) * variance;
  return curvature > floor ? curvature : floor;
}

template <size_t kWidth>
static double Curvature(const BetaColumns& arms, size_t count, double right, double variance) {
  using T = typename base::Vector<kWidth>::Doubles;
  T most = {};
  size_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    const T each = CurvatureOf<T>(arms, i, right, variance);
    most = each > most ? each : most;
  }
  double result = 0;
  for (; i < count; ++i) {
    const double each = CurvatureOf<double>(arms, i, right, variance);
    result = each > result ? each : result;
  }
  for (size_t lane = 0; lane < kWidth; ++lane) result = most[lane] > result ? most[lane] : result;
  return result;
}

template <size_t kWidth>
static void Move(const LogitPointOf<double>& centre, double half, const double* nodes, double* rate,
                 double* complement) {
  using T = typename base::Vector<kWidth>::Doubles;
  const LogitPointOf<T> from = {T{} + centre.y, T{} + centre.rate, T{} + centre.complement};
  for (size_t node = 0; node < kPerArm; node += kWidth) {
    const T step = half * Load<T>(nodes + node);
    const LogChangeOf<T> change =
        half > kLongestExactStep ? LongChange(from.y, step) : ShortChange(from, step);
    Store(rate + node, change.rate);
    Store(complement + node, change.complement);
  }
}

template <typename T>
static inline T Power(const T& base, uint32_t exponent, const T& one) {
  T x = base;
  T result = one;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = result * x;
    x = x * x;
  }
  return result;
}

// In node order. Called where the compiler does not see the values being stored: taking a vector
// apart would cost it more than loads.
static inline double Sum(const double* v) {
  return ((((((v[0] + v[1]) + v[2]) + v[3]) + v[4]) + v[5]) + v[6]) + v[7];
}

// Every arm's density, and in `cdf` its share of the panel's integral.
template <size_t kWidth>
static inline void Densities(const BetaColumns& arms, const BetaPanel& panel) {
  using R = Row<kWidth, kPerArm>;
  const R rate = LoadRow<kWidth, kPerArm>(panel.rate);
  const R complement = LoadRow<kWidth, kPerArm>(panel.complement);
  const R weights = LoadRow<kWidth, kPerArm>(panel.weights);
  for (size_t arm = 0; arm < panel.arms; ++arm) {
    const R exponent = arms.exponent[arm] + (arms.alpha[arm] * rate + arms.beta[arm] * complement);
    // The bound keeps ExpInRange in range where the density is nil anyway.
    const R density = arms.peak[arm] * Map([](const auto& x) { return base::ExpInRange(x); },
                                           AtLeast(-700, exponent));
    StoreRow(panel.own + arm * kPerArm, density);
    StoreRow(panel.cdf + arm * kPerArm, weights * density);
  }
}

// The integral of an arm's interpolated density from each node to the panel's right end.
template <size_t kWidth>
static inline Row<kWidth, kPerArm> RightIntegral(const double* table, const double* densities) {
  const auto part = [&](size_t j) {
    return densities[j] * LoadRow<kWidth, kPerArm>(table + j * kPerArm);
  };
  return ((((((part(0) + part(1)) + part(2)) + part(3)) + part(4)) + part(5)) + part(6)) + part(7);
}

// From densities to the rows `own`, density * cdf^(members - 1), `cdf`, cdf^members, and `before`,
// the product of those of the arms before; moves the tails. Returns the product of the distribution
// functions at the panel's left end.
template <size_t kWidth>
static inline double Distributions(const BetaColumns& arms, const BetaPanel& panel) {
  using R = Row<kWidth, kPerArm>;
  R product = RowOf<kWidth, kPerArm>(1);
  double at_left_end = 1;
  for (size_t arm = 0; arm < panel.arms; ++arm) {
    double* const own = panel.own + arm * kPerArm;
    double* const cdf = panel.cdf + arm * kPerArm;
    const double tail = arms.tail[arm] + panel.half * Sum(cdf);
    const R right = RightIntegral<kWidth>(panel.right_integral, own);
    R below = AtLeast(0, 1 - (arms.tail[arm] + panel.half * right));
    double left = tail < 1 ? 1 - tail : 0;
    const uint32_t members = panel.members[arm];
    if (members != 1) {
      const R others = Power(below, members - 1, RowOf<kWidth, kPerArm>(1));
      StoreRow(own, LoadRow<kWidth, kPerArm>(own) * others);
      below = below * others;
      left = Power(left, members, 1.0);
    }
    StoreRow(cdf, below);
    StoreRow(panel.before + arm * kPerArm, product);
    product = product * below;
    arms.tail[arm] = tail;
    at_left_end *= left;
  }
  return at_left_end;
}

// Products of the distribution functions from both ends, since dividing by a vanishing one would
// lose everything.
template <size_t kWidth>
static double Integrate(const BetaColumns& arms, const BetaPanel& panel) {
  using R = Row<kWidth, kPerArm>;
  Densities<kWidth>(arms, panel);
  const double at_left_end = Distributions<kWidth>(arms, panel);
  R after = panel.half * LoadRow<kWidth, kPerArm>(panel.weights);
  for (size_t arm = panel.arms; arm-- > 0;) {
    double* const own = panel.own + arm * kPerArm;
    const R before = LoadRow<kWidth, kPerArm>(panel.before + arm * kPerArm);
    StoreRow(own, LoadRow<kWidth, kPerArm>(own) * (before * after));
    after = after * LoadRow<kWidth, kPerArm>(panel.cdf + arm * kPerArm);
  }
  for (size_t arm = 0; arm < panel.arms; ++arm) {
    arms.probability[arm] += Sum(panel.own + arm * kPerArm);
  }
  return at_left_end;
}

template <size_t kWidth>
static constexpr BetaLoops LoopsOf() {
  return {Shapes<kWidth>,    Peaks<kWidth>, Enter<kWidth>,
          Curvature<kWidth>, Move<kWidth>,  Integrate<kWidth>};
}

}  // namespace fulcrum::policy::beta_internal
