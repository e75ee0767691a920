// A planted fault: included before every file of one test program, it puts the C library's exp in
// the place of our own. Its bits depend on whether the processor has FMA, so a replay elsewhere
// must find differences.
#pragma once

#include <cmath>

#include "base/math_kernels.h"

namespace fulcrum::base {

template <typename T>
static inline T LibraryExp(const T& x) {
  constexpr size_t kDoubleBytes = sizeof(double);
  constexpr size_t kLanes = sizeof(x) / kDoubleBytes;
  double each[kLanes];
  __builtin_memcpy(each, &x, sizeof(x));
  for (double& one : each) one = std::exp(one);
  return __builtin_bit_cast(T, each);
}

}  // namespace fulcrum::base

#define ExpInRange LibraryExp
