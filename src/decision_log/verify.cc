#include "decision_log/verify.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/ordered_batches.h"
#include "base/status_macros.h"
#include "decision_log/feature_matcher.h"
#include "decision_log/invariants.h"
#include "decision_log/record_batches.h"
#include "decision_log/record_codec.h"
#include "decision_log/repair.h"

namespace fulcrum::decision_log {
namespace {

// Records as one of the threads has parsed and checked them.
struct Judged {
  std::vector<Looked> records;
  std::vector<absl::StatusOr<LogEvent>> events;  // one for each that is not damaged
  RecordInvariants invariants;
};

absl::StatusOr<Judged> Judge(std::vector<Looked> records) {
  Judged judged;
  judged.events.reserve(records.size());
  for (const Looked& one : records) {
    if (one.damaged) continue;
    judged.events.push_back(DecodeEvent(one.header.type, one.payload));
    const absl::StatusOr<LogEvent>& event = judged.events.back();
    if (event.ok()) judged.invariants.Check(one.header.lsn, *event);
  }
  judged.records = std::move(records);
  return judged;
}

class Verifier {
 public:
  Verifier(base::FileSystem* files, std::string directory, const VerifyOptions& options)
      : files_(files), directory_(std::move(directory)), threads_(options.threads) {}

  absl::StatusOr<VerifyReport> Run() {
    // First: a writer may raise it while the log is read.
    FULCRUM_ASSIGN_OR_RETURN(high_water_, ReadHighWater(files_, directory_));
    FULCRUM_ASSIGN_OR_RETURN(quarantines_, ReadQuarantines(files_, directory_, Stream::kDecisions));
    FULCRUM_ASSIGN_OR_RETURN(
        features_, FeatureMatcher::Open(
                       files_, directory_, threads_ - threads_ / 2,
                       [this](const Damage& damage) { return Tell(Stream::kFeatures, damage); }));
    FULCRUM_RETURN_IF_ERROR(WalkDecisions());
    report_.snapshots = features_->snapshots();
    report_.snapshots_lost = features_->lost();
    report_.invariants = {invariants_.ticks_sum(), invariants_.draw_matches(),
                          invariants_.masked_not_drawn(), limits_.result(),
                          invariants_.time_budget()};
    report_.invariants.push_back(gives_back_.result());
    report_.invariants.push_back(lsn_consecutive_.result());
    report_.invariants.push_back(features_->result());
    return std::move(report_);
  }

 private:
  absl::Status WalkDecisions() {
    FULCRUM_ASSIGN_OR_RETURN(
        const std::unique_ptr<StreamReader> reader,
        StreamReader::Open(files_, directory_, Stream::kDecisions, 0, Checks::kBooks));
    RecordBatches source(reader.get(), /*marks=*/false);
    base::OrderedBatches<std::vector<Looked>, Judged> batches(
        threads_ / 2 + 1, [&source] { return source.Next(); }, Judge);
    for (;;) {
      FULCRUM_ASSIGN_OR_RETURN(const std::optional<Judged> batch, batches.Next());
      if (!batch.has_value()) break;
      invariants_.Merge(batch->invariants);
      auto event = batch->events.begin();
      for (const Looked& one : batch->records) {
        FULCRUM_RETURN_IF_ERROR(one.damaged ? Tell(Stream::kDecisions, one.damage)
                                            : Check(one, *event++));
      }
    }
    FULCRUM_RETURN_IF_ERROR(features_->Finish(reader->ends_closed()));
    FULCRUM_RETURN_IF_ERROR(CheckEnds(reader.get()));
    FULCRUM_RETURN_IF_ERROR(CheckHighWater(Stream::kDecisions, *reader));
    return CheckHighWater(Stream::kFeatures, features_->reader());
  }

  // What each stream's marks say of the other's end: a stream that was shortened looks like one
  // that was written no further.
  absl::Status CheckEnds(StreamReader* reader) {
    const Lsn last = reader->last_lsn();
    FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> segments,
                             ListSegments(files_, directory_, Stream::kFeatures));
    // A lone segment that is not the first: retention may have removed the one with the mark.
    const bool orderly = reader->ends_closed() && reader->version() > 1 &&
                         (segments.size() != 1 || segments.front() == 1);
    if (orderly && !Told(Stream::kFeatures) && !features_->ends_quarantined() &&
        !features_->HasMarkOfEnd(last)) {
      return Tell(Stream::kFeatures,
                  DamageAtEnd(Stream::kFeatures, EndOf(features_->reader()),
                              "the stream lacks the mark of an orderly end that decisions has"),
                  true);
    }
    if (features_->decisions_synced() <= last || Told(Stream::kDecisions)) return absl::OkStatus();
    RecordView record;  // unless it was only being written
    FULCRUM_RETURN_IF_ERROR(reader->Refresh());
    FULCRUM_ASSIGN_OR_RETURN(const Found found, reader->Next(&record));
    if (found != Found::kEnd) return absl::OkStatus();
    return Tell(
        Stream::kDecisions,
        DamageAtEnd(Stream::kDecisions, EndOf(*reader),
                    absl::StrCat("the stream ends here, but that of features says that LSN ",
                                 features_->decisions_synced(), " had been synced")),
        true);
  }

