// Two doubles at a time: what every x86-64 has, and other architectures have under other names.
#include "policy/gauss_panel_kernel.h"

namespace fulcrum::policy {

double IntegrateGaussPanelSse2(const GaussPanel& panel) {
  return gauss_internal::IntegratePanel<2, 8>(panel);
}

}  // namespace fulcrum::policy
