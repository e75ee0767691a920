// A planted fault: included before every file of one test program, it puts the C library's exp in
// the place of our own. Its bits depend on whether the processor has FMA, so a replay elsewhere
// must find differences.
#pragma once

#include <cmath>

#include "base/math_kernels.h"

namespace fulcrum::base {

inline double LibraryExp(double x) {
  return std::exp(x);
}
inline Lanes LibraryExp(Lanes x) {
  return Lanes{std::exp(x[0]), std::exp(x[1])};
}

}  // namespace fulcrum::base

#define ExpInRange LibraryExp