  bool Told(Stream stream) const {
    return std::any_of(report_.corrupt.begin(), report_.corrupt.end(),
                       [&](const CorruptPlace& place) { return place.stream == stream; });
  }

  static StreamEnd EndOf(const StreamReader& reader) {
    return {reader.segment(), reader.offset(), reader.last_lsn()};
  }

  // What the high-water mark says of a stream's end, if nothing else does.
  absl::Status CheckHighWater(Stream stream, const StreamReader& reader) {
    StreamEnd end = EndOf(reader);
    FULCRUM_ASSIGN_OR_RETURN(const auto lost,
                             FindLostEnd(files_, directory_, high_water_, stream, end));
    if (!lost.has_value() || Told(stream)) return absl::OkStatus();
    if (report_.corrupt_count++ >= kCorruptMax) return absl::OkStatus();
    end.segment = std::max(end.segment, Lsn{1});
    const std::string what = absl::StrCat("the stream ends here, but ", kKnownByHighWater,
                                          " says that it had been written to offset ", lost->offset,
                                          " of ", SegmentName(lost->segment), ", LSN ", lost->lsn);
    report_.corrupt.push_back(
        {.stream = stream, .damage = DamageAtEnd(stream, end, what), .lost_tail = true});
    return absl::OkStatus();
  }

  absl::Status Check(const Looked& record, const absl::StatusOr<LogEvent>& event) {
    const Lsn lsn = record.header.lsn;
    const bool begins = expected_lsn_ == 0 && lsn > 1;
    if (std::exchange(behind_gap_, false) || begins) {
      features_->DecisionsBegin(record.header.time_us);
    }
    const Lsn expected = std::exchange(expected_lsn_, lsn + 1);
    if (expected != 0) {
      lsn_consecutive_.Check(lsn == quarantines_.Given(expected), [&] {
        return absl::StrCat("LSN ", lsn, " follows LSN ", expected - 1);
      });
    }
    if (!event.ok()) {
      return Tell(Stream::kDecisions,
                  record.DamageOf(Stream::kDecisions, std::string(event.status().message())));
    }
    ++report_.records;
    limits_.Check(lsn, *event);
    gives_back_.Check(lsn, *event);
    const auto* const decision = std::get_if<DecisionRecord>(&*event);
    return decision == nullptr ? absl::OkStatus()
                               : features_->Check(lsn, record.header.time_us, *decision);
  }

  absl::Status Tell(Stream stream, const Damage& damage, bool durable = false) {
    if (damage.quarantined.has_value()) {
      report_.quarantined.push_back(*damage.quarantined);
      if (stream == Stream::kFeatures) return absl::OkStatus();
      behind_gap_ = true;
      expected_lsn_ = damage.quarantined->last + 1;
      limits_.Restart();
      gives_back_.Restart();
      return absl::OkStatus();
    }
    if (report_.corrupt_count++ >= kCorruptMax) return absl::OkStatus();
    bool torn = false;
    if (!durable) {
      FULCRUM_ASSIGN_OR_RETURN(torn, IsTornTail(files_, directory_, stream, damage));
    }
    report_.corrupt.push_back({.stream = stream, .damage = damage, .torn_tail = torn});
    return absl::OkStatus();
  }

  base::FileSystem* const files_;
  const std::string directory_;
  const size_t threads_;
  HighWater high_water_;
  Quarantines quarantines_;  // of decisions
  VerifyReport report_;
  RecordInvariants invariants_;
  LimitInvariant limits_;
  GiveBackInvariant gives_back_;
  Tally lsn_consecutive_{"lsn_consecutive"};
  bool behind_gap_ = false;
  Lsn expected_lsn_ = 0;  // 0: any, the log may have been shortened at its beginning
  std::unique_ptr<FeatureMatcher> features_;
};

}  // namespace

bool VerifyReport::clean() const {
  for (const Invariant& one : invariants) {
    if (one.violated != 0) return false;
  }
  return corrupt_count == 0 && quarantined.empty();
}

absl::StatusOr<VerifyReport> VerifyLog(base::FileSystem* files, const std::string& directory,
                                       const VerifyOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(directory + "/decisions"));
  if (!exists) {
    return absl::NotFoundError(
        absl::StrCat("'", directory, "' is not a decision log: it has no folder 'decisions'"));
  }
  return Verifier(files, directory, options).Run();
}

}  // namespace fulcrum::decision_log
