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

absl::Status DurableDamage(const std::string& directory, const Damage& damage) {
  return absl::DataLossError(absl::StrCat(
      "decision log '", directory, "': ", ToString(damage),
      "; this was durable, so it is damage and not a torn write. Nothing was changed. Restore the "
      "log segment from a copy, or keep the directory for inspection (`fulcrum log verify` lists "
      "all damage, `fulcrum log cat` shows what can be read) and start with an empty one"));
}

absl::StatusOr<StreamTail> FindTail(base::FileSystem* files, const std::string& directory,
                                    Stream stream) {
  StreamTail tail;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> segments,
                             ListSegments(files, directory, stream));
    if (segments.empty()) return tail;
    FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> reader,
                             StreamReader::Open(files, directory, stream, segments.back() - 1));
    RecordView record;
    Found found = Found::kRecord;
    while (found == Found::kRecord) {
      FULCRUM_ASSIGN_OR_RETURN(found, reader->Next(&record));
    }
    tail.last_lsn = reader->last_lsn();
    tail.last_crc = reader->last_crc();
    tail.segment = segments.back();
    tail.end_offset = reader->offset();
    tail.closed = reader->ends_closed() && !tail.torn;
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
    tail.segment = 0;
    tail.end_offset = 0;
  }
}

}  // namespace fulcrum::decision_log
