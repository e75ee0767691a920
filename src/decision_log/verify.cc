#include "decision_log/verify.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/feature_matcher.h"
#include "decision_log/invariants.h"
#include "decision_log/record_codec.h"

namespace fulcrum::decision_log {
namespace {

class Verifier {
 public:
  Verifier(base::FileSystem* files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}

  absl::StatusOr<VerifyReport> Run() {
    FULCRUM_ASSIGN_OR_RETURN(features_,
                             FeatureMatcher::Open(files_, directory_, [this](const Damage& damage) {
                               return Tell(Stream::kFeatures, damage);
                             }));
    FULCRUM_RETURN_IF_ERROR(WalkDecisions());
    report_.snapshots = features_->snapshots();
    report_.snapshots_lost = features_->lost();
    report_.invariants = invariants_.Results();
    report_.invariants.push_back(lsn_consecutive_.result());
    report_.invariants.push_back(features_->result());
    return std::move(report_);
  }

 private:
  absl::Status WalkDecisions() {
    FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> reader,
                             StreamReader::Open(files_, directory_, Stream::kDecisions, 0));
    bool resync = false;
    for (;;) {
      RecordView record;
      Found found = Found::kEnd;
      if (resync) {
        FULCRUM_ASSIGN_OR_RETURN(found, reader->Resync(&record));
      } else {
        FULCRUM_ASSIGN_OR_RETURN(found, reader->Next(&record));
      }
      if (found == Found::kEnd) return features_->Finish(reader->ends_closed());
      resync = found == Found::kDamaged;
      FULCRUM_RETURN_IF_ERROR(resync ? Tell(Stream::kDecisions, reader->damage())
                                     : Check(record, reader->segment()));
    }
  }

  absl::Status Check(const RecordView& record, Lsn segment) {
    const Lsn lsn = record.header.lsn;
    const Lsn expected = std::exchange(expected_lsn_, lsn + 1);
    if (expected != 0) {
      lsn_consecutive_.Check(lsn == expected, [&] {
        return absl::StrCat("LSN ", lsn, " follows LSN ", expected - 1);
      });
    }
    const absl::StatusOr<LogEvent> event = DecodeEvent(record.header.type, record.payload);
    if (!event.ok()) {
      return Tell(Stream::kDecisions,
                  {absl::StrCat(StreamName(Stream::kDecisions), "/", SegmentName(segment)),
                   record.offset, lsn, std::string(event.status().message())});
    }
    ++report_.records;
    invariants_.Check(lsn, *event);
    const auto* const decision = std::get_if<DecisionRecord>(&*event);
    return decision == nullptr ? absl::OkStatus() : features_->Check(lsn, *decision);
  }

  absl::Status Tell(Stream stream, const Damage& damage) {
    if (report_.corrupt_count++ >= kCorruptMax) return absl::OkStatus();
    FULCRUM_ASSIGN_OR_RETURN(const bool torn, IsTornTail(files_, directory_, stream, damage));
    report_.corrupt.push_back({stream, damage, torn});
    return absl::OkStatus();
  }

  base::FileSystem* const files_;
  const std::string directory_;
  VerifyReport report_;
  EventInvariants invariants_;
  Tally lsn_consecutive_{"lsn_consecutive"};
  Lsn expected_lsn_ = 0;  // 0: any, the log may have been shortened at its beginning
  std::unique_ptr<FeatureMatcher> features_;
};

}  // namespace

bool VerifyReport::clean() const {
  for (const Invariant& one : invariants) {
    if (one.violated != 0) return false;
  }
  return corrupt_count == 0;
}

absl::StatusOr<VerifyReport> VerifyLog(base::FileSystem* files, const std::string& directory) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(directory + "/decisions"));
  if (!exists) {
    return absl::NotFoundError(
        absl::StrCat("'", directory, "' is not a decision log: it has no folder 'decisions'"));
  }
  return Verifier(files, directory).Run();
}

}  // namespace fulcrum::decision_log
