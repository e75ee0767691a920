// The source of the functions in policy/gauss_panel.h, for vectors of `kWidth` doubles. Only
// element-wise operations in a fixed order, none fused (-ffp-contract=off). All functions are
// static: the linker must never let code for one processor stand in for another's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/math_kernels.h"
#include "policy/gauss_panel.h"

namespace fulcrum::policy::gauss_internal {

template <size_t kWidth>
using Doubles = typename base::Vector<kWidth>::Doubles;

template <size_t kWidth>
static inline Doubles<kWidth> Load(const double* from) {
  Doubles<kWidth> value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}

template <size_t kWidth>
static inline void Store(double* to, const Doubles<kWidth>& value) {
  __builtin_memcpy(to, &value, sizeof(value));
}

// exp(x) for -700 <= x <= 0, relative error 4.1e-11. x = k ln 2 + r; the polynomial is the
// weighted Chebyshev fit of exp on |r| <= ln(2) / 2 for relative error.
template <size_t kWidth>
static inline Doubles<kWidth> Exponential(const Doubles<kWidth>& x) {
  using D = Doubles<kWidth>;
  using W = typename base::Vector<kWidth>::Words;
  // Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits of the pattern.
  const D shifted = x * 0x1.71547652b82fep+0 + 0x1.8p52;
  const D r = x - (shifted - 0x1.8p52) * 0x1.62e42fefa39efp-1;
  const D r2 = r * r;
  const D low = (0x1.ffffffffabadap-1 + r * 0x1.000000010bb50p+0) +
                r2 * (0x1.00000059d8611p-1 + r * 0x1.5555534341443p-3);
  const D high = (0x1.5554685af5c93p-5 + r * 0x1.1112fad4a0d95p-7) +
                 r2 * (0x1.6da4bfc460211p-10 + r * 0x1.9eb683e282cadp-13);
  const D scale = __builtin_bit_cast(D, (__builtin_bit_cast(W, shifted) + 1023) << 52);
  return scale * (low + (r2 * r2) * high);
}

// Upper tail of the normal distribution at t >= 0, over exp(-t^2 / 2): times that, the absolute
// error is at most 2.2e-10. A polynomial in 1 / (1 + 0.296875 t), fitted for that error on [0, 6];
// beyond, only the smallness of the exponential counts.
template <size_t kWidth>
static inline Doubles<kWidth> ScaledTail(const Doubles<kWidth>& t) {
  using D = Doubles<kWidth>;
  const D u = 1.0 / (1.0 + t * 0.296875);
  const D u2 = u * u;
  const D low = (-0x1.7b5fd970ad1e1p-9 + u * 0x1.34eb6f5782ebep-3) +
                u2 * (-0x1.3cd12aa1b9979p-5 + u * 0x1.12750aa0185b1p-1);
  const D high = (-0x1.3d119382cc8bap-1 + u * 0x1.8344335fc7c03p-1) +
                 u2 * (-0x1.565e90fea4d5bp-2 + u * 0x1.a9534ae1f97f9p-5);
  return low + (u2 * u2) * high;
}

template <size_t kWidth>
static inline Doubles<kWidth> Power(const Doubles<kWidth>& base, uint32_t exponent) {
  Doubles<kWidth> x = base;
  Doubles<kWidth> result = base;
  for (--exponent; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = result * x;
    x = x * x;
  }
  return result;
}

template <size_t kWidth>
struct CdfAndHazard {
  Doubles<kWidth> cdf;
  Doubles<kWidth> hazard;  // exp(-z^2 / 2) / cdf
};

template <size_t kWidth>
static inline CdfAndHazard<kWidth> NormalAt(const Doubles<kWidth>& z) {
  using D = Doubles<kWidth>;
  const D zero = {};
  const D distance = z < zero ? zero - z : z;
  const D exponent = distance * distance * -0.5;
  const D least = zero - 700.0;
  const D density = Exponential<kWidth>(exponent > least ? exponent : least);
  const D tail = density * ScaledTail<kWidth>(distance);
  const D cdf = z < zero ? tail : 1.0 - tail;
  return {cdf, density / cdf};
}

// The nodes of the panel, one vector of them after the other.
template <size_t kWidth, size_t kPerArm>
static double IntegratePanel(const GaussPanel& panel) {
  using D = Doubles<kWidth>;
  double at_first_node = 0;
  for (size_t node = 0; node < kPerArm; node += kWidth) {
    const D nodes = Load<kWidth>(panel.nodes + node);
    D product = D{} + 1.0;
    for (size_t arm = 0; arm < panel.arms; ++arm) {
      const D z = (nodes - panel.means[arm]) * panel.inverse_sds[arm];
      const CdfAndHazard<kWidth> at = NormalAt<kWidth>(z);
      Store<kWidth>(panel.hazards + arm * kWidth, at.hazard);
      const uint32_t members = panel.members[arm];
      product = product * (members == 1 ? at.cdf : Power<kWidth>(at.cdf, members));
    }
    if (node == 0) __builtin_memcpy(&at_first_node, &product, sizeof(at_first_node));
    const D share = Load<kWidth>(panel.shares + node) * product;
    for (size_t arm = 0; arm < panel.arms; ++arm) {
      double* sum = panel.sums + arm * kPerArm + node;
      Store<kWidth>(sum, Load<kWidth>(sum) + share * Load<kWidth>(panel.hazards + arm * kWidth));
    }
  }
  return at_first_node;
}

}  // namespace fulcrum::policy::gauss_internal
