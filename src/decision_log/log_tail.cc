#include "decision_log/log_tail.h"

#include <optional>
#include <vector>

#include "base/status_macros.h"
#include "decision_log/record_codec.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::decision_log {
namespace {

// When the first decision at or after `first` and before `end` occurred.
absl::StatusOr<std::optional<absl::Time>> FirstDecision(base::FileSystem* files,
                                                        const std::string& directory, Lsn first,
                                                        Lsn end) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> reader,
                           StreamReader::Open(files, directory, Stream::kDecisions, first - 1));
  for (;;) {
    RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(const Found found, reader->Next(&record));
    // Damage is for those to report who read the log in earnest.
    if (found != Found::kRecord || record.header.lsn >= end) return std::optional<absl::Time>();
    if (record.header.type != RecordType::kDecision) continue;
    const auto event = ParseEvent(record.header.type, record.payload);
    if (!event.ok()) return std::optional<absl::Time>();
    return std::optional(absl::FromUnixMicros(std::get<DecisionRecord>(*event).occurred_us));
  }
}

}  // namespace

absl::StatusOr<Lsn> StartOfTail(base::FileSystem* files, const std::string& directory,
                                absl::Duration span) {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> segments,
                           ListSegments(files, directory, Stream::kDecisions));
  Lsn end = ~Lsn{0};
  std::optional<absl::Time> newest;  // of those that begin a segment
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    FULCRUM_ASSIGN_OR_RETURN(const auto begins, FirstDecision(files, directory, *segment, end));
    end = *segment;
    if (!begins) continue;
    if (!newest) newest = begins;
    if (*newest - *begins >= span) return *segment - 1;
  }
  return segments.empty() ? Lsn{0} : segments.front() - 1;
}

}  // namespace fulcrum::decision_log
