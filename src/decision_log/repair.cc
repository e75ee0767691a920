#include "decision_log/repair.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::decision_log {
namespace {

// Bytes of `path` from `offset` to its last one that is not zero.
absl::StatusOr<uint64_t> BytesAfter(base::FileSystem* files, const std::string& path,
                                    uint64_t offset) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::ReadFile> file, files->OpenForRead(path));
  std::string chunk(size_t{64} << 10, '\0');
  uint64_t last = offset;
  for (uint64_t at = offset;;) {
    FULCRUM_ASSIGN_OR_RETURN(const size_t got, file->Read(at, chunk.size(), chunk.data()));
    if (got == 0) return last - offset;
    const size_t end = std::string_view(chunk.data(), got).find_last_not_of('\0');
    if (end != std::string_view::npos) last = at + end + 1;
    at += got;
  }
}

}  // namespace

absl::Status CheckBegins(base::FileSystem* files, const std::string& directory, Lsn after) {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> segments,
                           ListSegments(files, directory, Stream::kDecisions));
  if (segments.empty()) return absl::OkStatus();
  FULCRUM_ASSIGN_OR_RETURN(const Quarantines quarantines,
                           ReadQuarantines(files, directory, Stream::kDecisions));
  const Lsn begin = quarantines.Begin(segments.front());
  if (begin <= after + 1) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "decision log '", directory, "': LSN ", after + 1, " to ", begin - 1,
      " are asked for, but the log begins with LSN ", begin,
      ": what is before was deleted by retention. Bring the log segments back from a copy, or "
      "begin with a state that holds the log up to LSN ",
      begin - 1, " (a checkpoint, or a model whose counts_lsn is at least that)"));
}

absl::Status DurableDamage(const std::string& directory, const Damage& damage) {
  return absl::DataLossError(absl::StrCat(
      "decision log '", directory, "': ", ToString(damage),
      "; this was durable, so it is damage and not a torn write. Nothing was changed. Restore the "
      "log segment from a copy, or take it out with `fulcrum log quarantine` (`fulcrum log verify` "
      "lists all damage, `fulcrum log cat` shows what can be read)"));
}

namespace {

// Whether segments were quarantined behind the last one that is there; then `last_lsn` is theirs.
absl::StatusOr<bool> EndsQuarantined(base::FileSystem* files, const std::string& directory,
                                     Stream stream, const std::vector<Lsn>& segments,
                                     Lsn* last_lsn) {
  FULCRUM_ASSIGN_OR_RETURN(const Quarantines quarantines,
                           ReadQuarantines(files, directory, stream));
  // What it says of the end is not known: numbers might be given twice.
  if (!quarantines.unreadable.empty()) {
    return absl::DataLossError(absl::StrCat(
        quarantines.unreadable.front(),
        ": this manifest of a quarantined log segment is damaged. "
        "Restore it from a copy, or put the segment back into its place and run `fulcrum log "
        "quarantine` again"));
  }
  if (quarantines.all.empty()) return false;
  const Quarantine& last = quarantines.all.back();
  if (!segments.empty() && last.first < segments.back()) return false;
  *last_lsn = last.last;
  return true;
}

}  // namespace

absl::StatusOr<StreamTail> FindTail(base::FileSystem* files, const std::string& directory,
                                    Stream stream, std::unique_ptr<SegmentBook>* book) {
  StreamTail tail;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> segments,
                             ListSegments(files, directory, stream));
    FULCRUM_ASSIGN_OR_RETURN(tail.quarantined,
                             EndsQuarantined(files, directory, stream, segments, &tail.last_lsn));
    if (tail.quarantined || segments.empty()) return tail;
    FULCRUM_ASSIGN_OR_RETURN(
        const std::unique_ptr<StreamReader> reader,
        StreamReader::Open(files, directory, stream, segments.back() - 1, Checks::kBooks));
    RecordView record;
    Found found = Found::kRecord;
    while (found == Found::kRecord) {
      FULCRUM_ASSIGN_OR_RETURN(found, reader->Next(&record));
    }
    tail.last_lsn = reader->last_lsn();
    tail.last_crc = reader->last_crc();
    tail.segment = segments.back();
    tail.version = reader->version();
    tail.end_offset = reader->offset();
    tail.closed = reader->ends_closed() && !tail.torn;
    tail.decisions_synced = reader->decisions_synced();
    tail.synced_by_close = reader->synced_by_close();
    tail.decisions_written = reader->decisions_written();
    *book = reader->TakeBook();
    if (found == Found::kEnd) return tail;

    const Damage damage = reader->damage();
    FULCRUM_ASSIGN_OR_RETURN(const bool torn, reader->DamageIsTornTail());
    if (!torn) return DurableDamage(directory, damage);
    const std::string path = absl::StrCat(directory, "/", damage.segment);
    FULCRUM_ASSIGN_OR_RETURN(const uint64_t bytes, BytesAfter(files, path, damage.offset));
    tail.torn = true;
    tail.closed = false;
    tail.torn_bytes += bytes;
    tail.what = ToString(damage);
    tail.end_offset = damage.offset;
    if (damage.offset != 0) return tail;
    // Not even its header: the segment had only just been begun. The one before it is the last.
    FULCRUM_RETURN_IF_ERROR(files->Remove(path));
    FULCRUM_RETURN_IF_ERROR(files->SyncDirectory(absl::StrCat(directory, "/", StreamName(stream))));
    book->reset();
    tail.segment = 0;
    tail.end_offset = 0;
  }
}

