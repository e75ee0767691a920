#include "decision_log/ballast.h"

#include <memory>
#include <utility>

#include "base/kill_point.h"
#include "base/status_macros.h"

namespace fulcrum::decision_log {

Ballast::Ballast(base::FileSystem* files, std::string directory, uint64_t bytes)
    : files_(files),
      directory_(std::move(directory)),
      path_(directory_ + "/" + kName),
      bytes_(bytes) {}

absl::StatusOr<bool> Ballast::IsWhole() {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files_->Exists(path_));
  if (!exists) return false;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::ReadFile> file, files_->OpenForRead(path_));
  FULCRUM_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  return size == bytes_;
}

absl::Status Ballast::Keep() {
  FULCRUM_ASSIGN_OR_RETURN(const bool whole, IsWhole());
  if (bytes_ == 0) {
    FULCRUM_ASSIGN_OR_RETURN(const bool exists, files_->Exists(path_));
    return exists ? files_->Remove(path_) : absl::OkStatus();
  }
  if (!whole) {
    const auto make = [this]() -> absl::Status {
      FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::AppendFile> file,
                               files_->OpenForAppend(path_, base::OpenMode::kTruncate));
      FULCRUM_RETURN_IF_ERROR(file->Preallocate(bytes_));
      base::KillPoint("log.ballast");
      FULCRUM_RETURN_IF_ERROR(file->Sync());
      return files_->SyncDirectory(directory_);
    };
    if (absl::Status made = make(); !made.ok()) {
      files_->Remove(path_).IgnoreError();  // half a ballast only takes room
      return made;
    }
  }
  kept_.store(true, std::memory_order_release);
  return absl::OkStatus();
}

bool Ballast::Release() {
  if (!kept_.exchange(false, std::memory_order_acq_rel)) return false;
  released_.store(true, std::memory_order_release);
  return files_->Remove(path_).ok();
}

bool MakeRoom(const absl::Status& status, Ballast* ballast) {
  return absl::IsResourceExhausted(status) && ballast != nullptr && ballast->Release();
}

absl::Status AppendMakingRoom(base::AppendFile* file, std::string_view data, Ballast* ballast) {
  const uint64_t start = file->size();
  absl::Status status = file->Append(data);
  if (!MakeRoom(status, ballast)) return status;
  FULCRUM_RETURN_IF_ERROR(file->Truncate(start));  // what was written of it
  return file->Append(data);
}

}  // namespace fulcrum::decision_log
