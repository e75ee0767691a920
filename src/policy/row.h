// One value per quadrature node of a panel, in registers: kCount doubles in vectors of kWidth, with
// element-wise arithmetic written out by recursion, because compilers at -O2 keep short loops over
// arrays in memory, at half the speed. All functions are static and use no library function
// (base/math_kernels.h says why).
#pragma once

#include <cstddef>

#include "base/math_kernels.h"

namespace fulcrum::policy {

template <size_t kWidth, size_t kCount>
struct Row {
  Row<kWidth, kCount / 2> low, high;
};
template <size_t kWidth>
struct Row<kWidth, kWidth> {
  typename base::Vector<kWidth>::Doubles v;
};

template <size_t kWidth, size_t kCount>
static inline Row<kWidth, kCount> LoadRow(const double* from) {
  if constexpr (kWidth == kCount) {
    Row<kWidth, kCount> row;
    __builtin_memcpy(&row.v, from, sizeof(row.v));
    return row;
  } else {
    return {LoadRow<kWidth, kCount / 2>(from), LoadRow<kWidth, kCount / 2>(from + kCount / 2)};
  }
}

template <size_t kWidth, size_t kCount>
static inline void StoreRow(double* to, const Row<kWidth, kCount>& row) {
  if constexpr (kWidth == kCount) {
    __builtin_memcpy(to, &row.v, sizeof(row.v));
  } else {
    StoreRow(to, row.low);
    StoreRow(to + kCount / 2, row.high);
  }
}

template <size_t kWidth, size_t kCount>
static inline Row<kWidth, kCount> RowOf(double value) {
  if constexpr (kWidth == kCount) {
    return {typename base::Vector<kWidth>::Doubles{} + value};
  } else {
    const auto half = RowOf<kWidth, kCount / 2>(value);
    return {half, half};
  }
}

// f of each vector of the rows, which run parallel.
template <typename Function, size_t kWidth, size_t kCount, typename... Rows>
static inline Row<kWidth, kCount> Map(const Function& f, const Row<kWidth, kCount>& row,
                                      const Rows&... others) {
  if constexpr (kWidth == kCount) {
    return {f(row.v, others.v...)};
  } else {
    return {Map(f, row.low, others.low...), Map(f, row.high, others.high...)};
  }
}

template <size_t kWidth, size_t kCount>
static inline Row<kWidth, kCount> operator+(const Row<kWidth, kCount>& x,
                                            const Row<kWidth, kCount>& y) {
  return Map([](const auto& a, const auto& b) { return a + b; }, x, y);
}
template <size_t kWidth, size_t kCount>
static inline Row<kWidth, kCount> operator*(const Row<kWidth, kCount>& x,
                                            const Row<kWidth, kCount>& y) {
  return Map([](const auto& a, const auto& b) { return a * b; }, x, y);
}
template <size_t kWidth, size_t kCount>
static inline Row<kWidth, kCount> operator+(double x, const Row<kWidth, kCount>& y) {
  return Map([x](const auto& b) { return x + b; }, y);
}
template <size_t kWidth, size_t kCount>
static inline Row<kWidth, kCount> operator-(double x, const Row<kWidth, kCount>& y) {
  return Map([x](const auto& b) { return x - b; }, y);
}
template <size_t kWidth, size_t kCount>
static inline Row<kWidth, kCount> operator*(double x, const Row<kWidth, kCount>& y) {
  return Map([x](const auto& b) { return x * b; }, y);
}

template <size_t kWidth, size_t kCount>
static inline Row<kWidth, kCount> AtLeast(double least, const Row<kWidth, kCount>& x) {
  const auto floor = typename base::Vector<kWidth>::Doubles{} + least;
  return Map([floor](const auto& a) { return a > floor ? a : floor; }, x);
}

}  // namespace fulcrum::policy
