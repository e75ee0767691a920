#include "decision_log/quarantine_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "decision_log/log_writer.h"
#include "decision_log/segment_book.h"
#include "decision_log/segment_scanner.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::decision_log {
namespace {

// No record with an LSN of its own takes less.
constexpr uint64_t kRecordBytesMin = RecordBytes(1);

class Planner {
 public:
  explicit Planner(const QuarantineOptions& options)
      : options_(options), files_(options.files), directory_(options.directory) {}

  absl::StatusOr<QuarantinePlan> Run() {
    FULCRUM_ASSIGN_OR_RETURN(const VerifyReport report,
                             VerifyLog(files_, directory_, {.threads = options_.threads}));
    for (const Stream stream : {Stream::kDecisions, Stream::kFeatures}) {
      FULCRUM_RETURN_IF_ERROR(PlanStream(stream, report));
    }
    FULCRUM_RETURN_IF_ERROR(FindUnaudited());
    return std::move(plan_);
  }

 private:
  absl::Status PlanStream(Stream stream, const VerifyReport& report) {
    FULCRUM_ASSIGN_OR_RETURN(segments_, ListSegments(files_, directory_, stream));
    FULCRUM_ASSIGN_OR_RETURN(quarantines_, ReadQuarantines(files_, directory_, stream));
    for (const Quarantine& one : quarantines_.all) {
      const bool retired = !segments_.empty() && quarantines_.Begin(segments_.front()) > one.first;
      if (!retired) plan_.known.push_back(one);
    }
    std::map<Lsn, std::string> reasons;  // by the segment's first LSN
    for (const CorruptPlace& place : report.corrupt) {
      if (place.stream != stream) continue;
      std::optional<Lsn> segment;
      if (!place.at_end()) {
        FULCRUM_ASSIGN_OR_RETURN(segment, SegmentToBlame(stream, place.damage));
      }
      if (segment.has_value()) {
        reasons.emplace(*segment, ToString(place.damage));
      } else {
        plan_.left.push_back(place);
      }
    }
    for (const auto& [first, reason] : reasons) {
      FULCRUM_ASSIGN_OR_RETURN(Quarantine one, Describe(stream, first));
      one.reason = reason;
      plan_.segments.push_back(std::move(one));
    }
    return absl::OkStatus();
  }

  std::string PathOf(Stream stream, Lsn first) const {
    return absl::StrCat(directory_, "/", StreamName(stream), "/", SegmentName(first));
  }

