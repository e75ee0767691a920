// What the demo's service runs with, made from the data set: a click model learned from the
// Thompson logs and the feature rows of users and items.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "apps/demo_data.h"
#include "base/file.h"
#ifdef FULCRUM_WITH_TRAINING
#include "training/trainer.h"
#endif

namespace fulcrum::apps {

// Trains on the bts logs, never on the rows that will be played, and writes the model into
// `directory`. Returns the report for people. UNIMPLEMENTED in a build without XGBoost.
absl::StatusOr<std::string> TrainDemoModel(base::FileSystem* files, const DemoData& data,
                                           const std::string& directory, uint64_t seed);

#ifdef FULCRUM_WITH_TRAINING
// The bts logs as training sees them.
std::vector<training::TrainingRow> DemoTrainingRows(const DemoData& data);
#endif

// CSV for `fulcrum load`: one row per user of the random logs, one per item.
std::string UsersCsv(const DemoData& data);
std::string ItemsCsv(const DemoData& data);

}  // namespace fulcrum::apps
