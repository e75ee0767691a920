// Compiled without vectorisation (bench/CMakeLists.txt): one double at a time, otherwise the same
// source.
#include "bench/gauss_panel_scalar.h"

#include "policy/gauss_panel_kernel.h"

namespace fulcrum::policy::gauss_internal {

template <>
struct Vector<1> {
  using Doubles = double __attribute__((vector_size(8)));
  using Words = uint64_t __attribute__((vector_size(8)));
};

}  // namespace fulcrum::policy::gauss_internal

namespace fulcrum::bench {

double IntegrateGaussPanelScalar(const policy::GaussPanel& panel) {
  return policy::gauss_internal::IntegratePanel<1, 8>(panel);
}

}  // namespace fulcrum::bench
