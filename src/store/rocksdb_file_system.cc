#include "store/rocksdb_file_system.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace fulcrum::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

std::string_view View(const Slice& slice) {
  return {slice.data(), slice.size()};
}

// Preallocation is left out: it saves little for files this small, and zeroes behind the end of a
// write-ahead log would look like a damaged tail.
//
// The first sync makes the file's name durable too. RocksDB syncs the directory only after it has
// renamed CURRENT, so that lost power could keep the rename and lose the manifest it points to.
class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(base::FileSystem* files, std::string directory,
               std::unique_ptr<base::AppendFile> file)
      : files_(files), directory_(std::move(directory)), file_(std::move(file)) {}

  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    if (file_ == nullptr) return Closed();
    return ToIoStatus(file_->Append(View(data)));
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    if (file_ == nullptr) return Closed();
    return size == file_->size() ? IOStatus::OK() : ToIoStatus(file_->Truncate(size));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override {
    if (file_ != nullptr) size_at_close_ = file_->size();
    file_.reset();
    return IOStatus::OK();
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    if (file_ == nullptr) return Closed();
    const absl::Status synced = file_->Sync();
    if (!synced.ok() || named_) return ToIoStatus(synced);
    const absl::Status named = files_->SyncDirectory(directory_);
    named_ = named.ok();
    return ToIoStatus(named);
  }
  // Room is never reserved here: zeroes behind a log's end would look like damage. RocksDB's own
  // version keeps count of it, in state that ThreadSanitizer cannot see to be guarded.
  void PrepareWrite(size_t, size_t, const IOOptions&, IODebugContext*) override {}
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    return file_ == nullptr ? size_at_close_ : file_->size();
  }

 private:
  static IOStatus Closed() { return IOStatus::IOError("the file is closed"); }

  base::FileSystem* const files_;
  const std::string directory_;
  std::unique_ptr<base::AppendFile> file_;
  bool named_ = false;  // the directory was synced since the file was made
  uint64_t size_at_close_ = 0;
};

IOStatus ReadInto(const base::ReadFile& file, uint64_t offset, size_t length, Slice* result,
                  char* scratch) {
  absl::StatusOr<size_t> read = file.Read(offset, length, scratch);
  *result = Slice(scratch, read.ok() ? *read : 0);
  return ToIoStatus(read.status());
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<base::ReadFile> file) : file_(std::move(file)) {}

  IOStatus Read(size_t length, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    IOStatus status = ReadInto(*file_, offset_, length, result, scratch);
    offset_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t bytes) override {
    offset_ += bytes;
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<base::ReadFile> file_;
  uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<base::ReadFile> file) : file_(std::move(file)) {}

  IOStatus Read(uint64_t offset, size_t length, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return ReadInto(*file_, offset, length, result, scratch);
  }

 private:
  std::unique_ptr<base::ReadFile> file_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(base::FileSystem* files, std::string path) : files_(files), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return ToIoStatus(files_->SyncDirectory(path_));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  base::FileSystem* const files_;
  const std::string path_;
};

class HeldLock final : public rocksdb::FileLock {
 public:
  explicit HeldLock(std::unique_ptr<base::FileLock> lock) : lock_(std::move(lock)) {}

 private:
  std::unique_ptr<base::FileLock> lock_;
};

class RocksDbFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit RocksDbFileSystem(base::FileSystem* files)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), files_(files) {}

  const char* Name() const override { return "FulcrumFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext*) override {
    return OpenRead<SequentialFile>(path, result);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    return OpenRead<RandomAccessFile>(path, result);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override {
    auto file = files_->OpenForAppend(path, base::OpenMode::kTruncate);
    if (!file.ok()) return ToIoStatus(file.status());
    *result = std::make_unique<WritableFile>(files_, std::filesystem::path(path).parent_path(),
                                             std::move(*file));
    return IOStatus::OK();
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
    *result = std::make_unique<Directory>(files_, path);
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    absl::StatusOr<bool> exists = files_->Exists(path);
    if (!exists.ok()) return ToIoStatus(exists.status());
    return *exists ? IOStatus::OK() : IOStatus::NotFound();
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    absl::StatusOr<std::vector<std::string>> names = files_->List(path);
    if (!names.ok()) return ToIoStatus(names.status());
    *result = std::move(*names);
    return IOStatus::OK();
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size,
                       IODebugContext*) override {
    *size = 0;
    auto file = files_->OpenForRead(path);
    if (!file.ok()) return ToIoStatus(file.status());
    absl::StatusOr<uint64_t> found = (*file)->Size();
    if (found.ok()) *size = *found;
    return ToIoStatus(found.status());
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIoStatus(files_->Remove(path));
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return ToIoStatus(files_->Rename(from, to));
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIoStatus(files_->CreateDirectories(path));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIoStatus(files_->CreateDirectories(path));
  }

  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** result,
                    IODebugContext*) override {
    *result = nullptr;
    auto lock = files_->Lock(path);
    if (absl::IsFailedPrecondition(lock.status())) {
      return IOStatus::Busy(std::string(lock.status().message()));
    }
    if (!lock.ok()) return ToIoStatus(lock.status());
    *result = new HeldLock(std::move(*lock));
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }

  IOStatus ReopenWritableFile(const std::string&, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("re-opening a file for writing");
  }
  IOStatus ReuseWritableFile(const std::string&, const std::string&, const FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("recycling a file");
  }
  IOStatus NewRandomRWFile(const std::string&, const FileOptions&,
                           std::unique_ptr<rocksdb::FSRandomRWFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("rewriting a file in place");
  }
  IOStatus NewMemoryMappedFileBuffer(const std::string&,
                                     std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) override {
    return IOStatus::NotSupported("memory mapping");
  }
  IOStatus Truncate(const std::string&, size_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::NotSupported("truncating a closed file");
  }
  IOStatus LinkFile(const std::string&, const std::string&, const IOOptions&,
                    IODebugContext*) override {
    return IOStatus::NotSupported("hard links");
  }

 private:
  template <typename File, typename Interface>
  IOStatus OpenRead(const std::string& path, std::unique_ptr<Interface>* result) {
    auto file = files_->OpenForRead(path);
    if (!file.ok()) return ToIoStatus(file.status());
    *result = std::make_unique<File>(std::move(*file));
    return IOStatus::OK();
  }

  base::FileSystem* const files_;
};

}  // namespace

IOStatus ToIoStatus(const absl::Status& status) {
  if (status.ok()) return IOStatus::OK();
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return IOStatus::PathNotFound(message);
    case absl::StatusCode::kResourceExhausted:
      return IOStatus::NoSpace(message);
    default:
      return IOStatus::IOError(message);
  }
}

std::shared_ptr<rocksdb::FileSystem> NewRocksDbFileSystem(base::FileSystem* files) {
  return std::make_shared<RocksDbFileSystem>(files);
}

}  // namespace fulcrum::store
