// The posteriors of a frozen setting as a model that the service loads: counts, and trees that say
// nothing.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "simulation/bundle_text.h"
#include "simulation/world.h"

namespace fulcrum::simulation {

// Writes `model/manifest.yaml` and its files below the bundle's directory: the counts of
// FrozenPosteriors(world), which must be of counts.
absl::Status WriteFrozenModel(const World& world, const std::string& bundle_directory);

// The bundle of a run whose posteriors are to stay as they are: the model above, which has no say
// (strength 0), and an attribution window so long that nothing settles before the run is over.
BundleOptions FrozenBundle(double exploration_floor);

// After this much time everything has settled.
inline constexpr absl::Duration kFrozenWindow = absl::Hours(168);

}  // namespace fulcrum::simulation
