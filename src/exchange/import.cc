#include "exchange/import.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "exchange/checkpoint.h"
#include "exchange/stream_import.h"

namespace fulcrum::exchange {
namespace {

using decision_log::Stream;

constexpr Stream kStreams[] = {Stream::kDecisions, Stream::kFeatures};

std::string WithoutSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// A log in the making.
class Import {
 public:
  Import(const std::string& path, const std::string& log, const ImportOptions& options)
      : path_(path),
        log_(WithoutSlashes(log)),
        partial_(log_ + ".partial"),
        options_(options),
        files_(options.transfer.files) {}

  absl::StatusOr<TransferReport> Run();

 private:
  std::string What() const;
  std::string CheckpointPath(const std::string& folder) const { return folder + "/IMPORT"; }
  absl::StatusOr<TransferReport> Existing() const;
  absl::Status Begin();
  absl::Status Discard() const;
  absl::Status Open();
  absl::Status PassOver();
  absl::Status Changed() const;
  absl::Status TakeAll();
  absl::Status Take(const absl::StatusOr<std::vector<LogRecord>>& records);
  absl::Status Save();
  absl::Status Close();

  const std::string& path_;
  const std::string log_;
  const std::string partial_;
  const ImportOptions& options_;
  base::FileSystem* const files_;
  std::unique_ptr<base::FileLock> lock_;
  std::unique_ptr<ImportSource> source_;
  Checkpoint at_;  // what has been taken
  StreamImport decisions_;
  StreamImport features_;
};

absl::StatusOr<TransferReport> Import::Run() {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files_->Exists(log_));
  if (exists) return Existing();
  FULCRUM_ASSIGN_OR_RETURN(source_,
                           OpenImportSource(files_, path_, options_.format, options_.columns));
  FULCRUM_RETURN_IF_ERROR(Begin());
  FULCRUM_RETURN_IF_ERROR(Open());
  FULCRUM_RETURN_IF_ERROR(PassOver());
  FULCRUM_RETURN_IF_ERROR(TakeAll());
  FULCRUM_RETURN_IF_ERROR(Close());
  return at_.report;
}

// What must be the same to go on; the file's content is checked by its sum.
std::string Import::What() const {
  const TableColumns& columns = options_.columns;
  std::string what = absl::StrCat("import of ", source_->bytes_total(), " bytes as format ",
                                  static_cast<int>(options_.format));
  if (options_.format != ImportFormat::kTable) return what;
  return absl::StrCat(
      what, ": ",
      absl::StrJoin({columns.action, columns.propensity, columns.reward, columns.time,
                     columns.position, columns.surface_column, columns.surface},
                    "/"));
}

// An import may have ended between the log's getting its name and the removal of its checkpoint.
absl::StatusOr<TransferReport> Import::Existing() const {
  FULCRUM_ASSIGN_OR_RETURN(const std::optional<Checkpoint> last,
                           LoadCheckpoint(files_, CheckpointPath(log_)));
  if (!options_.transfer.resume || !last.has_value()) {
    return absl::AlreadyExistsError(
        absl::StrCat("'", log_, "' exists; an import makes a new log: name another folder"));
  }
  FULCRUM_RETURN_IF_ERROR(RemoveCheckpoint(files_, CheckpointPath(log_)));
  return last->report;
}

// Takes the folder, with what is in it or empty.
absl::Status Import::Begin() {
  for (const Stream stream : kStreams) {
    FULCRUM_RETURN_IF_ERROR(
        files_->CreateDirectories(absl::StrCat(partial_, "/", decision_log::StreamName(stream))));
  }
  FULCRUM_ASSIGN_OR_RETURN(lock_, files_->Lock(partial_ + "/LOCK"));
  std::optional<Checkpoint> last;
  if (options_.transfer.resume) {
    FULCRUM_ASSIGN_OR_RETURN(last, LoadCheckpoint(files_, CheckpointPath(partial_)));
  }
  if (!last.has_value()) return Discard();
  at_ = *std::move(last);
  return CheckSame(at_, What());
}

// The checkpoint first: it must never speak of a log that is gone.
absl::Status Import::Discard() const {
  FULCRUM_RETURN_IF_ERROR(RemoveCheckpoint(files_, CheckpointPath(partial_)));
  for (const Stream stream : kStreams) {
    const std::string folder = absl::StrCat(partial_, "/", decision_log::StreamName(stream));
    FULCRUM_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_->List(folder));
    for (const std::string& name : names) {
      FULCRUM_RETURN_IF_ERROR(files_->Remove(absl::StrCat(folder, "/", name)));
    }
    FULCRUM_RETURN_IF_ERROR(files_->SyncDirectory(folder));
  }
  return absl::OkStatus();
}