absl::StatusOr<std::optional<StreamEnd>> FindLostEnd(base::FileSystem* files,
                                                     const std::string& directory,
                                                     const HighWater& mark, Stream stream,
                                                     const StreamEnd& end) {
  const StreamEnd& known = mark.of(stream);
  // By LSN as well: records about the log may stand where lost events were.
  if (known <= end && known.lsn <= end.lsn) return std::nullopt;
  FULCRUM_ASSIGN_OR_RETURN(const Quarantines quarantines,
                           ReadQuarantines(files, directory, stream));
  if (quarantines.Of(known.segment) != nullptr) return std::nullopt;
  return known;
}

Damage DamageAtEnd(Stream stream, const StreamEnd& end, std::string_view what) {
  return {.segment = absl::StrCat(StreamName(stream), "/", SegmentName(end.segment)),
          .offset = end.offset,
          .lsn = end.lsn + 1,
          .what = std::string(what)};
}

namespace {

// Whether the features stream has the mark of the orderly end at which `last` was the last LSN of
// decisions. If a segment was begun since, the mark is in the one before.
absl::StatusOr<bool> HasMarkOfEnd(base::FileSystem* files, const std::string& directory,
                                  const StreamTail& features, Lsn last) {
  if (features.synced_by_close && features.decisions_synced == last) return true;
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> segments,
                           ListSegments(files, directory, Stream::kFeatures));
  if (segments.empty() || features.segment != segments.back()) return false;
  // Retention may have removed the one before: then nothing can be said.
  if (segments.size() == 1) return segments.front() > 1;
  FULCRUM_ASSIGN_OR_RETURN(const Quarantines quarantines,
                           ReadQuarantines(files, directory, Stream::kFeatures));
  if (quarantines.Of(segments.back() - 1) != nullptr) return true;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> reader,
                           StreamReader::Open(files, directory, Stream::kFeatures,
                                              segments[segments.size() - 2] - 1, Checks::kBooks));
  RecordView record;
  Found found = Found::kRecord;
  while (found == Found::kRecord) {
    if (reader->synced_by_close() && reader->decisions_synced() == last) return true;
    FULCRUM_ASSIGN_OR_RETURN(found, reader->Next(&record, true));
  }
  return false;
}

}  // namespace

absl::Status CheckTogether(base::FileSystem* files, const std::string& directory,
                           const StreamTail& decisions, const StreamTail& features) {
  if (features.decisions_synced > decisions.last_lsn) {
    return DurableDamage(
        directory,
        DamageAtEnd(Stream::kDecisions, decisions.end(),
                    absl::StrCat("the stream ends here, but that of features says that LSN ",
                                 features.decisions_synced, " had been synced")));
  }
  // Version 1 did not sync one mark before the other.
  if (!decisions.closed || decisions.version == 1) return absl::OkStatus();
  // The mark may have been in a segment that is quarantined.
  if (features.quarantined) return absl::OkStatus();
  FULCRUM_ASSIGN_OR_RETURN(const bool whole,
                           HasMarkOfEnd(files, directory, features, decisions.last_lsn));
  if (whole) return absl::OkStatus();
  return DurableDamage(
      directory, DamageAtEnd(Stream::kFeatures, features.end(),
                             "the stream lacks the mark of an orderly end that decisions has"));
}

}  // namespace fulcrum::decision_log
