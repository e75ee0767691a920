#include "tests/support/faulty_file_system.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "tests/support/power_loss.h"

namespace fulcrum::testing {
namespace {

constexpr uint64_t kWholeFileMax = uint64_t{1} << 30;

bool Contains(const std::string& path, const std::string& part) {
  return path.find(part) != std::string::npos;
}

}  // namespace

class FaultyAppendFile final : public base::AppendFile {
 public:
  FaultyAppendFile(FaultyFileSystem* owner, std::unique_ptr<base::AppendFile> real,
                   std::string path, int64_t file)
      : owner_(owner), real_(std::move(real)), path_(std::move(path)), file_(file) {}

  absl::Status Append(std::string_view data) override {
    bool half = false;
    const absl::Status fault = owner_->Hit(FileOperation::kAppend, path_, &half);
    if (!fault.ok() && !half) return fault;
    if (half) data = data.substr(0, data.size() / 2);
    const uint64_t offset = real_->size();
    FULCRUM_RETURN_IF_ERROR(real_->Append(data));
    owner_->Remember({.kind = FileOperation::kAppend,
                      .path = path_,
                      .file = file_,
                      .offset = offset,
                      .size = 0,
                      .data = std::string(data)});
    return fault;
  }

  absl::Status Sync() override {
    FULCRUM_RETURN_IF_ERROR(owner_->Hit(FileOperation::kSync, path_));
    // Remembered before: what is appended meanwhile is not known to be covered.
    const size_t place = owner_->operations();
    FULCRUM_RETURN_IF_ERROR(real_->Sync());
    owner_->Remember({.kind = FileOperation::kSync,
                      .path = path_,
                      .file = file_,
                      .offset = place,
                      .size = 0,
                      .data = ""});
    return absl::OkStatus();
  }

  absl::Status Preallocate(uint64_t bytes) override {
    FULCRUM_RETURN_IF_ERROR(owner_->Hit(FileOperation::kPreallocate, path_));
    FULCRUM_RETURN_IF_ERROR(real_->Preallocate(bytes));
    Resized(FileOperation::kPreallocate, bytes);
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    FULCRUM_RETURN_IF_ERROR(owner_->Hit(FileOperation::kTruncate, path_));
    FULCRUM_RETURN_IF_ERROR(real_->Truncate(size));
    Resized(FileOperation::kTruncate, size);
    return absl::OkStatus();
  }

  uint64_t size() const override { return real_->size(); }

 private:
  void Resized(FileOperation kind, uint64_t size) {
    owner_->Remember(
        {.kind = kind, .path = path_, .file = file_, .offset = 0, .size = size, .data = ""});
  }

  FaultyFileSystem* const owner_;
  const std::unique_ptr<base::AppendFile> real_;
  const std::string path_;
  const int64_t file_;
};

class FaultyReadFile final : public base::ReadFile {
 public:
  FaultyReadFile(FaultyFileSystem* owner, std::unique_ptr<base::ReadFile> real, std::string path)
      : owner_(owner), real_(std::move(real)), path_(std::move(path)) {}

  absl::StatusOr<size_t> Read(uint64_t offset, size_t length, char* buffer) const override {
    owner_->WaitWhileStalled(path_);
    FULCRUM_RETURN_IF_ERROR(owner_->Hit(FileOperation::kRead, path_));
    return real_->Read(offset, length, buffer);
  }
  absl::StatusOr<uint64_t> Size() const override { return real_->Size(); }

