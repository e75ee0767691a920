// The model manifest: everything needed to use a trained model, and to trust it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"

namespace fulcrum::config {

// Where a model column takes its value from.
enum class ColumnSource : uint8_t {
  kUser,      // the user's feature row
  kItem,      // the candidate's item row
  kContext,   // the request's context
  kCandidate  // the request's context at `<key>.<action id>`: a value per candidate
};

// What a column looked like in the training rows.
struct ColumnSummary {
  static constexpr size_t kQuantiles = 11;

  uint64_t count = 0;  // rows that had a value
  double missing_share = 0;
  double mean = 0;
  double sd = 0;                  // root of the mean squared distance from the mean
  std::vector<double> quantiles;  // at 0, 0.1 .. 1; empty if no row had a value

  friend bool operator==(const ColumnSummary&, const ColumnSummary&) = default;
};

// The model against rows later than all that it learned from. Weighted log losses.
struct ModelValidation {
  double share = 0;  // asked for
  uint64_t rows = 0;
  int64_t start_us = 0;  // of the first of them
  double loss = 0;
  double constant_loss = 0;  // of always predicting the mean reward of the rows learned from
  uint32_t rounds = 0;       // kept
  uint32_t rounds_tried = 0;

  friend bool operator==(const ModelValidation&, const ModelValidation&) = default;
};

// One input column. Numeric: the value itself. With `equals`: 1 if the text value equals it, else 0
// (one-hot). Missing, or of the other type: NaN.
struct ManifestColumn {
  std::string name;
  ColumnSource source = ColumnSource::kContext;
  std::string key;
  std::optional<std::string> equals;
  std::optional<ColumnSummary> summary;
};

struct ModelManifest {
  std::string name;
  uint32_t schema_version = 1;
  std::vector<ManifestColumn> columns;  // in the order the trees number them
  std::string forest_file;              // XGBoost JSON, relative to the manifest
  std::string forest_sha256;            // hex; checked before the file is parsed
  std::string counts_file;              // segment,action_id,trials,successes; relative
  std::string counts_sha256;
  std::string segment_key;  // user feature that names the segment in the counts
  std::string trained_on;   // in words
  uint64_t training_rows = 0;
  int64_t training_start_us = 0;  // window of the training data
  int64_t training_end_us = 0;
  std::string trainer;      // program and version
  uint64_t counts_lsn = 0;  // the counts hold the log up to here
  std::optional<ModelValidation> validation;

  std::string directory;  // where it was read from; not part of the file
  uint64_t version = 0;   // first 8 bytes of the SHA-256 of the manifest's bytes
};

// Strict, like the bundle: an unknown field, a wrong type or a missing file is an error with file,
// line and the nearest valid name. Also checks that the named files exist and match their hashes.
absl::StatusOr<ModelManifest> LoadManifest(base::FileSystem* files, const std::string& path);

// The YAML text of a manifest; LoadManifest of it gives the same manifest. Deterministic.
std::string WriteManifest(const ModelManifest& manifest);

}  // namespace fulcrum::config
