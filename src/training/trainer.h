// Training: from logged rows to a model directory that a bundle can name (docs/training.md).
//
// A click model over context x action features, with rows weighted by 1/propensity so that the
// logging policy's preferences do not become the model's, and counts per (segment, arm) for the
// posteriors. One thread and a fixed seed: the same rows and options give the same bytes.
//
// Nothing here is on the request path. Not thread-safe within one call; calls are independent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/strings.h"
#include "config/manifest.h"
#include "domain/feature_row.h"

namespace fulcrum::training {

using Values = base::StringMap<domain::FeatureValue>;

// One logged decision: what was known, what was shown, what came of it.
struct TrainingRow {
  int64_t event_time_us = 0;
  std::string action_id;
  double reward = 0;      // in [0, 1]; 1 = a click
  double propensity = 1;  // in (0, 1]: with which the action was shown
  std::string segment;    // whose counts the row adds to; may be empty
  Values user;
  Values context;
  Values item;
  Values candidate;  // the context's values of this action, keyed without the action id
};

struct TrainingOptions {
  std::string name = "click";
  std::string trained_on;   // in words, for the manifest
  std::string segment_key;  // user feature that names the segment; for the manifest
  uint32_t schema_version = 1;
  uint64_t seed = 1;
  uint32_t rounds_max = 200;
  uint32_t rounds_patience = 25;  // stop when so many rounds brought no better validation loss
  uint32_t depth_max = 5;
  double learning_rate = 0.05;
  double child_weight_min = 1;    // smallest sum of hessians in a leaf
  double validation_share = 0.2;  // the latest rows; 0 = none, and all rounds are kept
  double weight_cut = 10;         // largest weight, in multiples of the mean weight
  uint32_t categories_max = 64;   // most frequent texts per feature that get a column
};

// Texts that got no column, because their feature has more than categories_max.
struct DroppedCategories {
  std::string feature;
  uint64_t categories = 0;
  uint64_t rows = 0;
};

struct TrainingReport {
  uint64_t rows = 0;
  uint64_t validation_rows = 0;
  double reward_mean = 0;
  double weight_cut_share = 0;       // share of rows whose weight was cut
  double effective_sample_size = 0;  // (sum w)^2 / sum w^2 over all rows
  uint32_t columns = 0;
  uint32_t rounds = 0;         // trees that were kept
  double validation_loss = 0;  // weighted log loss; NaN without validation rows
  double constant_loss = 0;    // of always predicting the training rows' mean
  std::vector<DroppedCategories> dropped;
};

struct TrainedModel {
  config::ModelManifest manifest;  // complete but for `directory` and `version`
  std::string forest_json;
  std::string counts_csv;
  TrainingReport report;
};

// Rows in any order; they are sorted by time (ties: as given). INVALID_ARGUMENT names the row that
// is wrong, a feature that is a number here and a text there, or says that the rewards are all
// alike. INTERNAL is XGBoost's own error.
absl::StatusOr<TrainedModel> TrainModel(std::vector<TrainingRow> rows,
                                        const TrainingOptions& options);

// Writes forest.json, counts.csv and, last, manifest.yaml into `directory`, which is made.
absl::Status WriteModel(base::FileSystem* files, const std::string& directory,
                        const TrainedModel& model);

// For people, several lines.
std::string ToText(const TrainingReport& report);

}  // namespace fulcrum::training
