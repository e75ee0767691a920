#include "decision_log/stream_writer.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::decision_log {
namespace {

void RaiseTo(Lsn lsn, std::atomic<Lsn>* value) {
  Lsn seen = value->load(std::memory_order_relaxed);
  while (seen < lsn && !value->compare_exchange_weak(seen, lsn, std::memory_order_release)) {
  }
}

}  // namespace

StreamWriter::StreamWriter(base::FileSystem* files, std::string directory, Stream stream,
                           uint64_t segment_bytes, const StreamTail& tail)
    : files_(files),
      directory_(std::move(directory)),
      stream_(stream),
      segment_bytes_(segment_bytes),
      added_lsn_(tail.last_lsn),
      added_crc_(tail.last_crc),
      written_crc_(tail.last_crc),
      written_lsn_(tail.last_lsn) {}

std::string StreamWriter::folder() const {
  return absl::StrCat(directory_, "/", StreamName(stream_));
}

absl::StatusOr<std::unique_ptr<StreamWriter>> StreamWriter::Open(
    base::FileSystem* files, const std::string& directory, Stream stream, const StreamTail& tail,
    uint64_t segment_bytes, int64_t now_us) {
  std::unique_ptr<StreamWriter> writer(
      new StreamWriter(files, directory, stream, segment_bytes, tail));
  FULCRUM_RETURN_IF_ERROR(tail.segment == 0 ? writer->BeginSegment(now_us) : writer->Reopen(tail));
  RaiseTo(tail.last_lsn, &writer->durable_lsn_);
  return writer;
}

absl::Status StreamWriter::Reopen(const StreamTail& tail) {
  const std::string path = absl::StrCat(folder(), "/", SegmentName(tail.segment));
  FULCRUM_ASSIGN_OR_RETURN(std::shared_ptr<base::AppendFile> file,
                           files_->OpenForAppend(path, base::OpenMode::kAppend));
  FULCRUM_RETURN_IF_ERROR(file->Truncate(tail.end_offset));
  // Synced before the room is taken again: torn bytes must not come back behind new records.
  FULCRUM_RETURN_IF_ERROR(file->Sync());
  FULCRUM_RETURN_IF_ERROR(file->Preallocate(segment_bytes_));
  FULCRUM_RETURN_IF_ERROR(files_->SyncDirectory(folder()));
  segment_first_lsn_ = tail.segment;
  const base::MutexLock lock(&file_mutex_);
  file_ = std::move(file);
  return absl::OkStatus();
}

absl::Status StreamWriter::BeginSegment(int64_t now_us) {
  const Lsn first_lsn = written_lsn() + 1;
  const std::string path = absl::StrCat(folder(), "/", SegmentName(first_lsn));
  FULCRUM_ASSIGN_OR_RETURN(std::shared_ptr<base::AppendFile> file,
                           files_->OpenForAppend(path, base::OpenMode::kCreateNew));
  FULCRUM_RETURN_IF_ERROR(file->Preallocate(segment_bytes_));
  FULCRUM_RETURN_IF_ERROR(file->Append(EncodeSegmentHeader({.stream = stream_,
                                                            .first_lsn = first_lsn,
                                                            .created_us = now_us,
                                                            .previous_crc = written_crc_})));
  // Header and name are durable before the first record: recovery relies on it.
  FULCRUM_RETURN_IF_ERROR(file->Sync());
  FULCRUM_RETURN_IF_ERROR(files_->SyncDirectory(folder()));
  segment_first_lsn_ = first_lsn;
  const base::MutexLock lock(&file_mutex_);
  file_ = std::move(file);
  return absl::OkStatus();
}

absl::Status StreamWriter::Rotate(int64_t now_us) {
  FULCRUM_RETURN_IF_ERROR(SyncWritten());
  FULCRUM_RETURN_IF_ERROR(TrimReserved());
  return BeginSegment(now_us);
}

absl::Status StreamWriter::TrimReserved() {
  const base::MutexLock lock(&file_mutex_);
  return file_->Truncate(file_->size());
}

void StreamWriter::AddRecord(RecordType type, uint8_t flags, std::string_view payload, Lsn lsn,
                             int64_t time_us) {
  RecordHeader header;
  header.type = type;
  header.flags = flags;
  header.previous_crc = added_crc_;
  header.lsn = lsn;
  header.time_us = time_us;
  header.durable_lsn = durable_lsn();
  added_crc_ = AppendRecord(header, payload, &buffer_);
  added_lsn_ = lsn;
  RaiseTo(header.durable_lsn, &proven_lsn_);
}

Lsn StreamWriter::Add(RecordType type, std::string_view payload, int64_t time_us) {
  AddRecord(type, 0, payload, added_lsn_ + 1, time_us);
  return added_lsn_;
}

void StreamWriter::AddMark(uint8_t flags, Lsn decisions_lsn, int64_t time_us) {
  AddRecord(RecordType::kMark, flags, EncodeMark(decisions_lsn), added_lsn_, time_us);
}

absl::Status StreamWriter::Write(int64_t now_us) {
  if (buffer_.empty()) return absl::OkStatus();
  const bool has_records = written_lsn() >= segment_first_lsn_;
  uint64_t size = 0;
  {
    const base::MutexLock lock(&file_mutex_);
    size = file_->size();
  }
  if (has_records && size + buffer_.size() > segment_bytes_) {
    FULCRUM_RETURN_IF_ERROR(Rotate(now_us));
  }
  std::shared_ptr<base::AppendFile> file;
  {
    const base::MutexLock lock(&file_mutex_);
    file = file_;
  }
  FULCRUM_RETURN_IF_ERROR(file->Append(buffer_));
  unsynced_bytes_.fetch_add(buffer_.size(), std::memory_order_relaxed);
  written_bytes_.fetch_add(buffer_.size(), std::memory_order_relaxed);
  written_crc_ = added_crc_;
  written_lsn_.store(added_lsn_, std::memory_order_release);
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status StreamWriter::SyncWritten() {
  std::shared_ptr<base::AppendFile> file;
  Lsn covered = 0;
  {
    // In this order: a rotation in between syncs the old file itself, before it sets the new one.
    const base::MutexLock lock(&file_mutex_);
    covered = written_lsn();
    file = file_;
  }
  const uint64_t bytes = unsynced_bytes_.load(std::memory_order_relaxed);
  FULCRUM_RETURN_IF_ERROR(file->Sync());
  unsynced_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  RaiseTo(covered, &durable_lsn_);
  return absl::OkStatus();
}

}  // namespace fulcrum::decision_log
