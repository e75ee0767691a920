#include "decision_log/stream_writer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/kill_point.h"
#include "base/status_macros.h"

namespace fulcrum::decision_log {
namespace {

// A dictionary pays as long as it is small beside what it is for.
constexpr uint64_t kSegmentsPerDictionary = 64;
constexpr size_t kDictionaryMin = size_t{1} << 10;
// A segment repeats its dictionary after so many bytes, so that beginning in the middle is cheap.
constexpr uint64_t kDictionaryEvery = uint64_t{4} << 20;
// The second copy stands so far behind the first that no damaged sector or page takes both.
constexpr uint64_t kDictionaryApart = uint64_t{8} << 10;

// One decision's features are several times as long as its record.
size_t DictionaryMax(Stream stream) {
  return (stream == Stream::kDecisions ? size_t{32} : size_t{64}) << 10;
}

void RaiseTo(Lsn lsn, std::atomic<Lsn>* value) {
  Lsn seen = value->load(std::memory_order_relaxed);
  while (seen < lsn && !value->compare_exchange_weak(seen, lsn, std::memory_order_release)) {
  }
}

}  // namespace

StreamWriter::StreamWriter(base::FileSystem* files, std::string directory, Stream stream,
                           const StreamOptions& options, const StreamTail& tail)
    : files_(files),
      directory_(std::move(directory)),
      stream_(stream),
      options_(options),
      added_lsn_(tail.last_lsn),
      added_crc_(tail.last_crc),
      written_lsn_(tail.last_lsn) {}

std::string StreamWriter::folder() const {
  return absl::StrCat(directory_, "/", StreamName(stream_));
}

std::shared_ptr<base::AppendFile> StreamWriter::file() {
  const base::MutexLock lock(&file_mutex_);
  return file_;
}

absl::StatusOr<std::unique_ptr<StreamWriter>> StreamWriter::Open(
    base::FileSystem* files, const std::string& directory, Stream stream, const StreamTail& tail,
    std::unique_ptr<SegmentBook> book, const StreamOptions& options, int64_t now_us) {
  std::unique_ptr<StreamWriter> writer(new StreamWriter(files, directory, stream, options, tail));
  FULCRUM_RETURN_IF_ERROR(tail.segment == 0 ? writer->BeginSegment(now_us)
                                            : writer->GoOn(tail, std::move(book), now_us));
  RaiseTo(tail.last_lsn, &writer->durable_lsn_);
  FULCRUM_RETURN_IF_ERROR(writer->Raise(writer->NoteWritten()));
  return writer;
}

// Synced before the room is taken again: torn bytes must not come back behind new records.
absl::Status StreamWriter::CutOff(const StreamTail& tail, std::shared_ptr<base::AppendFile>* file) {
  const std::string path = absl::StrCat(folder(), "/", SegmentName(tail.segment));
  FULCRUM_ASSIGN_OR_RETURN(*file, files_->OpenForAppend(path, base::OpenMode::kAppend));
  FULCRUM_RETURN_IF_ERROR((*file)->Truncate(tail.end_offset));
  return (*file)->Sync();
}

absl::Status StreamWriter::GoOn(const StreamTail& tail, std::unique_ptr<SegmentBook> book,
                                int64_t now_us) {
  std::shared_ptr<base::AppendFile> file;
  FULCRUM_RETURN_IF_ERROR(CutOff(tail, &file));
  const bool finished = book == nullptr || book->finished();
  if (finished) {
    // A segment of version 1 stays what it is; the next record begins one of this version.
    if (book != nullptr) chain_ = book->chain();
    const bool empty = tail.last_lsn < tail.segment;
    if (empty) {
      FULCRUM_RETURN_IF_ERROR(
          files_->Remove(absl::StrCat(folder(), "/", SegmentName(tail.segment))));
    }
    return BeginSegment(now_us);
  }
  FULCRUM_RETURN_IF_ERROR(file->Preallocate(options_.segment_bytes));
  FULCRUM_RETURN_IF_ERROR(files_->SyncDirectory(folder()));
  segment_first_lsn_.store(tail.segment, std::memory_order_release);
  book_ = std::move(book);
  if (options_.compress) compressor_.SetDictionary(book_->dictionary());
  const base::MutexLock lock(&file_mutex_);
  file_ = std::move(file);
  return absl::OkStatus();
}

// On a full disk the segment gets no more room than the mark of an orderly end needs.
absl::Status StreamWriter::BeginSegment(int64_t now_us) {
  absl::Status begun = TryBeginSegment(now_us, options_.segment_bytes);
  if (!MakeRoom(begun, options_.ballast)) return begun;
  const std::string path = absl::StrCat(folder(), "/", SegmentName(added_lsn_ + 1));
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files_->Exists(path));
  if (exists) FULCRUM_RETURN_IF_ERROR(files_->Remove(path));
  return TryBeginSegment(now_us, kSegmentHeaderBytes);
}

