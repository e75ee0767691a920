// Compiled without vectorisation (bench/CMakeLists.txt): one double at a time, otherwise the same
// source.
#include "bench/gauss_panel_scalar.h"

#include "policy/gauss_panel_kernel.h"

namespace fulcrum::bench {

double IntegrateGaussPanelScalar(const policy::GaussPanel& panel) {
  return policy::gauss_internal::IntegratePanel<1, 8>(panel);
}

}  // namespace fulcrum::bench
