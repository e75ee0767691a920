#include "exchange/output_file.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::exchange {
namespace {
constexpr size_t kBufferBytes = size_t{1} << 20;
}  // namespace

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Open(base::FileSystem* files,
                                                             const std::string& path,
                                                             const std::string& what, bool resume) {
  std::unique_ptr<OutputFile> file(new OutputFile(files, path));
  FULCRUM_RETURN_IF_ERROR(file->Begin(what, resume));
  return file;
}

absl::Status OutputFile::Begin(const std::string& what, bool resume) {
  std::optional<Checkpoint> last;
  if (resume) {
    FULCRUM_ASSIGN_OR_RETURN(last, LoadCheckpoint(files_, CheckpointPath()));
  }
  if (!last.has_value()) {
    // First what was noted of another one: it must not be taken for this one's.
    FULCRUM_RETURN_IF_ERROR(RemoveCheckpoint(files_, CheckpointPath()));
    FULCRUM_ASSIGN_OR_RETURN(file_, files_->OpenForAppend(partial_, base::OpenMode::kTruncate));
    from_.what = what;
    return files_->SyncDirectory(FolderOf(partial_));
  }
  from_ = *std::move(last);
  FULCRUM_RETURN_IF_ERROR(CheckSame(from_, what));
  FULCRUM_ASSIGN_OR_RETURN(const bool there, files_->Exists(partial_));
  if (!there && whole()) return absl::OkStatus();  // it has its name
  FULCRUM_ASSIGN_OR_RETURN(file_, files_->OpenForAppend(partial_, base::OpenMode::kAppend));
  if (file_->size() < from_.bytes) {
    return absl::DataLossError(absl::StrCat("'", partial_, "' is shorter than the ", from_.bytes,
                                            " bytes that it had; begin anew, without --resume"));
  }
  written_ = from_.bytes;
  return file_->Truncate(from_.bytes);
}

absl::Status OutputFile::Append(std::string_view data) {
  buffer_.append(data);
  return buffer_.size() < kBufferBytes ? absl::OkStatus() : Write();
}

absl::Status OutputFile::Write() {
  FULCRUM_RETURN_IF_ERROR(file_->Append(buffer_));
  written_ += buffer_.size();
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status OutputFile::Note(Checkpoint place, const TransferReport& report, bool whole) {
  FULCRUM_RETURN_IF_ERROR(Write());
  FULCRUM_RETURN_IF_ERROR(file_->Sync());
  place.what = from_.what;
  place.bytes = written_;
  place.whole = whole;
  place.report = report;
  return SaveCheckpoint(files_, CheckpointPath(), place);
}

absl::Status OutputFile::Save(const Checkpoint& place, const TransferReport& report) {
  return Note(place, report, false);
}

absl::Status OutputFile::Finish(const Checkpoint& place, const TransferReport& report) {
  if (file_ != nullptr) {
    if (!whole()) FULCRUM_RETURN_IF_ERROR(Note(place, report, true));
    FULCRUM_RETURN_IF_ERROR(files_->Rename(partial_, path_));
    FULCRUM_RETURN_IF_ERROR(files_->SyncDirectory(FolderOf(path_)));
  }
  // Not synced: if it is back after a loss of power, it only says that all is done.
  return files_->Remove(CheckpointPath());
}

}  // namespace fulcrum::exchange
