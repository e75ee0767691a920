// The Gaussian quadrature's inner loop without vectors: what vectors are compared with.
#pragma once

#include "policy/gauss_panel.h"

namespace fulcrum::bench {

double IntegrateGaussPanelScalar(const policy::GaussPanel& panel);

}  // namespace fulcrum::bench
