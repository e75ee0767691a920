// A whole decision log to a file of JSON lines, and a log from such a file or from what another
// system logged (docs/exchange.md). Flat memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "exchange/table.h"

namespace fulcrum::exchange {

struct BadLine {
  uint64_t line = 0;  // from 1; of an export, the record's LSN
  std::string reason;
};

inline constexpr size_t kBadLinesMax = 20;

struct TransferReport {
  uint64_t events = 0;
  uint64_t snapshots = 0;
  uint64_t bad_count = 0;          // left out
  std::vector<BadLine> bad_lines;  // the first kBadLinesMax of them
};

enum class ImportFormat : uint8_t { kJsonl, kVwText, kDsjson, kTable };

struct ImportOptions {
  ImportFormat format = ImportFormat::kJsonl;
  TableColumns columns;  // of kTable
  bool strict = false;   // a bad line is an error, not left out
};

// Writes both streams of `log` to `path`, which is there whole or not at all; what cannot be read
// is left out and told. NOT_FOUND if there is no log.
absl::StatusOr<TransferReport> ExportJsonl(const std::string& log, const std::string& path);

// Makes a new log of `path`, with its times and LSNs from 1; it is there whole or not at all.
// ALREADY_EXISTS if `log` exists. Bad lines are left out and told, or with `strict` an error at the
// first; a table that is no CSV from some line on is an error.
absl::StatusOr<TransferReport> ImportLog(const std::string& path, const std::string& log,
                                         const ImportOptions& options);

}  // namespace fulcrum::exchange
