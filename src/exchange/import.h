// A new decision log from a file: one that export wrote, or what another system logged
// (docs/exchange.md). Flat memory.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "exchange/import_source.h"
#include "exchange/transfer.h"

namespace fulcrum::exchange {

struct ImportOptions {
  ImportFormat format = ImportFormat::kJsonl;
  TableColumns columns;                         // of kTable
  bool strict = false;                          // a bad line is an error, not left out
  uint64_t segment_bytes = uint64_t{64} << 20;  // of the new log's segments
  TransferOptions transfer;
};

// Makes a new log of `path`, with its times and LSNs from 1; it is there whole or not at all, and
// durable. Bad lines are left out and told, or with `strict` an error at the first; a table that is
// no CSV from some line on is an error.
//
// Interrupted at any place and called again with `transfer.resume`, it makes the log that it would
// have made at once. ALREADY_EXISTS if `log` exists, FAILED_PRECONDITION if another import is at
// it or if what was interrupted was an import of something else, otherwise, of the file's content.
absl::StatusOr<TransferReport> ImportLog(const std::string& path, const std::string& log,
                                         const ImportOptions& options);

}  // namespace fulcrum::exchange
