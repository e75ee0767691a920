// Rows from a log of the Open Bandit Dataset (Saito, Aihara, Matsutani and Narita, arXiv
// 2008.07146).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "evaluation/rows.h"

namespace fulcrum::evaluation {

// Reads the columns `item_id`, `position` (from 1), `click` (0 or 1), `propensity_score` and
// `timestamp` of a CSV file; others are context and ignored. Rows are sorted by timestamp, in the
// order of the file where those are equal. The log does not say what else could have been drawn.
// INVALID_ARGUMENT with file and line if a column is missing or a value is not what it should be.
absl::StatusOr<RowSet> ReadOpenBanditRows(base::FileSystem* files, const std::string& path);

}  // namespace fulcrum::evaluation
