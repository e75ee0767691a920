// A base::FileSystem in memory: for tests that run the same code over thousands of disks.
//
// Copies of a file's bytes are shared until one of them is written, so that Clone() costs little.
// Syncs do nothing: what is lost with the power is FaultyFileSystem's. Thread-safe; a clone and its
// original are independent.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"

namespace fulcrum::testing {

class MemoryFileSystem final : public base::FileSystem {
 public:
  MemoryFileSystem() = default;

  // The same files, without locks.
  std::unique_ptr<MemoryFileSystem> Clone() const;

  std::vector<std::string> Paths() const;  // of all files, sorted
  std::string Content(const std::string& path) const;
  void SetContent(const std::string& path, std::string bytes);

  absl::StatusOr<std::unique_ptr<base::AppendFile>> OpenForAppend(const std::string& path,
                                                                  base::OpenMode mode) override;
  absl::StatusOr<std::unique_ptr<base::ReadFile>> OpenForRead(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status CreateDirectories(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::StatusOr<bool> Exists(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<base::FileLock>> Lock(const std::string& path) override;

 private:
  // A file, whatever its name is now.
  class File {
   public:
    explicit File(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}
    std::shared_ptr<std::string> Share() const;
    size_t Read(uint64_t offset, size_t length, char* buffer) const;
    uint64_t Size() const;
    void Write(uint64_t offset, std::string_view data);
    void Resize(uint64_t size);

   private:
    std::string* Own() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    mutable base::Mutex mutex_;
    std::shared_ptr<std::string> bytes_ ABSL_GUARDED_BY(mutex_);
  };
  class Appending;
  class Reading;
  class Held;

  std::shared_ptr<File> Find(const std::string& path) const;

  mutable base::Mutex mutex_;
  std::map<std::string, std::shared_ptr<File>> files_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> directories_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> locks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fulcrum::testing
