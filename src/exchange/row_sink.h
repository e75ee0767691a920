// Where the rows of a table go: CSV or Parquet, both into an OutputFile.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "exchange/decision_table.h"
#include "exchange/output_file.h"

namespace fulcrum::exchange {

// Not thread-safe. Errors are those of the file.
class RowSink {
 public:
  virtual ~RowSink() = default;
  // Before all else. A file that is empty gets what comes before the first row.
  virtual absl::Status Begin(OutputFile* out) = 0;
  // INVALID_ARGUMENT if the format cannot say it: then nothing was written.
  virtual absl::Status Add(const std::vector<Cell>& row) = 0;
  // What comes behind the last row.
  virtual absl::Status End() = 0;
};

// A row's cells are of `columns`.
std::unique_ptr<RowSink> NewCsvSink(absl::Span<const Column> columns);

// UNIMPLEMENTED in a build without FULCRUM_WITH_ARROW, with the remedy.
absl::StatusOr<std::unique_ptr<RowSink>> NewParquetSink(absl::Span<const Column> columns);

}  // namespace fulcrum::exchange
