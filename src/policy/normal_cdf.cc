#include "policy/normal_cdf.h"

#include <algorithm>

#include "policy/gauss_panel_kernel.h"

namespace fulcrum::policy {

double NormalCdf(double z) {
  if (z < -37) return 0;
  const double bounded = std::min(z, 37.0);
  const gauss_internal::Doubles<2> both = {bounded, bounded};
  return gauss_internal::NormalAt<2>(both).cdf[0];
}

}  // namespace fulcrum::policy