absl::Status StreamWriter::TryBeginSegment(int64_t now_us, uint64_t reserve) {
  const SegmentHeader header{.stream = stream_,
                             .first_lsn = added_lsn_ + 1,
                             .created_us = now_us,
                             .previous_crc = added_crc_,
                             .chain = chain_};
  const std::string path = absl::StrCat(folder(), "/", SegmentName(header.first_lsn));
  FULCRUM_ASSIGN_OR_RETURN(std::shared_ptr<base::AppendFile> file,
                           files_->OpenForAppend(path, base::OpenMode::kCreateNew));
  FULCRUM_RETURN_IF_ERROR(file->Preallocate(reserve));
  FULCRUM_RETURN_IF_ERROR(file->Append(EncodeSegmentHeader(header)));
  // Header and name are durable before the first record: recovery relies on it.
  FULCRUM_RETURN_IF_ERROR(file->Sync());
  FULCRUM_RETURN_IF_ERROR(files_->SyncDirectory(folder()));
  segment_first_lsn_.store(header.first_lsn, std::memory_order_release);
  book_ = std::make_unique<SegmentBook>(header);
  if (options_.compress && samples_.size() >= DictionaryBytes()) {
    compressor_.SetDictionary(samples_);
  }
  samples_.clear();
  const base::MutexLock lock(&file_mutex_);
  file_ = std::move(file);
  return absl::OkStatus();
}

bool StreamWriter::IsFull() {
  if (written_lsn() < segment_first_lsn()) return false;  // it has no record yet
  return book_->end() + last_batch_bytes_ + book_->finish_bytes() > options_.segment_bytes;
}

absl::Status StreamWriter::Prepare(int64_t now_us) {
  if (!buffer_.empty() || !IsFull()) return absl::OkStatus();
  FULCRUM_RETURN_IF_ERROR(FinishSegment(now_us));
  base::KillPoint("log.between_segments");
  return BeginSegment(now_us);
}

absl::Status StreamWriter::FinishSegment(int64_t now_us) {
  AddLastDictionary(now_us);
  const uint64_t index_offset = book_->end();
  for (const std::string& payload : EncodeIndex(book_->Index())) {
    AddAboutLog(RecordType::kIndex, payload, now_us);
  }
  const SegmentFooter footer = book_->Footer(index_offset);
  AddAboutLog(RecordType::kFooter, EncodeFooter(footer), now_us);
  FULCRUM_RETURN_IF_ERROR(Write());
  base::KillPoint("log.before_finish");
  FULCRUM_RETURN_IF_ERROR(SyncWritten());
  chain_ = book_->chain();
  return TrimReserved();
}

absl::Status StreamWriter::TrimReserved() {
  const base::MutexLock lock(&file_mutex_);
  return file_->Truncate(file_->size());
}

size_t StreamWriter::DictionaryBytes() const {
  const size_t bytes =
      std::min<uint64_t>(DictionaryMax(stream_), options_.segment_bytes / kSegmentsPerDictionary);
  return bytes < kDictionaryMin ? ~size_t{0} : bytes;  // never reached
}

// The last payloads of a full dictionary's length are kept: those of a later segment are most like
// what comes next.
void StreamWriter::CollectSample(std::string_view payload) {
  const size_t wanted = DictionaryBytes();
  if (wanted == ~size_t{0} || samples_.size() >= wanted) return;
  samples_.append(payload.substr(0, wanted - samples_.size()));
}

