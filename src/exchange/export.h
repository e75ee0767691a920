// A decision log to a file: both streams as lines of JSON without loss, or a table for analysts as
// CSV or Parquet (docs/exchange.md). Flat memory.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "exchange/transfer.h"

namespace fulcrum::exchange {

enum class ExportFormat : uint8_t { kJsonl, kCsv, kParquet };

// Which rows of a table.
enum class View : uint8_t {
  kAll,
  kFinal,   // what is settled
  kInterim  // what is still open, with its reward so far
};

struct ExportOptions {
  ExportFormat format = ExportFormat::kJsonl;
  View view = View::kAll;  // of tables
  TransferOptions transfer;
};

// Writes `log` to `path`, which is there whole or not at all, and durable; a file that was there is
// replaced. What cannot be read, or said in the format, is left out and told.
//
// Interrupted at any place and called again with `transfer.resume`, it makes the file that it would
// have made at once; of a log that has grown since, with what came to it. Parquet cannot be gone on
// with: INVALID_ARGUMENT. NOT_FOUND if there is no log, FAILED_PRECONDITION if what was interrupted
// was an export of something else, UNIMPLEMENTED for Parquet in a build without
// FULCRUM_WITH_ARROW.
absl::StatusOr<TransferReport> ExportLog(const std::string& log, const std::string& path,
                                         const ExportOptions& options);

}  // namespace fulcrum::exchange
