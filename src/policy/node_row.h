// A value per quadrature node of a panel at the width that every processor has, for code that is
// compiled once. The bits are those of the scalar code.
#pragma once

#include <array>

#include "policy/gauss_table.h"
#include "policy/row.h"

namespace fulcrum::policy {

using NodeRow = Row<2, kNodes>;

inline NodeRow NodeRowOf(const std::array<double, kNodes>& values) {
  return LoadRow<2, kNodes>(values.data());
}

inline std::array<double, kNodes> ToArray(const NodeRow& row) {
  std::array<double, kNodes> values;
  StoreRow(values.data(), row);
  return values;
}

// In node order, as a scalar loop would.
inline double Sum(const NodeRow& row) {
  double sum = 0;
  for (const double value : ToArray(row)) sum += value;
  return sum;
}

}  // namespace fulcrum::policy
