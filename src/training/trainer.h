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
#include "base/file.h"
#include "base/strings.h"
#include "config/manifest.h"
#include "domain/feature_row.h"
#include "training/data_set.h"
#include "training/options.h"
#include "training/report.h"

namespace fulcrum::training {

using Values = base::StringMap<domain::FeatureValue>;

// One logged decision: what was known, what was shown, what came of it.
struct TrainingRow {
  int64_t event_time_us = 0;
  std::string action_id;  // rows of the neutral action are counted, but the trees do not see them
  double reward = 0;      // in [0, 1]; 1 = a click
  double propensity = 1;  // in (0, 1]: with which the action was shown
  std::string segment;    // whose counts the row adds to; may be empty
  Values user;
  Values context;
  Values item;
  Values candidate;  // the context's values of this action, keyed without the action id
};

struct TrainedModel {
  config::ModelManifest manifest;  // complete but for `directory` and `version`
  std::string forest_json;
  std::string counts_csv;
  TrainingReport report;
};

// Rows in any order; they are sorted by time (ties: as given). INVALID_ARGUMENT names the row that
// is wrong, a feature that is a number here and a text there, or says that the rewards are too few
// (boosting.h). INTERNAL is XGBoost's own error.
absl::StatusOr<TrainedModel> TrainModel(std::vector<TrainingRow> rows,
                                        const TrainingOptions& options);

// The same from rows that are encoded already, with counts that hold the log up to `counts_lsn`.
absl::StatusOr<TrainedModel> TrainOnDataSet(const DataSet& data, std::string counts_csv,
                                            uint64_t counts_lsn, const TrainingOptions& options);

// Writes forest.json, counts.csv and, last, manifest.yaml into `directory`, which is made.
absl::Status WriteModel(base::FileSystem* files, const std::string& directory,
                        const TrainedModel& model);

}  // namespace fulcrum::training