  // The segment that is damaged; none if one is missing.
  absl::StatusOr<std::optional<Lsn>> SegmentToBlame(Stream stream, const Damage& damage) const {
    constexpr std::optional<Lsn> kNone;
    const std::string folder = absl::StrCat(StreamName(stream), "/");
    if (!damage.segment.starts_with(folder)) return kNone;
    const std::optional<Lsn> named = FirstLsnOfName(damage.segment.substr(folder.size()));
    if (!named.has_value()) return kNone;
    const auto at = std::lower_bound(segments_.begin(), segments_.end(), *named);
    if (at == segments_.end() || *at != *named) return kNone;
    if (damage.offset != 0) return named;
    FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<SegmentScanner> scanner,
                             SegmentScanner::Open(files_, PathOf(stream, *named)));
    const absl::StatusOr<SegmentHeader>& header = scanner->header();
    const bool whole = header.ok() && header->stream == stream && header->first_lsn == *named;
    if (!whole || at == segments_.begin()) return named;
    // It does not follow the one before: either that one lost its end, or one between is missing.
    const Lsn before = *std::prev(at);
    FULCRUM_ASSIGN_OR_RETURN(const auto summary, ReadSummary(files_, PathOf(stream, before)));
    const bool missing = *named > damage.lsn;
    if (summary.has_value()) return missing ? kNone : named;
    FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<SegmentScanner> other,
                             SegmentScanner::Open(files_, PathOf(stream, before)));
    // Segments of version 1 have no footer that would tell one from the other.
    const bool unfinished = !other->header().ok() || other->header()->version > 1;
    if (!unfinished && missing) return kNone;
    return unfinished ? before : named;
  }

  // What is in the segment that begins with `first`, and what was.
  absl::StatusOr<Quarantine> Describe(Stream stream, Lsn first) const {
    const Lsn next = Behind(first);
    LsnSpans readable;
    Lsn known = first - 1;
    FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> reader,
                             StreamReader::Open(files_, directory_, stream, first - 1));
    bool damaged = false;
    for (;;) {
      RecordView record;
      FULCRUM_ASSIGN_OR_RETURN(const Found found, reader->GoOn(damaged, &record, /*marks=*/true));
      damaged = found == Found::kDamaged;
      const bool gap = damaged && reader->damage().quarantined.has_value();
      if (found == Found::kEnd || gap || reader->segment() != first) break;
      if (damaged) continue;
      known = std::max({known, record.header.lsn, record.header.durable_lsn});
      const Lsn lsn = record.header.lsn;
      if (!HasLsn(record.header.type) || lsn >= next) continue;
      if (!readable.empty() && readable.back().second + 1 == lsn) {
        readable.back().second = lsn;
      } else {
        readable.emplace_back(lsn, lsn);
      }
    }
    Quarantine one{.stream = stream,
                   .first = first,
                   .last = next - 1,
                   .known = next - 1,
                   .readable = ToString(readable),
                   .actor = options_.actor,
                   .at_us = absl::ToUnixMicros(options_.clock->Now())};
    if (next == ~Lsn{0}) {
      FULCRUM_ASSIGN_OR_RETURN(one.known, KnownAtEnd(stream, first, known));
      FULCRUM_ASSIGN_OR_RETURN(one.last, LastOf(stream, first, one.known));
    }
    one.lost = ToString(Complement(readable, first, one.known));
    return one;
  }

  // The first LSN behind the segment; ~0 if it is the stream's last one.
  Lsn Behind(Lsn first) const {
    const auto segment = std::upper_bound(segments_.begin(), segments_.end(), first);
    Lsn next = segment == segments_.end() ? ~Lsn{0} : *segment;
    const Quarantine* const gap = quarantines_.Next(first + 1, ~Lsn{0});
    if (gap != nullptr && gap->first > first) next = std::min(next, gap->first);
    return next;
  }

  // The log's high-water mark may know, and of decisions the features stream's marks.
  absl::StatusOr<Lsn> KnownAtEnd(Stream stream, Lsn first, Lsn known) const {
    FULCRUM_ASSIGN_OR_RETURN(const HighWater mark, ReadHighWater(files_, directory_));
    if (mark.of(stream).segment == first) known = std::max(known, mark.of(stream).lsn);
    if (stream == Stream::kFeatures) return known;
    FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> features,
                             StreamReader::Open(files_, directory_, Stream::kFeatures, 0));
    for (Found found = Found::kRecord; found != Found::kEnd;) {
      RecordView record;
      FULCRUM_ASSIGN_OR_RETURN(found, features->GoOn(found == Found::kDamaged, &record));
      known = std::max({known, features->decisions_synced(), features->decisions_written()});
    }
    return known;
  }

  // Numbers for which the file had room are not given again: a checkpoint, an acknowledgement or a
  // copy may know records of theirs.
  absl::StatusOr<Lsn> LastOf(Stream stream, Lsn first, Lsn known) const {
    FULCRUM_ASSIGN_OR_RETURN(const auto file, files_->OpenForRead(PathOf(stream, first)));
    FULCRUM_ASSIGN_OR_RETURN(const uint64_t bytes, file->Size());
    return std::max(known, first + bytes / kRecordBytesMin);
  }

  static LsnSpans Complement(const LsnSpans& readable, Lsn first, Lsn last) {
    LsnSpans lost;
    Lsn from = first;
    for (const auto& [begin, end] : readable) {
      if (begin > from) lost.emplace_back(from, begin - 1);
      from = std::max(from, end + 1);
    }
    if (from <= last) lost.emplace_back(from, last);
    return lost;
  }

  // Those whose audit record is not in the log: the run that took them out did not finish.
  absl::Status FindUnaudited() {
    if (plan_.known.empty()) return absl::OkStatus();
    std::set<std::pair<std::string, int64_t>> audited;
    FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> reader,
                             StreamReader::Open(files_, directory_, Stream::kDecisions, 0));
    for (Found found = Found::kRecord; found != Found::kEnd;) {
      RecordView record;
      FULCRUM_ASSIGN_OR_RETURN(found, reader->GoOn(found == Found::kDamaged, &record));
      if (found == Found::kDamaged) {
        // Opening the log for writing cuts off a torn tail, with whole records that are in it.
        FULCRUM_ASSIGN_OR_RETURN(
            const bool torn, IsTornTail(files_, directory_, Stream::kDecisions, reader->damage()));
        if (torn) break;
      }
      if (found != Found::kRecord || record.header.type != RecordType::kAudit) continue;
      const absl::StatusOr<LogEvent> event = ParseEvent(RecordType::kAudit, record.payload);
      if (!event.ok()) continue;
      const auto& audit = std::get<AuditRecord>(*event);
      if (audit.action == kQuarantineAction) audited.insert({audit.target, audit.occurred_us});
    }
    for (const Quarantine& one : plan_.known) {
      if (!audited.contains({SegmentOf(one), one.at_us})) plan_.unaudited.push_back(one);
    }
    return absl::OkStatus();
  }

  const QuarantineOptions& options_;
  base::FileSystem* const files_;
  const std::string& directory_;
  std::vector<Lsn> segments_;  // of the stream that is being planned
  Quarantines quarantines_;
  QuarantinePlan plan_;
};

