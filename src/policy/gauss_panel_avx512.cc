// Compiled with -mavx512f (cmake/FulcrumRooms.cmake): call nothing here without asking base/simd.h.
#include "policy/gauss_panel_kernel.h"

#if defined(__AVX512F__)

namespace fulcrum::policy {

double IntegrateGaussPanelAvx512(const GaussPanel& panel) {
  return gauss_internal::IntegratePanel<8, 8>(panel);
}

}  // namespace fulcrum::policy

#endif
