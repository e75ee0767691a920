// The posteriors that a service starts with: the newest snapshot in its data directory that belongs
// to the current model, else the counts that the model was trained with, which become a snapshot.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "config/manifest.h"
#include "scoring/posteriors.h"

namespace fulcrum::apps {

// `directory` is data/snapshots and exists. DATA_LOSS if the newest snapshot is damaged.
absl::StatusOr<std::shared_ptr<const scoring::Posteriors>> LoadPosteriors(
    base::FileSystem* files, const std::string& directory, const config::ModelManifest& manifest);

}  // namespace fulcrum::apps
