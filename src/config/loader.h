// Reads a bundle from its directory, as a whole or not at all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "config/bundle.h"
#include "config/problem.h"

namespace fulcrum::config {

// Merges all *.yaml files directly in `directory`, in the order of their names, validates the
// result, its model manifest included, and resolves it. INVALID_ARGUMENT lists what is wrong, one
// problem per line as `file:line:column: message`; any other code means that the directory or a
// file in it cannot be read. Thread-safe.
absl::StatusOr<std::shared_ptr<const Bundle>> LoadBundle(base::FileSystem* files,
                                                         const std::string& directory);

// The same, with the problems one by one.
absl::StatusOr<std::shared_ptr<const Bundle>> LoadBundle(base::FileSystem* files,
                                                         const std::string& directory,
                                                         Problems* problems);

// One file of a bundle, already read.
struct BundleFile {
  std::string path;  // as errors name it
  std::string text;
};

// The files of the bundle in `directory`, in the order in which they are merged.
absl::StatusOr<std::vector<BundleFile>> ReadBundleFiles(base::FileSystem* files,
                                                        const std::string& directory);

// The same from texts: what the loader does after reading. `directory` is where relative paths
// start; `files` reads the model only.
absl::StatusOr<std::shared_ptr<const Bundle>> BuildBundle(base::FileSystem* files,
                                                          const std::vector<BundleFile>& sources,
                                                          const std::string& directory,
                                                          Problems* problems);

}  // namespace fulcrum::config
