#include "exchange/stream_import.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/repair.h"

namespace fulcrum::exchange {
namespace {

constexpr uint64_t kBatchRecords = 256;
constexpr size_t kBatchBytes = size_t{1} << 20;

}  // namespace

absl::Status StreamImport::Open(base::FileSystem* files, const std::string& log,
                                decision_log::Stream stream, uint64_t segment_bytes,
                                const StreamEnd& from) {
  std::unique_ptr<decision_log::SegmentBook> book;
  FULCRUM_ASSIGN_OR_RETURN(const decision_log::StreamTail tail,
                           decision_log::FindTail(files, log, stream, &book));
  if (tail.last_lsn < from.lsn) {
    return absl::DataLossError(absl::StrCat(
        "'", log, "/", decision_log::StreamName(stream), "' ends with LSN ", tail.last_lsn,
        ", but had been synced up to ", from.lsn, "; begin anew, without --resume"));
  }
  again_ = tail.last_lsn - from.lsn;
  last_us_ = from.time_us;
  FULCRUM_ASSIGN_OR_RETURN(
      writer_, decision_log::StreamWriter::Open(files, log, stream, tail, std::move(book),
                                                {.segment_bytes = segment_bytes}, 0));
  return absl::OkStatus();
}

absl::Status StreamImport::Add(const LogRecord& record) {
  last_us_ = record.time_us;
  if (again_ != 0) {
    --again_;
    return absl::OkStatus();
  }
  if (waiting_ == 0) FULCRUM_RETURN_IF_ERROR(writer_->Prepare(record.time_us));
  writer_->Add(record.type, record.payload, record.time_us);
  bytes_ += record.payload.size();
  if (++waiting_ < kBatchRecords && bytes_ < kBatchBytes) return absl::OkStatus();
  return Write();
}

absl::Status StreamImport::Write() {
  waiting_ = 0;
  bytes_ = 0;
  return writer_->Write();
}

absl::Status StreamImport::Sync() {
  FULCRUM_RETURN_IF_ERROR(Write());
  return writer_->SyncWritten();
}

absl::Status StreamImport::Finish() {
  writer_->AddLastDictionary(last_us_);
  return Sync();
}

absl::Status StreamImport::Close(Lsn decisions_lsn) {
  writer_->AddMark(decision_log::kFlagClosed, decisions_lsn, last_us_);
  FULCRUM_RETURN_IF_ERROR(writer_->Write());
  FULCRUM_RETURN_IF_ERROR(writer_->TrimReserved());
  return writer_->SyncWritten();
}

}  // namespace fulcrum::exchange
