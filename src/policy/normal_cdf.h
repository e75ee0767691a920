// The normal distribution function on the decision path: the same bits on every machine.
// Thread-safe.
#pragma once

namespace fulcrum::policy {

// Absolute error at most 3e-10; 0 below -37, 1 from 6.5 on or so.
double NormalCdf(double z);

}  // namespace fulcrum::policy
