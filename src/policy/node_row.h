// One value per quadrature node of a panel, in registers: element-wise arithmetic written out,
// because compilers at -O2 keep short loops over arrays in memory, at half the speed. The bits are
// those of the scalar code.
#pragma once

#include <array>

#include "base/math_kernels.h"
#include "policy/gauss_table.h"

namespace fulcrum::policy {

static_assert(kNodes == 8, "a row is four pairs");

struct NodeRow {
  base::Lanes a{}, b{}, c{}, d{};

  static NodeRow Of(const std::array<double, kNodes>& v) {
    using base::Lanes;
    return {Lanes{v[0], v[1]}, Lanes{v[2], v[3]}, Lanes{v[4], v[5]}, Lanes{v[6], v[7]}};
  }
  static NodeRow All(double v) {
    const base::Lanes pair = {v, v};
    return {pair, pair, pair, pair};
  }

  std::array<double, kNodes> ToArray() const {
    return {a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]};
  }
  // In node order, as a scalar loop would.
  double Sum() const { return ((((((a[0] + a[1]) + b[0]) + b[1]) + c[0]) + c[1]) + d[0]) + d[1]; }

  template <typename Function>
  NodeRow Map(Function f) const {
    return {f(a), f(b), f(c), f(d)};
  }
};

inline NodeRow operator+(const NodeRow& x, const NodeRow& y) {
  return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d};
}
inline NodeRow operator-(const NodeRow& x, const NodeRow& y) {
  return {x.a - y.a, x.b - y.b, x.c - y.c, x.d - y.d};
}
inline NodeRow operator*(const NodeRow& x, const NodeRow& y) {
  return {x.a * y.a, x.b * y.b, x.c * y.c, x.d * y.d};
}
inline NodeRow operator*(double x, const NodeRow& y) {
  return {x * y.a, x * y.b, x * y.c, x * y.d};
}
inline NodeRow operator+(double x, const NodeRow& y) {
  return {x + y.a, x + y.b, x + y.c, x + y.d};
}
inline NodeRow operator-(double x, const NodeRow& y) {
  return {x - y.a, x - y.b, x - y.c, x - y.d};
}

inline NodeRow AtLeast(double least, const NodeRow& row) {
  const base::Lanes floor = {least, least};
  return row.Map([&](base::Lanes v) { return v > floor ? v : floor; });
}

}  // namespace fulcrum::policy