 private:
  FaultyFileSystem* const owner_;
  const std::unique_ptr<base::ReadFile> real_;
  const std::string path_;
};

FaultyFileSystem::FaultyFileSystem(base::FileSystem* real) : real_(real) {}
FaultyFileSystem::~FaultyFileSystem() {
  ReleaseReads();
}

void FaultyFileSystem::AddFault(FaultRule rule) {
  const base::MutexLock lock(&mutex_);
  rules_.emplace_back(std::move(rule), 0);
}

void FaultyFileSystem::ClearFaults() {
  const base::MutexLock lock(&mutex_);
  rules_.clear();
}

int64_t FaultyFileSystem::faults_fired() const {
  const base::MutexLock lock(&mutex_);
  return faults_fired_;
}

absl::Status FaultyFileSystem::Hit(FileOperation operation, const std::string& path,
                                   bool* short_append) {
  const base::MutexLock lock(&mutex_);
  for (auto& [rule, matches] : rules_) {
    const bool meant = rule.operation.has_value() ? *rule.operation == operation
                                                  : operation != FileOperation::kRead;
    if (!meant || !Contains(path, rule.path_contains)) continue;
    ++matches;
    if (rule.sticky ? matches < rule.nth : matches != rule.nth) continue;
    ++faults_fired_;
    if (rule.fault == FileFault::kIoError) {
      return absl::DataLossError(absl::StrCat("injected I/O error on '", path, "'"));
    }
    if (rule.fault == FileFault::kShortAppend && short_append != nullptr) *short_append = true;
    return absl::ResourceExhaustedError(absl::StrCat("injected full disk under '", path, "'"));
  }
  return absl::OkStatus();
}

void FaultyFileSystem::StallReads(const std::string& path_contains) {
  const base::MutexLock lock(&mutex_);
  stalled_ = true;
  stalled_path_ = path_contains;
}

void FaultyFileSystem::ReleaseReads() {
  {
    const base::MutexLock lock(&mutex_);
    stalled_ = false;
  }
  released_.NotifyAll();
}

int64_t FaultyFileSystem::reads_stalled() const {
  const base::MutexLock lock(&mutex_);
  return reads_stalled_;
}

void FaultyFileSystem::WaitWhileStalled(const std::string& path) {
  const base::MutexLock lock(&mutex_);
  if (!stalled_ || !Contains(path, stalled_path_)) return;
  ++reads_stalled_;
  while (stalled_ && Contains(path, stalled_path_)) released_.Wait(&mutex_);
}

void FaultyFileSystem::Record(bool on) {
  const base::MutexLock lock(&mutex_);
  recording_ = on;
}

size_t FaultyFileSystem::operations() const {
  const base::MutexLock lock(&mutex_);
  return trace_.size();
}

std::pair<FileOperation, std::string> FaultyFileSystem::Describe(size_t index) const {
  const base::MutexLock lock(&mutex_);
  FULCRUM_CHECK(index < trace_.size());
  return {trace_[index].kind, trace_[index].path};
}

void FaultyFileSystem::Remember(Operation operation) {
  const base::MutexLock lock(&mutex_);
  if (recording_) trace_.push_back(std::move(operation));
}

int64_t FaultyFileSystem::FileOf(const std::string& path) {
  const auto [entry, created] = files_.try_emplace(path, next_file_);
  if (created) ++next_file_;
  return entry->second;
}

absl::StatusOr<std::unique_ptr<base::AppendFile>> FaultyFileSystem::OpenForAppend(
    const std::string& path, base::OpenMode mode) {
  FULCRUM_RETURN_IF_ERROR(Hit(FileOperation::kOpen, path));
  FULCRUM_ASSIGN_OR_RETURN(const bool existed, real_->Exists(path));
  Operation operation;
  operation.kind = FileOperation::kOpen;
  operation.path = path;
  operation.created = !existed;
  bool recording = false;
  {
    const base::MutexLock lock(&mutex_);
    recording = recording_;
  }
  // A file that was there before the recording began is taken as synced.
  if (recording && existed) {
    FULCRUM_ASSIGN_OR_RETURN(operation.data, base::ReadWholeFile(real_, path, kWholeFileMax));
  }
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<base::AppendFile> real,
                           real_->OpenForAppend(path, mode));
  {
    const base::MutexLock lock(&mutex_);
    if (!existed) files_.erase(path);
    operation.file = FileOf(path);
  }
  auto file = std::make_unique<FaultyAppendFile>(this, std::move(real), path, operation.file);
  Operation emptied = operation;
  Remember(std::move(operation));
  if (existed && mode == base::OpenMode::kTruncate) {
    emptied.kind = FileOperation::kTruncate;
    emptied.data.clear();
    Remember(std::move(emptied));
  }
  return file;
}

