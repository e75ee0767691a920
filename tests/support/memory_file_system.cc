#include "tests/support/memory_file_system.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace fulcrum::testing {

std::shared_ptr<std::string> MemoryFileSystem::File::Share() const {
  const base::MutexLock lock(&mutex_);
  return bytes_;
}

size_t MemoryFileSystem::File::Read(uint64_t offset, size_t length, char* buffer) const {
  const base::MutexLock lock(&mutex_);
  return offset >= bytes_->size() ? 0 : bytes_->copy(buffer, length, offset);
}

uint64_t MemoryFileSystem::File::Size() const {
  const base::MutexLock lock(&mutex_);
  return bytes_->size();
}

// Nobody else is looking at these bytes, or they are copied first.
std::string* MemoryFileSystem::File::Own() {
  if (bytes_.use_count() > 1) bytes_ = std::make_shared<std::string>(*bytes_);
  return bytes_.get();
}

void MemoryFileSystem::File::Write(uint64_t offset, std::string_view data) {
  const base::MutexLock lock(&mutex_);
  std::string* const bytes = Own();
  if (bytes->size() < offset + data.size()) bytes->resize(offset + data.size());
  std::copy(data.begin(), data.end(), bytes->begin() + static_cast<ptrdiff_t>(offset));
}

void MemoryFileSystem::File::Resize(uint64_t size) {
  const base::MutexLock lock(&mutex_);
  Own()->resize(size);
}

class MemoryFileSystem::Appending final : public base::AppendFile {
 public:
  Appending(std::shared_ptr<File> file, uint64_t position)
      : file_(std::move(file)), position_(position) {}
  absl::Status Append(std::string_view data) override {
    file_->Write(position_, data);
    position_ += data.size();
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status Preallocate(uint64_t bytes) override {
    if (bytes > file_->Size()) file_->Resize(bytes);
    return absl::OkStatus();
  }
  absl::Status Truncate(uint64_t size) override {
    file_->Resize(size);
    position_ = size;
    return absl::OkStatus();
  }
  uint64_t size() const override { return position_; }

 private:
  const std::shared_ptr<File> file_;
  uint64_t position_;
};

class MemoryFileSystem::Reading final : public base::ReadFile {
 public:
  explicit Reading(std::shared_ptr<File> file) : file_(std::move(file)) {}
  absl::StatusOr<size_t> Read(uint64_t offset, size_t length, char* buffer) const override {
    return file_->Read(offset, length, buffer);
  }
  absl::StatusOr<uint64_t> Size() const override { return file_->Size(); }

 private:
  const std::shared_ptr<File> file_;
};

class MemoryFileSystem::Held final : public base::FileLock {
 public:
  Held(MemoryFileSystem* owner, std::string path) : owner_(owner), path_(std::move(path)) {}
  ~Held() override {
    const base::MutexLock lock(&owner_->mutex_);
    owner_->locks_.erase(path_);
  }

 private:
  MemoryFileSystem* const owner_;
  const std::string path_;
};

std::shared_ptr<MemoryFileSystem::File> MemoryFileSystem::Find(const std::string& path) const {
  const base::MutexLock lock(&mutex_);
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : found->second;
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::Clone() const {
  auto clone = std::make_unique<MemoryFileSystem>();
  const base::MutexLock lock(&mutex_);
  const base::MutexLock clone_lock(&clone->mutex_);
  for (const auto& [path, file] : files_) {
    clone->files_[path] = std::make_shared<File>(file->Share());
  }
  clone->directories_ = directories_;
  return clone;
}

std::vector<std::string> MemoryFileSystem::Paths() const {
  std::vector<std::string> paths;
  const base::MutexLock lock(&mutex_);
  for (const auto& [path, file] : files_) paths.push_back(path);
  return paths;
}

std::string MemoryFileSystem::Content(const std::string& path) const {
  const std::shared_ptr<File> file = Find(path);
  FULCRUM_CHECK(file != nullptr);
  return *file->Share();
}

void MemoryFileSystem::SetContent(const std::string& path, std::string bytes) {
  const base::MutexLock lock(&mutex_);
  files_[path] = std::make_shared<File>(std::make_shared<std::string>(std::move(bytes)));
}

absl::StatusOr<std::unique_ptr<base::AppendFile>> MemoryFileSystem::OpenForAppend(
    const std::string& path, base::OpenMode mode) {
  const base::MutexLock lock(&mutex_);
  std::shared_ptr<File>& file = files_[path];
  if (file == nullptr) {
    file = std::make_shared<File>(std::make_shared<std::string>());
  } else if (mode == base::OpenMode::kCreateNew) {
    return absl::AlreadyExistsError(absl::StrCat("'", path, "' is there"));
  } else if (mode == base::OpenMode::kTruncate) {
    file->Resize(0);
  }
  return std::make_unique<Appending>(file, file->Size());
}

absl::StatusOr<std::unique_ptr<base::ReadFile>> MemoryFileSystem::OpenForRead(
    const std::string& path) {
  std::shared_ptr<File> file = Find(path);
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("'", path, "' is not there"));
  return std::make_unique<Reading>(std::move(file));
}

absl::Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  const base::MutexLock lock(&mutex_);
  auto moved = files_.extract(from);
  if (!moved.empty()) {
    files_[to] = std::move(moved.mapped());
    return absl::OkStatus();
  }
  if (directories_.erase(from) == 0) {
    return absl::NotFoundError(absl::StrCat("'", from, "' is not there"));
  }
  directories_.insert(to);
  for (const auto& [path, file] : std::map(files_)) {
    if (!path.starts_with(from + "/")) continue;
    files_.erase(path);
    files_[to + path.substr(from.size())] = file;
  }
  for (const std::string& path : std::set(directories_)) {
    if (!path.starts_with(from + "/")) continue;
    directories_.erase(path);
    directories_.insert(to + path.substr(from.size()));
  }
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::Remove(const std::string& path) {
  const base::MutexLock lock(&mutex_);
  if (files_.erase(path) != 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("'", path, "' is not there"));
}

absl::Status MemoryFileSystem::CreateDirectories(const std::string& path) {
  const base::MutexLock lock(&mutex_);
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    directories_.insert(path.substr(0, end));
  }
  directories_.insert(path);
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::SyncDirectory(const std::string&) {
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::List(const std::string& directory) {
  const std::string prefix = directory + "/";
  std::vector<std::string> names;
  const base::MutexLock lock(&mutex_);
  for (auto file = files_.lower_bound(prefix);
       file != files_.end() && file->first.starts_with(prefix); ++file) {
    const std::string name = file->first.substr(prefix.size());
    if (name.find('/') == std::string::npos) names.push_back(name);
  }
  return names;
}

absl::StatusOr<bool> MemoryFileSystem::Exists(const std::string& path) {
  const base::MutexLock lock(&mutex_);
  return files_.contains(path) || directories_.contains(path);
}

absl::StatusOr<std::unique_ptr<base::FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  const base::MutexLock lock(&mutex_);
  if (!locks_.insert(path).second) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is held"));
  }
  return std::make_unique<Held>(this, path);
}

}  // namespace fulcrum::testing
