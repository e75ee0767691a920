// LoadManifest with the places kept, for the loader of bundles.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "base/file.h"
#include "config/manifest.h"
#include "config/problem.h"
#include "config/yaml_to_proto.h"

namespace fulcrum::config {

struct ManifestFile {
  ModelManifest manifest;
  Places places;
  std::string sha256;  // of the manifest's bytes, hex
};

// What is wrong in the file goes to `problems`; the status is not OK only if it cannot be read.
absl::Status ReadManifest(base::FileSystem* files, const std::string& path, ManifestFile* file,
                          Problems* problems);

}  // namespace fulcrum::config
