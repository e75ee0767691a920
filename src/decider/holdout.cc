#include "decider/holdout.h"

#include "base/fingerprint.h"
#include "base/random.h"

namespace fulcrum::decider {

bool IsHeldOut(const config::Surface& surface, const std::string& user_id) {
  if (!surface.holdout) return false;
  const DecisionId user(0, base::Fingerprint(user_id));
  const uint64_t key = base::MixKey(surface.holdout->experiment, "holdout", 0);
  return base::DrawUniform(user, key) < surface.holdout->ticks;
}

}  // namespace fulcrum::decider
