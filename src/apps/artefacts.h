// Keeps what a replay of this process's decisions will need: the bundle and its model, by their
// versions, in the archive beside the log (replay/artefacts.h).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "base/file.h"
#include "config/bundle.h"
#include "config/manifest.h"

namespace fulcrum::apps {

// Copies the files of `bundle`, which was loaded from `bundle_directory`, and of its model
// (`manifest`, null without one) into `data_dir`/artefacts, unless they are there. OK only if they
// then load again to the same versions; a copy that a crash left unfinished, or that is damaged, is
// written anew. Not thread-safe; one process at a time.
absl::Status ArchiveArtefacts(base::FileSystem* files, const std::string& data_dir,
                              const std::string& bundle_directory, const config::Bundle& bundle,
                              const config::ModelManifest* manifest);

}  // namespace fulcrum::apps
