// Compiled with -mavx2 (cmake/FulcrumRooms.cmake): call nothing here without asking base/simd.h.
#include "policy/gauss_panel_kernel.h"

#if defined(__AVX2__)

namespace fulcrum::policy {

double IntegrateGaussPanelAvx2(const GaussPanel& panel) {
  return gauss_internal::IntegratePanel<4, 8>(panel);
}

}  // namespace fulcrum::policy

#endif
