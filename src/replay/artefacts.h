// The archive of bundles and models beside the log: what a decision's versions stand for, long
// after the service has gone on to others. The service writes it (apps/artefacts.h).
//
//   data/log/                     the decision log
//   data/artefacts/bundle-<hex>/  the bundle's *.yaml files, by Versions::bundle
//   data/artefacts/model-<hex>/   manifest.yaml and the files that it names, by Versions::model
//
// Names are versions, and a version is a hash of what it names: what loads under a name is what the
// service had. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "config/bundle.h"
#include "config/manifest.h"
#include "fulcrum/decision_record.h"
#include "learning/outcome_fold.h"
#include "scoring/model.h"

namespace fulcrum::replay {

inline constexpr char kArchivedManifest[] = "manifest.yaml";

// The archive that belongs to the log in `log_directory`.
std::string ArchiveOf(const std::string& log_directory);
std::string BundleFolder(const std::string& archive, uint64_t version);
std::string ModelFolder(const std::string& archive, uint64_t version);

struct Artefacts {
  // Its `model_manifest` is where the model once was: read nothing there.
  std::shared_ptr<const config::Bundle> bundle;
  std::optional<config::ModelManifest> manifest;  // absent without a model, as the next one
  std::shared_ptr<const scoring::Model> model;
  learning::FoldStart start;  // for the fold of the log, with the model's counts
};

// What `versions.bundle` and `versions.model` (0 = none) stand for, from the archive beside the
// log. NOT_FOUND if it was not archived, DATA_LOSS if what is there is not that version any more.
absl::StatusOr<Artefacts> LoadArchived(base::FileSystem* files, const std::string& log_directory,
                                       const Versions& versions);

// The parts of it, from the archive's own folder.
absl::StatusOr<std::shared_ptr<const config::Bundle>> LoadArchivedBundle(base::FileSystem* files,
                                                                         const std::string& archive,
                                                                         const Versions& versions);
absl::StatusOr<config::ModelManifest> LoadArchivedManifest(base::FileSystem* files,
                                                           const std::string& archive,
                                                           uint64_t version);

}  // namespace fulcrum::replay
