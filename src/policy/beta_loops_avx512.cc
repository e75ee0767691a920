// Compiled with -mavx512f (cmake/FulcrumRooms.cmake): call nothing here without asking base/simd.h.
#include "policy/beta_loops_kernel.h"

#if defined(__AVX512F__)

namespace fulcrum::policy {

constexpr BetaLoops kBetaLoopsAvx512 = beta_internal::LoopsOf<8>();

}  // namespace fulcrum::policy

#endif
