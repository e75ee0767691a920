// The bundle and the model that a counterfactual replay decides with.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "config/bundle.h"
#include "config/manifest.h"
#include "learning/outcome_fold.h"
#include "scoring/model.h"

namespace fulcrum::replay {

struct OtherPolicy {
  std::shared_ptr<const config::Bundle> bundle;  // what decides
  // What records of `bundle`'s version were made with: the same, unless `bundle` was changed since.
  std::shared_ptr<const config::Bundle> loaded;
  std::optional<config::ModelManifest> manifest;  // absent without a model, as the next one
  std::shared_ptr<const scoring::Model> model;
  learning::FoldStart start;

  uint64_t model_version() const { return model == nullptr ? 0 : model->version(); }
};

// From a bundle's directory, as the service would load it. Errors are the loader's.
absl::StatusOr<OtherPolicy> LoadPolicy(base::FileSystem* files, const std::string& directory);

}  // namespace fulcrum::replay
