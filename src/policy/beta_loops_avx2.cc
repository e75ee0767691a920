// Compiled with -mavx2 (cmake/FulcrumRooms.cmake): call nothing here without asking base/simd.h.
#include "policy/beta_loops_kernel.h"

#if defined(__AVX2__)

namespace fulcrum::policy {

constexpr BetaLoops kBetaLoopsAvx2 = beta_internal::LoopsOf<4>();

}  // namespace fulcrum::policy

#endif
