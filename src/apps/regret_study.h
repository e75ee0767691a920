// Regret studies as files, and several as one.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "simulation/regret.h"

namespace fulcrum::apps {

// A study as simulation::RegretJson writes it, whoever made it. Errors name the file.
absl::StatusOr<simulation::RegretStudy> ReadRegretStudy(const std::string& path);

// All policies of `studies`, in order. INVALID_ARGUMENT if they are not of the same world,
// decisions and seeds, or there is none.
absl::StatusOr<simulation::RegretStudy> MergeStudies(
    const std::vector<simulation::RegretStudy>& studies);

}  // namespace fulcrum::apps