absl::Status Import::Open() {
  at_.what = What();
  FULCRUM_RETURN_IF_ERROR(
      decisions_.Open(files_, partial_, Stream::kDecisions, options_.segment_bytes, at_.decisions));
  return features_.Open(files_, partial_, Stream::kFeatures, options_.segment_bytes, at_.features);
}

// Goes to where the checkpoint was written, if the file is still the same up to there.
absl::Status Import::PassOver() {
  bool more = true;
  for (uint64_t i = 0; i < at_.taken && more; ++i) {
    FULCRUM_ASSIGN_OR_RETURN(more, source_->Next());
    if (more) source_->Pass();
  }
  return more && source_->sum() == at_.sum ? absl::OkStatus() : Changed();
}

absl::Status Import::Changed() const {
  return absl::FailedPreconditionError(absl::StrCat(
      "'", path_, "' has changed since the import was begun; begin anew, without --resume"));
}

absl::Status Import::TakeAll() {
  uint64_t saved_bytes = source_->bytes_read();
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, source_->Next());
    if (!more) return absl::OkStatus();
    FULCRUM_RETURN_IF_ERROR(Take(source_->Records()));
    ++at_.taken;
    if (at_.taken % kProgressEvery == 0 && options_.transfer.on_progress) {
      options_.transfer.on_progress({.records = at_.report.events + at_.report.snapshots,
                                     .bytes = source_->bytes_read(),
                                     .bytes_total = source_->bytes_total()});
    }
    if (source_->bytes_read() - saved_bytes < options_.transfer.checkpoint_bytes) continue;
    saved_bytes = source_->bytes_read();
    FULCRUM_RETURN_IF_ERROR(Save());
  }
}

absl::Status Import::Take(const absl::StatusOr<std::vector<LogRecord>>& records) {
  if (!records.ok()) {
    const std::string reason(records.status().message());
    if (options_.strict) {
      return absl::InvalidArgumentError(absl::StrCat(path_, ":", source_->line(), ": ", reason));
    }
    at_.report.TellBad(source_->line(), reason);
    return absl::OkStatus();
  }
  for (const LogRecord& record : *records) {
    const bool snapshot = record.stream == Stream::kFeatures;
    FULCRUM_RETURN_IF_ERROR((snapshot ? features_ : decisions_).Add(record));
    ++(snapshot ? at_.report.snapshots : at_.report.events);
  }
  return absl::OkStatus();
}

// In this order: what a checkpoint speaks of is durable.
absl::Status Import::Save() {
  // Right after an interruption the log may be ahead of what has been read again.
  if (decisions_.records_again() != 0 || features_.records_again() != 0) return absl::OkStatus();
  FULCRUM_RETURN_IF_ERROR(features_.Sync());
  FULCRUM_RETURN_IF_ERROR(decisions_.Sync());
  at_.sum = source_->sum();
  at_.decisions = decisions_.end();
  at_.features = features_.end();
  return SaveCheckpoint(files_, CheckpointPath(partial_), at_);
}

absl::Status Import::Close() {
  if (decisions_.records_again() != 0 || features_.records_again() != 0) return Changed();
  FULCRUM_RETURN_IF_ERROR(features_.Finish());
  FULCRUM_RETURN_IF_ERROR(decisions_.Finish());
  const Lsn last = decisions_.end().lsn;
  FULCRUM_RETURN_IF_ERROR(features_.Close(last));
  FULCRUM_RETURN_IF_ERROR(decisions_.Close(last));
  at_.whole = true;
  FULCRUM_RETURN_IF_ERROR(Save());
  FULCRUM_RETURN_IF_ERROR(files_->SyncDirectory(partial_));
  FULCRUM_RETURN_IF_ERROR(files_->Rename(partial_, log_));
  FULCRUM_RETURN_IF_ERROR(files_->SyncDirectory(FolderOf(log_)));
  // Not synced: if it is back after a loss of power, it only says that all is done.
  return files_->Remove(CheckpointPath(log_));
}

}  // namespace

absl::StatusOr<TransferReport> ImportLog(const std::string& path, const std::string& log,
                                         const ImportOptions& options) {
  return Import(path, log, options).Run();
}

}  // namespace fulcrum::exchange
