// The operating system's files, with a record of what was written and synced, so that the very same
// batches can be written once more without the writer. Thread-safe as base::FileSystem is.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "base/mutex.h"

namespace fulcrum::bench {

class RecordingFiles final : public base::FileSystem {
 public:
  struct Step {
    size_t file = 0;
    bool sync = false;
    std::string bytes{};  // appended, unless it is a sync
  };
  struct Recording {
    std::vector<std::pair<std::string, uint64_t>> files;  // path and bytes reserved
    std::vector<Step> steps;                              // in the order in which they began
  };

  // What was recorded since the last call; files opened before stay known.
  Recording Take() {
    const base::MutexLock lock(&mutex_);
    Recording taken{recording_.files, {}};
    std::swap(taken.steps, recording_.steps);
    return taken;
  }

  absl::StatusOr<std::unique_ptr<base::AppendFile>> OpenForAppend(const std::string& path,
                                                                  base::OpenMode mode) override {
    auto file = files_->OpenForAppend(path, mode);
    if (!file.ok()) return file.status();
    const base::MutexLock lock(&mutex_);
    recording_.files.emplace_back(path, 0);
    return std::make_unique<File>(this, recording_.files.size() - 1, *std::move(file));
  }
  absl::StatusOr<std::unique_ptr<base::ReadFile>> OpenForRead(const std::string& path) override {
    return files_->OpenForRead(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return files_->Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return files_->Remove(path); }
  absl::Status CreateDirectories(const std::string& path) override {
    return files_->CreateDirectories(path);
  }
  absl::Status SyncDirectory(const std::string& path) override {
    return files_->SyncDirectory(path);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    return files_->List(directory);
  }
  absl::StatusOr<bool> Exists(const std::string& path) override { return files_->Exists(path); }
  absl::StatusOr<std::unique_ptr<base::FileLock>> Lock(const std::string& path) override {
    return files_->Lock(path);
  }

 private:
  class File final : public base::AppendFile {
   public:
    File(RecordingFiles* owner, size_t number, std::unique_ptr<base::AppendFile> file)
        : owner_(owner), number_(number), file_(std::move(file)) {}
    absl::Status Append(std::string_view data) override {
      owner_->Add({number_, false, std::string(data)});
      return file_->Append(data);
    }
    absl::Status Sync() override {
      owner_->Add({number_, true});
      return file_->Sync();
    }
    absl::Status Preallocate(uint64_t bytes) override {
      {
        const base::MutexLock lock(&owner_->mutex_);
        owner_->recording_.files[number_].second = bytes;
      }
      return file_->Preallocate(bytes);
    }
    absl::Status Truncate(uint64_t size) override { return file_->Truncate(size); }
    uint64_t size() const override { return file_->size(); }

   private:
    RecordingFiles* const owner_;
    const size_t number_;
    const std::unique_ptr<base::AppendFile> file_;
  };

  void Add(Step step) {
    const base::MutexLock lock(&mutex_);
    recording_.steps.push_back(std::move(step));
  }

  base::FileSystem* const files_ = base::PosixFileSystem();
  base::Mutex mutex_;
  Recording recording_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fulcrum::bench
