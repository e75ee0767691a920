// The narrow file interface: every durable write of Fulcrum goes through it, RocksDB's included, so
// that the fault-injecting twin in tests/support can lose power, fill the disk or fail a sync.
//
// What survives what (POSIX, and what the twin models):
//   - bytes appended survive the process, and survive power loss only after Sync() of their file;
//   - a file's creation, removal or rename survives power loss only after SyncDirectory() of its
//     directory;
//   - after a failed Sync() the unsynced bytes are lost for good: never retry it on the same file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fulcrum::base {

// A file opened for appending. Closed by the destructor. Not thread-safe, but for one thing: Sync()
// may run beside another call, and then covers at least what was appended before it began.
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  // All of `data`, or an error after which the file's end is unknown.
  virtual absl::Status Append(std::string_view data) = 0;
  virtual absl::Status Sync() = 0;  // fdatasync
  // Reserves `bytes` from the start of the file, zero-filled, without moving the append position.
  virtual absl::Status Preallocate(uint64_t bytes) = 0;
  virtual absl::Status Truncate(uint64_t size) = 0;  // and append from there
  virtual uint64_t size() const = 0;                 // the append position
};

// A file opened for reading. Thread-safe.
class ReadFile {
 public:
  virtual ~ReadFile() = default;
  // Up to `length` bytes from `offset` into `buffer`; fewer only at the end of the file.
  virtual absl::StatusOr<size_t> Read(uint64_t offset, size_t length, char* buffer) const = 0;
  virtual absl::StatusOr<uint64_t> Size() const = 0;
};

// A file held by one holder at a time, within the process and among processes. Let go by the
// destructor, and by the system when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode : uint8_t {
  kCreateNew,  // ALREADY_EXISTS if it is there
  kTruncate,   // create, or empty what is there
  kAppend      // create, or go on at the end; Truncate() moves it back
};

// Thread-safe. Errors carry the path and the system's words: NOT_FOUND, ALREADY_EXISTS,
// RESOURCE_EXHAUSTED (disk full), PERMISSION_DENIED, DATA_LOSS (I/O error), else INTERNAL.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual absl::StatusOr<std::unique_ptr<AppendFile>> OpenForAppend(const std::string& path,
                                                                    OpenMode mode) = 0;
  virtual absl::StatusOr<std::unique_ptr<ReadFile>> OpenForRead(const std::string& path) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status CreateDirectories(const std::string& path) = 0;
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;  // names
  virtual absl::StatusOr<bool> Exists(const std::string& path) = 0;
  // Creates `path` if need be. FAILED_PRECONDITION if another holder has it.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// The operating system's. Never destroyed.
FileSystem* PosixFileSystem();

// Reads a whole file. RESOURCE_EXHAUSTED if it is larger than `bytes_max`.
absl::StatusOr<std::string> ReadWholeFile(FileSystem* files, const std::string& path,
                                          uint64_t bytes_max);

// Replaces `path` by `data` so that a crash leaves the old or the new content, never a mixture:
// temporary file, sync, rename, directory sync.
absl::Status WriteFileAtomically(FileSystem* files, const std::string& path, std::string_view data);

}  // namespace fulcrum::base
