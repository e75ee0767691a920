// Whether the model that a bundle names fits the bundle.
#pragma once

#include <string>

#include "base/file.h"
#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Reads the manifest, if one is named: its files must match their hashes, its schema version must
// be the bundle's, and its columns must come from features and context keys that the bundle has.
// Sets `sha256` to the manifest's, or leaves it empty if there is no model.
void CheckModel(base::FileSystem* files, const v1::Bundle& bundle, const Places& places,
                const std::string& directory, std::string* sha256, Problems* problems);

}  // namespace fulcrum::config
