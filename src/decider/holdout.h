// Users for whom nothing is done, so that the effect of all that is done can be measured.
#pragma once

#include <string>

#include "config/bundle.h"

namespace fulcrum::decider {

// Whether the user is one of them: Philox4x32-10 with the user's id as counter and the experiment's
// name as key, against the surface's share. The same in every process and on every surface with
// that experiment; never changes. Thread-safe.
bool IsHeldOut(const config::Surface& surface, const std::string& user_id);

}  // namespace fulcrum::decider
