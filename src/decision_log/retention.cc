#include "decision_log/retention.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/kill_point.h"
#include "base/status_macros.h"
#include "decision_log/segment_book.h"
#include "decision_log/segment_scanner.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::decision_log {
namespace {

// When the last record of `path` had been appended, at the latest: its footer says so, or else the
// next segment's header, which was made after it. The later of both, lest a clock that was set back
// deletes too early. DATA_LOSS if the next header cannot be read.
absl::StatusOr<int64_t> EndTime(base::FileSystem* files, const std::string& path,
                                const std::string& next_path) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<SegmentScanner> next,
                           SegmentScanner::Open(files, next_path));
  FULCRUM_RETURN_IF_ERROR(next->header().status());
  FULCRUM_ASSIGN_OR_RETURN(const std::optional<SegmentSummary> summary, ReadSummary(files, path));
  const int64_t created = next->header()->created_us;
  return summary.has_value() ? std::max(created, summary->footer.stats.max_time_us) : created;
}

}  // namespace

absl::StatusOr<Retired> RetireSegments(base::FileSystem* files, const std::string& directory,
                                       Stream stream, absl::Time before, Lsn keep_from) {
  Retired retired;
  const std::string folder = absl::StrCat(directory, "/", StreamName(stream));
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> segments, ListSegments(files, directory, stream));
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    if (segments[i + 1] > keep_from) break;
    const std::string path = absl::StrCat(folder, "/", SegmentName(segments[i]));
    FULCRUM_ASSIGN_OR_RETURN(
        const int64_t end_us,
        EndTime(files, path, absl::StrCat(folder, "/", SegmentName(segments[i + 1]))));
    if (end_us >= absl::ToUnixMicros(before)) break;
    FULCRUM_RETURN_IF_ERROR(files->Remove(path));
    base::KillPoint("log.retired");
    // Else a power loss might keep this one and lose the next: a hole in the stream.
    FULCRUM_RETURN_IF_ERROR(files->SyncDirectory(folder));
    ++retired.segments;
    retired.last_lsn = segments[i + 1] - 1;
  }
  return retired;
}

}  // namespace fulcrum::decision_log