absl::Status Audit(const QuarantineOptions& options, std::unique_ptr<base::FileLock> lock,
                   const std::vector<Quarantine>& quarantines) {
  LogOptions log;
  log.directory = options.directory;
  log.files = options.files;
  log.clock = options.clock;
  log.lock = std::move(lock);
  RecoveryReport report;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<LogWriter> writer,
                           LogWriter::Open(std::move(log), &report));
  writer->Start();
  for (const Quarantine& one : quarantines) {
    FULCRUM_RETURN_IF_ERROR(writer->Append(AuditOf(one), std::nullopt, nullptr));
  }
  FULCRUM_RETURN_IF_ERROR(writer->Flush());
  return writer->Stop();
}

}  // namespace

absl::StatusOr<QuarantinePlan> PlanQuarantine(const QuarantineOptions& options) {
  FULCRUM_CHECK(options.clock != nullptr);
  return Planner(options).Run();
}

absl::StatusOr<QuarantinePlan> ApplyQuarantine(const QuarantineOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists,
                           options.files->Exists(options.directory + "/decisions"));
  if (!exists) return PlanQuarantine(options);  // says so
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<base::FileLock> lock,
                           options.files->Lock(options.directory + "/LOCK"));
  std::vector<Quarantine> done;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(QuarantinePlan plan, PlanQuarantine(options));
    for (const Quarantine& one : plan.segments) {
      FULCRUM_RETURN_IF_ERROR(MoveToQuarantine(options.files, options.directory, one));
    }
    done.insert(done.end(), plan.segments.begin(), plan.segments.end());
    if (!plan.segments.empty()) continue;
    if (!plan.unaudited.empty()) {
      FULCRUM_RETURN_IF_ERROR(Audit(options, std::move(lock), plan.unaudited));
    }
    plan.segments = std::move(done);
    return plan;
  }
}

}  // namespace fulcrum::decision_log