absl::StatusOr<std::unique_ptr<base::ReadFile>> FaultyFileSystem::OpenForRead(
    const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<base::ReadFile> real, real_->OpenForRead(path));
  return std::make_unique<FaultyReadFile>(this, std::move(real), path);
}

absl::Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  FULCRUM_RETURN_IF_ERROR(Hit(FileOperation::kRename, to));
  FULCRUM_RETURN_IF_ERROR(real_->Rename(from, to));
  {
    const base::MutexLock lock(&mutex_);
    const int64_t file = FileOf(from);
    files_.erase(from);
    files_[to] = file;
  }
  Remember({.kind = FileOperation::kRename,
            .path = from,
            .file = 0,
            .offset = 0,
            .size = 0,
            .data = to});
  return absl::OkStatus();
}

absl::Status FaultyFileSystem::Remove(const std::string& path) {
  FULCRUM_RETURN_IF_ERROR(Hit(FileOperation::kRemove, path));
  FULCRUM_RETURN_IF_ERROR(real_->Remove(path));
  {
    const base::MutexLock lock(&mutex_);
    files_.erase(path);
  }
  Remember({.kind = FileOperation::kRemove,
            .path = path,
            .file = 0,
            .offset = 0,
            .size = 0,
            .data = ""});
  return absl::OkStatus();
}

absl::Status FaultyFileSystem::CreateDirectories(const std::string& path) {
  return real_->CreateDirectories(path);
}

absl::Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  FULCRUM_RETURN_IF_ERROR(Hit(FileOperation::kSyncDirectory, path));
  FULCRUM_RETURN_IF_ERROR(real_->SyncDirectory(path));
  Remember({.kind = FileOperation::kSyncDirectory,
            .path = path,
            .file = 0,
            .offset = 0,
            .size = 0,
            .data = ""});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(const std::string& directory) {
  return real_->List(directory);
}

absl::StatusOr<bool> FaultyFileSystem::Exists(const std::string& path) {
  return real_->Exists(path);
}

absl::StatusOr<std::unique_ptr<base::FileLock>> FaultyFileSystem::Lock(const std::string& path) {
  return real_->Lock(path);
}

PowerLoss FaultyFileSystem::LosePower(size_t operations, uint64_t seed, const std::string& from,
                                      const std::string& to) const {
  const base::MutexLock lock(&mutex_);
  FULCRUM_CHECK(operations <= trace_.size());
  DiskModel disk;
  for (size_t i = 0; i < operations; ++i) {
    const Operation& operation = trace_[i];
    switch (operation.kind) {
      case FileOperation::kOpen:
        disk.Open(operation.path, operation.file, operation.created, operation.data);
        break;
      case FileOperation::kAppend:
        disk.Write(operation.file, operation.offset, operation.data, i);
        break;
      case FileOperation::kSync:
        disk.Sync(operation.file, operation.offset);
        break;
      case FileOperation::kPreallocate:
        disk.Reserve(operation.file, operation.size, i);
        break;
      case FileOperation::kTruncate:
        disk.Truncate(operation.file, operation.size, i);
        break;
      case FileOperation::kRename:
        disk.Rename(operation.path, operation.data);
        break;
      case FileOperation::kRemove:
        disk.Remove(operation.path);
        break;
      case FileOperation::kSyncDirectory:
        disk.SyncDirectory(operation.path);
        break;
      case FileOperation::kRead:
        break;
    }
  }
  return disk.Materialise(seed, from, to);
}

}  // namespace fulcrum::testing
