// Remembers, beside a RocksDB directory, how far it had been synced. RocksDB itself cannot tell a
// write-ahead log whose un-synced end was torn by a power loss (harmless) from one whose synced
// part was damaged (fatal for money): the mark can. docs/adr/0004-ledger-recovery.md has the
// reasons.
//
// A file of fixed records {sequence number, checksum}; the last valid one counts. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"

namespace fulcrum::store {

class SyncedMark {
 public:
  // The number of `path`; nothing if there is no such file. DATA_LOSS if it has no valid record.
  static absl::StatusOr<std::optional<uint64_t>> Read(base::FileSystem* files,
                                                      const std::string& path);

  // Starts the file anew with `number`, synced.
  static absl::StatusOr<std::unique_ptr<SyncedMark>> Create(base::FileSystem* files,
                                                            const std::string& path,
                                                            uint64_t number);

  // Synced when it returns. After an error the mark can no longer be raised.
  absl::Status Raise(uint64_t number);

 private:
  explicit SyncedMark(std::unique_ptr<base::AppendFile> file) : file_(std::move(file)) {}

  std::unique_ptr<base::AppendFile> file_;
  absl::Status health_;
};

}  // namespace fulcrum::store
