#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/stream_reader.h"
#include "fulcrum/decision_log_reader.h"

namespace fulcrum {
namespace {

using decision_log::IndexEntry;
using decision_log::ReadSummary;
using decision_log::SegmentSummary;
using decision_log::Stream;

struct Block {
  const IndexEntry* entry = nullptr;
  LsnRange lsns;
};

std::vector<Block> BlocksOf(const SegmentSummary& summary, const LsnRange& segment) {
  std::vector<Block> blocks;
  for (size_t i = 0; i < summary.index.size(); ++i) {
    const Lsn end = i + 1 < summary.index.size() ? summary.index[i + 1].next_lsn - 1 : segment.last;
    blocks.push_back({&summary.index[i], {summary.index[i].next_lsn - 1, end}});
  }
  return blocks;
}

// The LSN before the first event of `range` that was appended at `time_us` or later, if there is
// one that can be read.
absl::StatusOr<std::optional<Lsn>> FirstSince(const std::string& directory, LsnRange range,
                                              int64_t time_us) {
  FULCRUM_ASSIGN_OR_RETURN(const auto reader, DecisionLogReader::Open(directory, range));
  for (;;) {
    LogEntry entry;
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
    if (found && entry.time_us >= time_us) return std::optional<Lsn>(entry.lsn - 1);
    if (found) continue;
    if (reader->end() == LogEnd::kClean) return std::optional<Lsn>();
    reader->Resume();
  }
}

absl::StatusOr<Lsn> LastLsn(const std::string& directory, Lsn after) {
  FULCRUM_ASSIGN_OR_RETURN(const auto reader, DecisionLogReader::Open(directory, after));
  for (Lsn last = after;;) {
    LogEntry entry;
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
    if (!found && reader->end() == LogEnd::kClean) return last;
    if (!found) reader->Resume();
    last = std::max(last, entry.lsn);
  }
}

absl::Status AddEntriesOf(const std::string& directory, LsnRange range, const DecisionId& id,
                          std::vector<LogEntry>* entries) {
  FULCRUM_ASSIGN_OR_RETURN(const auto reader, DecisionLogReader::Open(directory, range));
  for (;;) {
    LogEntry entry;
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
    if (found) {
      if (EventDecisionId(entry.event) == id) entries->push_back(std::move(entry));
    } else if (reader->end() == LogEnd::kCorrupt) {
      return absl::DataLossError(ToString(reader->damage()));
    } else if (reader->end() != LogEnd::kClean) {
      reader->Resume();
    } else {
      return absl::OkStatus();
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<LogSegment>> ListLogSegments(const std::string& directory) {
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(directory + "/decisions"));
  if (!exists) {
    return absl::NotFoundError(
        absl::StrCat("'", directory, "' is not a decision log: it has no folder 'decisions'"));
  }
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> firsts,
                           decision_log::ListSegments(files, directory, Stream::kDecisions));
  std::vector<LogSegment> segments;
  for (size_t i = 0; i < firsts.size(); ++i) {
    LogSegment segment;
    segment.file =
        absl::StrCat(StreamName(Stream::kDecisions), "/", decision_log::SegmentName(firsts[i]));
    FULCRUM_ASSIGN_OR_RETURN(const auto file,
                             files->OpenForRead(absl::StrCat(directory, "/", segment.file)));
    FULCRUM_ASSIGN_OR_RETURN(segment.bytes, file->Size());
    segment.lsns.after = firsts[i] - 1;
    if (i + 1 < firsts.size()) segment.lsns.last = firsts[i + 1] - 1;
    segments.push_back(std::move(segment));
  }
  return segments;
}

absl::StatusOr<Lsn> SeekLogTime(const std::string& directory, int64_t time_us) {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<LogSegment> segments, ListLogSegments(directory));
  for (const LogSegment& segment : segments) {
    FULCRUM_ASSIGN_OR_RETURN(
        const auto summary,
        ReadSummary(base::PosixFileSystem(), absl::StrCat(directory, "/", segment.file)));
    if (!summary.has_value()) {
      FULCRUM_ASSIGN_OR_RETURN(const auto found, FirstSince(directory, segment.lsns, time_us));
      if (found.has_value()) return *found;
      continue;
    }
    if (summary->footer.stats.records == 0 || summary->footer.stats.max_time_us < time_us) continue;
    for (const Block& block : BlocksOf(*summary, segment.lsns)) {
      if (block.entry->max_time_us < time_us) continue;
      FULCRUM_ASSIGN_OR_RETURN(const auto found, FirstSince(directory, block.lsns, time_us));
      if (found.has_value()) return *found;
    }
  }
  return segments.empty() ? Lsn{0} : LastLsn(directory, segments.back().lsns.after);
}

absl::StatusOr<std::vector<LogEntry>> ReadDecision(const std::string& directory,
                                                   const DecisionId& id) {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<LogSegment> segments, ListLogSegments(directory));
  std::vector<LogEntry> entries;
  for (const LogSegment& segment : segments) {
    FULCRUM_ASSIGN_OR_RETURN(
        const auto summary,
        ReadSummary(base::PosixFileSystem(), absl::StrCat(directory, "/", segment.file)));
    if (!summary.has_value()) {
      FULCRUM_RETURN_IF_ERROR(AddEntriesOf(directory, segment.lsns, id, &entries));
      continue;
    }
    for (const Block& block : BlocksOf(*summary, segment.lsns)) {
      if (!block.entry->ids.MayHold(id)) continue;
      FULCRUM_RETURN_IF_ERROR(AddEntriesOf(directory, block.lsns, id, &entries));
    }
  }
  return entries;
}

}  // namespace fulcrum
