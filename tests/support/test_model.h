// A small model on disk: five columns that all read the context key `hour`.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "config/manifest.h"

namespace fulcrum::testing {

// Writes `manifest_name` and, beside it, parts/forest.json and counts.csv (100 trials of free-1).
inline void WriteTestModel(const std::string& folder, const std::string& manifest_name) {
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name, std::ios::binary | std::ios::trunc) << text;
  };
  std::filesystem::create_directories(folder + "/parts");
  const std::string forest =
      base::ReadWholeFile(base::PosixFileSystem(),
                          FULCRUM_SOURCE_DIR "/tests/golden/xgboost/squared_error_forest.json",
                          1 << 20)
          .value();
  const std::string counts = "segment,action_id,trials,successes\n,free-1,100,7\n";
  write("parts/forest.json", forest);
  write("counts.csv", counts);
  config::ModelManifest manifest;
  manifest.name = "clicks";
  for (int i = 0; i < 5; ++i) {
    manifest.columns.push_back(
        {absl::StrCat("hour ", i), config::ColumnSource::kContext, "hour", std::nullopt, {}});
  }
  manifest.forest_file = "parts/forest.json";
  manifest.forest_sha256 = base::ToHex(base::Sha256(forest));
  manifest.counts_file = "counts.csv";
  manifest.counts_sha256 = base::ToHex(base::Sha256(counts));
  manifest.trained_on = "nothing";
  manifest.training_rows = 1;
  manifest.trainer = "hand";
  write(manifest_name, config::WriteManifest(manifest));
}

// The same for the bundle in `directory`, whose decisions then have feature snapshots.
inline void AddTestModel(const std::string& directory) {
  WriteTestModel(directory + "/model", "manifest.yaml");
  std::ofstream(directory + "/model.yaml") << "model: {manifest: model/manifest.yaml}\n";
}

}  // namespace fulcrum::testing
