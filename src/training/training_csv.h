// Training rows from CSV files (docs/training.md describes the columns).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "training/trainer.h"

namespace fulcrum::training {

// Logs: event_time, action_id, reward, propensity, optionally item_id (default: the action id), and
// features as user.<name>, context.<name>, candidate.<key>. Items: id and features. A feature is a
// number if all its values in all files are, or as its header says (`:number`, `:text`). The
// segment of a row is its text value of the user feature `segment_key` ("" = no segments).
// `items_path` may be empty. Errors name file and line.
absl::StatusOr<std::vector<TrainingRow>> ReadTrainingCsv(base::FileSystem* files,
                                                         absl::Span<const std::string> log_paths,
                                                         const std::string& items_path,
                                                         const std::string& segment_key);

}  // namespace fulcrum::training
