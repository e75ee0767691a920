// The fault-injecting twin of base::FileSystem: passes everything on to a real one, remembers what
// was done, and on demand lets an operation fail, a read hang, or the power go.
//
// The power is lost on paper: every operation is kept with its bytes, and LosePower() builds, in
// another directory, one of the states that a disk may be in afterwards. Its rules are those of
// base/file.h: what was synced is there; of what was not, each 512-byte sector is old, new or
// anything in between, or zero if nothing in it had been synced; each file made, renamed or removed
// since its directory was synced may or may not have been. Directories themselves always survive.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"

namespace fulcrum::testing {

enum class FileOperation : uint8_t {
  kOpen,  // for appending
  kAppend,
  kSync,
  kPreallocate,
  kTruncate,
  kRename,
  kRemove,
  kSyncDirectory,
  kRead
};

enum class FileFault : uint8_t {
  kIoError,     // nothing happens, DATA_LOSS
  kNoSpace,     // nothing happens, RESOURCE_EXHAUSTED
  kShortAppend  // the first half of the bytes arrives, then RESOURCE_EXHAUSTED
};

struct FaultRule {
  std::optional<FileOperation> operation = FileOperation::kAppend;  // none: any but a read
  std::string path_contains;                                        // empty: any path
  int64_t nth = 1;      // the first operation that fails, counted from 1 among those that match
  bool sticky = false;  // and all after it
  FileFault fault = FileFault::kIoError;
};

// What LosePower() made.
struct PowerLoss {
  int64_t sectors_lost = 0;  // un-synced sectors that are not as they last were
  int64_t sectors_kept = 0;  // un-synced sectors that are
  int64_t names_lost = 0;    // un-synced creations, renames and removals that did not happen
  bool torn = false;         // one file has both lost and kept sectors
};

class FaultyFileSystem final : public base::FileSystem {
 public:
  explicit FaultyFileSystem(base::FileSystem* real = base::PosixFileSystem());
  ~FaultyFileSystem() override;

  // Faults. Rules are looked at in order; the first that is due decides.
  void AddFault(FaultRule rule);
  void ClearFaults();
  int64_t faults_fired() const;

  // Reads of files whose path contains `path_contains` wait until ReleaseReads().
  void StallReads(const std::string& path_contains);
  void ReleaseReads();
  int64_t reads_stalled() const;  // reads that have had to wait

  // The trace. Recording takes memory for every byte; off by default.
  void Record(bool on);
  size_t operations() const;
  // What the `index`-th operation was.
  std::pair<FileOperation, std::string> Describe(size_t index) const;
  // Builds in `to` a state of all that lies under `from`, had the power gone right after the first
  // `operations` of the trace. The same seed gives the same state.
  PowerLoss LosePower(size_t operations, uint64_t seed, const std::string& from,
                      const std::string& to) const;

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
  friend class FaultyAppendFile;
  friend class FaultyReadFile;

  struct Operation {
    FileOperation kind = FileOperation::kAppend;
    std::string path;
    int64_t file = 0;      // which file, whatever its name is now
    uint64_t offset = 0;   // of an append; of a sync, how much of the trace it covers
    uint64_t size = 0;     // of a truncation or reservation; of an opened file, what it held
    std::string data;      // of an append; of an opened file, what it held; the new name
    bool created = false;  // of an opened file
  };

  // Not OK if a rule is due. `short_append` is set if half of the bytes are to arrive first.
  absl::Status Hit(FileOperation operation, const std::string& path, bool* short_append = nullptr);
  void Remember(Operation operation);
  void WaitWhileStalled(const std::string& path);
  int64_t FileOf(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  base::FileSystem* const real_;
  mutable base::Mutex mutex_;
  base::CondVar released_;
  std::vector<std::pair<FaultRule, int64_t>> rules_ ABSL_GUARDED_BY(mutex_);  // with matches so far
  int64_t faults_fired_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;
  std::string stalled_path_ ABSL_GUARDED_BY(mutex_);
  int64_t reads_stalled_ ABSL_GUARDED_BY(mutex_) = 0;
  bool recording_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Operation> trace_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> files_ ABSL_GUARDED_BY(mutex_);  // path -> number
  int64_t next_file_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace fulcrum::testing
