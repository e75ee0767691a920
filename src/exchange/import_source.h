// What an import reads: one logged thing after another, whatever the file's format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "exchange/json_lines.h"
#include "exchange/table.h"

namespace fulcrum::exchange {

enum class ImportFormat : uint8_t { kJsonl, kVwText, kDsjson, kTable };

// Not thread-safe.
class ImportSource {
 public:
  virtual ~ImportSource() = default;

  // Goes to the next line or row; false at the end. An error means that it cannot be read on.
  virtual absl::StatusOr<bool> Next() = 0;
  // What the current one says. INVALID_ARGUMENT with what is wrong with it.
  virtual absl::StatusOr<std::vector<LogRecord>> Records() = 0;
  // In place of Records(), for one that has been imported before.
  virtual void Pass() = 0;

  virtual uint64_t line() const = 0;        // where the current one begins, from 1
  virtual uint32_t sum() const = 0;         // CRC-32C of all up to the current one's end
  virtual uint64_t bytes_read() const = 0;  // of the file
  virtual uint64_t bytes_total() const = 0;
};

// `columns` are kTable's. NOT_FOUND if there is no file; as TableReader::Open.
absl::StatusOr<std::unique_ptr<ImportSource>> OpenImportSource(base::FileSystem* files,
                                                               const std::string& path,
                                                               ImportFormat format,
                                                               const TableColumns& columns);

}  // namespace fulcrum::exchange
