// How far an interrupted export or import had come: a small file beside what it was writing,
// written after all that it speaks of was synced (docs/exchange.md).
//
// Pure functions over a file system; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "exchange/transfer.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::exchange {

// The end of one stream of the log that an import writes.
struct StreamEnd {
  Lsn lsn = 0;
  int64_t time_us = 0;  // of its last record

  friend bool operator==(const StreamEnd&, const StreamEnd&) = default;
};

struct Checkpoint {
  std::string what;    // what is transferred, and how: only the same can be gone on with
  uint64_t taken = 0;  // lines, records or rows that are done
  uint32_t sum = 0;    // of an import: CRC-32C of the file up to there
  uint64_t bytes = 0;  // of an export: length of the file up to there
  StreamEnd decisions;
  StreamEnd features;
  bool whole = false;  // all is done but to give it its name
  TransferReport report;

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// Survives the power once it returns.
absl::Status SaveCheckpoint(base::FileSystem* files, const std::string& path,
                            const Checkpoint& checkpoint);

// None if there is no file. DATA_LOSS if it cannot be understood.
absl::StatusOr<std::optional<Checkpoint>> LoadCheckpoint(base::FileSystem* files,
                                                         const std::string& path);

// FAILED_PRECONDITION if `checkpoint` is one of something else.
absl::Status CheckSame(const Checkpoint& checkpoint, const std::string& what);

// Removes the file if it is there; durable once it returns.
absl::Status RemoveCheckpoint(base::FileSystem* files, const std::string& path);

// Where `path` is: "." if it has no folder.
std::string FolderOf(const std::string& path);

}  // namespace fulcrum::exchange
