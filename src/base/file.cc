#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::base {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case EIO:
      return absl::StatusCode::kDataLoss;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status SystemError(const char* what, const std::string& path, int error) {
  return absl::Status(CodeOf(error), absl::StrCat("cannot ", what, " '", path,
                                                  "': ", std::generic_category().message(error)));
}

// Calls `call` until a signal does not interrupt it.
template <typename Call>
auto Uninterrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

// An open file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const { return value_; }
  bool ok() const { return value_ >= 0; }

 private:
  int value_;
};

class PosixAppendFile final : public AppendFile {
 public:
  PosixAppendFile(Descriptor file, std::string path, uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}

  absl::Status Append(std::string_view data) override {
    while (!data.empty()) {
      const ssize_t written = Uninterrupted(
          [&] { return pwrite(file_.get(), data.data(), data.size(), static_cast<off_t>(size_)); });
      if (written < 0) return SystemError("write to", path_, errno);
      size_ += static_cast<uint64_t>(written);
      data.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (Uninterrupted([&] { return fdatasync(file_.get()); }) < 0) {
      return SystemError("sync", path_, errno);
    }
    return absl::OkStatus();
  }

  absl::Status Preallocate(uint64_t bytes) override {
    const off_t length = static_cast<off_t>(bytes);
    if (Uninterrupted([&] { return fallocate(file_.get(), 0, 0, length); }) == 0) {
      return absl::OkStatus();
    }
    if (errno != EOPNOTSUPP) return SystemError("reserve room for", path_, errno);
    // Some file systems cannot reserve: a longer sparse file reads the same.
    struct stat status;
    if (fstat(file_.get(), &status) < 0) return SystemError("examine", path_, errno);
    if (status.st_size >= length) return absl::OkStatus();
    if (Uninterrupted([&] { return ftruncate(file_.get(), length); }) < 0) {
      return SystemError("extend", path_, errno);
    }
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    if (Uninterrupted([&] { return ftruncate(file_.get(), static_cast<off_t>(size)); }) < 0) {
      return SystemError("truncate", path_, errno);
    }
    size_ = size;
    return absl::OkStatus();
  }

  uint64_t size() const override { return size_; }

 private:
  const Descriptor file_;
  const std::string path_;
  std::atomic<uint64_t> size_;  // one thread appends, others may ask
};

class PosixReadFile final : public ReadFile {
 public:
  PosixReadFile(Descriptor file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  absl::StatusOr<size_t> Read(uint64_t offset, size_t length, char* buffer) const override {
    size_t done = 0;
    while (done < length) {
      const ssize_t got = Uninterrupted([&] {
        return pread(file_.get(), buffer + done, length - done, static_cast<off_t>(offset + done));
      });
      if (got < 0) return SystemError("read", path_, errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  absl::StatusOr<uint64_t> Size() const override {
    struct stat status;
    if (fstat(file_.get(), &status) < 0) return SystemError("examine", path_, errno);
    return static_cast<uint64_t>(status.st_size);
  }

 private:
  const Descriptor file_;
  const std::string path_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor file) : file_(std::move(file)) {}

 private:
  const Descriptor file_;  // closing it lets go
};

class PosixFiles final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenForAppend(const std::string& path,
                                                            OpenMode mode) override {
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC;
    if (mode == OpenMode::kCreateNew) flags |= O_EXCL;
    if (mode == OpenMode::kTruncate) flags |= O_TRUNC;
    Descriptor file(Uninterrupted([&] { return open(path.c_str(), flags, 0644); }));
    if (!file.ok()) return SystemError("open for writing", path, errno);
    struct stat status;
    if (fstat(file.get(), &status) < 0) return SystemError("examine", path, errno);
    return std::make_unique<PosixAppendFile>(std::move(file), path,
                                             static_cast<uint64_t>(status.st_size));
  }

  absl::StatusOr<std::unique_ptr<ReadFile>> OpenForRead(const std::string& path) override {
    Descriptor file(Uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (!file.ok()) return SystemError("open", path, errno);
    return std::make_unique<PosixReadFile>(std::move(file), path);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) < 0) {
      return SystemError("rename", absl::StrCat(from, "' to '", to), errno);
    }
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) < 0) return SystemError("remove", path, errno);
    return absl::OkStatus();
  }

  absl::Status CreateDirectories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return SystemError("create the directory", path, error.value());
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& path) override {
    const Descriptor directory(
        Uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!directory.ok()) return SystemError("open the directory", path, errno);
    if (Uninterrupted([&] { return fsync(directory.get()); }) < 0) {
      return SystemError("sync the directory", path, errno);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error) return SystemError("list the directory", directory, error.value());
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::StatusOr<bool> Exists(const std::string& path) override {
    struct stat status;
    if (stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return SystemError("examine", path, errno);
  }

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    Descriptor file(
        Uninterrupted([&] { return open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644); }));
    if (!file.ok()) return SystemError("open the lock", path, errno);
    if (Uninterrupted([&] { return flock(file.get(), LOCK_EX | LOCK_NB); }) < 0) {
      if (errno != EWOULDBLOCK) return SystemError("lock", path, errno);
      return absl::FailedPreconditionError(
          absl::StrCat("'", path,
                       "' is locked: another process uses this directory; stop it, or "
                       "choose another directory"));
    }
    return std::make_unique<PosixFileLock>(std::move(file));
  }
};

std::string DirectoryOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

absl::Status WriteAndSync(FileSystem* files, const std::string& path, std::string_view data) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<AppendFile> file,
                           files->OpenForAppend(path, OpenMode::kTruncate));
  FULCRUM_RETURN_IF_ERROR(file->Append(data));
  return file->Sync();
}

}  // namespace

FileSystem* PosixFileSystem() {
  static PosixFiles* const files = new PosixFiles;
  return files;
}

absl::StatusOr<std::string> ReadWholeFile(FileSystem* files, const std::string& path,
                                          uint64_t bytes_max) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<ReadFile> file, files->OpenForRead(path));
  FULCRUM_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size > bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("'", path, "' has ", size, " bytes; at most ", bytes_max, " are read"));
  }
  std::string data(size, '\0');
  FULCRUM_ASSIGN_OR_RETURN(const size_t got, file->Read(0, data.size(), data.data()));
  data.resize(got);
  return data;
}

absl::Status WriteFileAtomically(FileSystem* files, const std::string& path,
                                 std::string_view data) {
  const std::string temporary = path + ".tmp";
  absl::Status status = WriteAndSync(files, temporary, data);
  if (status.ok()) status = files->Rename(temporary, path);
  if (!status.ok()) {
    files->Remove(temporary).IgnoreError();  // the first error is the one to tell
    return status;
  }
  return files->SyncDirectory(DirectoryOf(path));
}

}  // namespace fulcrum::base
