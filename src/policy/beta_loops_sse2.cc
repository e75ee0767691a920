// Two doubles at a time: what every x86-64 has, and other architectures have under other names.
#include "policy/beta_loops_kernel.h"

namespace fulcrum::policy {

constexpr BetaLoops kBetaLoopsSse2 = beta_internal::LoopsOf<2>();

}  // namespace fulcrum::policy