void StreamWriter::AddDictionaryIfDue(int64_t time_us) {
  if (compressor_.dictionary().empty()) {
    if (samples_.size() < DictionaryBytes()) return;
    compressor_.SetDictionary(samples_);
  }
  const int copies = book_->dictionary_copies();
  const uint64_t apart = copies == 1 ? kDictionaryApart : kDictionaryEvery;
  if (copies != 0 && book_->end() - book_->last_dictionary_offset() < apart) return;
  AddAboutLog(RecordType::kDictionary, compressor_.dictionary(), time_us);
}

void StreamWriter::AddLastDictionary(int64_t time_us) {
  if (book_->dictionary_copies() != 1) return;
  AddAboutLog(RecordType::kDictionary, book_->dictionary(), time_us);
}

void StreamWriter::AddAboutLog(RecordType type, std::string_view payload, int64_t time_us) {
  AddRecord(type, 0, payload, added_lsn_, time_us);
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
  std::string_view stored = payload;
  if (options_.compress && HasLsn(type)) stored = compressor_.Compress(payload, &header.flags);
  if ((header.flags & kFlagDictionary) != 0) header.dictionary = compressor_.dictionary_tag();
  header.payload_bytes = static_cast<uint32_t>(stored.size());
  const size_t start = buffer_.size();
  added_crc_ = AppendRecord(header, stored, &buffer_);
  book_->Take(header, std::string_view(buffer_).substr(start), payload);
  added_lsn_ = lsn;
  RaiseTo(header.durable_lsn, &proven_lsn_);
}

Lsn StreamWriter::Add(RecordType type, std::string_view payload, int64_t time_us) {
  if (options_.compress) {
    CollectSample(payload);
    AddDictionaryIfDue(time_us);
  }
  AddRecord(type, 0, payload, added_lsn_ + 1, time_us);
  if (book_->block_is_full()) AddAboutLog(RecordType::kBlock, book_->Block(), time_us);
  return added_lsn_;
}

void StreamWriter::AddMark(uint8_t flags, Lsn decisions_lsn, int64_t time_us) {
  AddRecord(RecordType::kMark, flags, EncodeMark(decisions_lsn), added_lsn_, time_us);
}

absl::Status StreamWriter::Write() {
  if (buffer_.empty()) return absl::OkStatus();
  const std::shared_ptr<base::AppendFile> written = file();
  FULCRUM_RETURN_IF_ERROR(AppendMakingRoom(written.get(), buffer_, options_.ballast));
  unsynced_bytes_.fetch_add(buffer_.size(), std::memory_order_relaxed);
  written_bytes_.fetch_add(buffer_.size(), std::memory_order_relaxed);
  last_batch_bytes_ = buffer_.size();
  buffer_.clear();
  const bool events = added_lsn_ > written_lsn();
  const StreamEnd end = NoteWritten();
  return events && !options_.raise_when_synced ? Raise(end) : absl::OkStatus();
}

StreamEnd StreamWriter::NoteWritten() {
  const base::MutexLock lock(&file_mutex_);
  written_ = {segment_first_lsn(), file_->size(), added_lsn_};
  written_lsn_.store(added_lsn_, std::memory_order_release);
  return written_;
}

absl::Status StreamWriter::SyncWritten() {
  std::shared_ptr<base::AppendFile> file;
  StreamEnd end;
  {
    // In this order: a rotation in between syncs the old file itself, before it sets the new one.
    const base::MutexLock lock(&file_mutex_);
    end = written_;
    file = file_;
  }
  const uint64_t bytes = unsynced_bytes_.load(std::memory_order_relaxed);
  FULCRUM_RETURN_IF_ERROR(file->Sync());
  unsynced_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  RaiseTo(end.lsn, &durable_lsn_);
  return Raise(end);
}

absl::Status StreamWriter::Raise(const StreamEnd& end) {
  return options_.high_water == nullptr ? absl::OkStatus()
                                        : options_.high_water->Raise(stream_, end);
}

}  // namespace fulcrum::decision_log
