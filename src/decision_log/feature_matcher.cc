#include "decision_log/feature_matcher.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/record_codec.h"

namespace fulcrum::decision_log {
namespace {

// How far a snapshot is looked for. The orders are the same, so anything above a few is generous.
constexpr size_t kAheadMax = 256;
// Decisions that may lack theirs at a crash: what one second of un-synced features can hold.
constexpr size_t kMissingMax = size_t{1} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<FeatureMatcher>> FeatureMatcher::Open(
    base::FileSystem* files, const std::string& directory,
    std::function<absl::Status(const Damage&)> on_damage) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<StreamReader> reader,
                           StreamReader::Open(files, directory, Stream::kFeatures, 0));
  return std::unique_ptr<FeatureMatcher>(
      new FeatureMatcher(std::move(reader), std::move(on_damage)));
}

absl::Status FeatureMatcher::Fill() {
  while (!at_end_ && !epoch_end_.has_value() && ahead_.size() < kAheadMax) {
    RecordView record;
    Found found = Found::kEnd;
    if (resync_) {
      FULCRUM_ASSIGN_OR_RETURN(found, reader_->Resync(&record));
    } else {
      FULCRUM_ASSIGN_OR_RETURN(found, reader_->Next(&record, true));
    }
    resync_ = found == Found::kDamaged;
    if (found == Found::kEnd) at_end_ = true;
    if (found == Found::kDamaged) FULCRUM_RETURN_IF_ERROR(on_damage_(reader_->damage()));
    if (found == Found::kRecord) FULCRUM_RETURN_IF_ERROR(Take(record));
  }
  return absl::OkStatus();
}

absl::Status FeatureMatcher::Take(const RecordView& record) {
  const auto damaged = [&](const absl::Status& status) {
    return on_damage_(
        {absl::StrCat(StreamName(Stream::kFeatures), "/", SegmentName(reader_->segment())),
         record.offset, record.header.lsn, std::string(status.message())});
  };
  if (record.header.type == RecordType::kMark) {
    const absl::StatusOr<Lsn> lsn = DecodeMark(record.payload);
    if (!lsn.ok()) return damaged(lsn.status());
    if ((record.header.flags & kFlagUnclean) != 0) epoch_end_ = *lsn;
    return absl::OkStatus();
  }
  if (record.header.type != RecordType::kFeatureSnapshot) {
    return damaged(absl::DataLossError("the record is not a feature snapshot"));
  }
  const absl::StatusOr<FeatureSnapshot> snapshot = ParseSnapshot(record.payload);
  if (!snapshot.ok()) return damaged(snapshot.status());
  ++snapshots_;
  ahead_.push_back(
      {snapshot->decision_id, snapshot->columns, snapshot->values.size(), record.header.lsn});
  return absl::OkStatus();
}

absl::Status FeatureMatcher::Check(Lsn lsn, const DecisionRecord& record) {
  FULCRUM_RETURN_IF_ERROR(EndEpochsBefore(lsn));
  const auto found = std::find_if(ahead_.begin(), ahead_.end(),
                                  [&](const Snapshot& one) { return one.id == record.id; });
  if (found == ahead_.end()) {
    // Without a model there are no inputs to keep.
    const bool expected = record.replayable == Replayable::kFull && record.versions.model != 0;
    if (expected) missing_.push_back({lsn, record.id});
    if (missing_.size() > kMissingMax) {
      TellMissing(missing_.front());
      missing_.pop_front();
    }
    return absl::OkStatus();
  }
  // Later ones are there: what is missing or left over before was not taken by a crash.
  for (const Missing& one : missing_) TellMissing(one);
  missing_.clear();
  for (auto one = ahead_.begin(); one != found; ++one) Orphan(*one);
  const Snapshot snapshot = *found;
  ahead_.erase(ahead_.begin(), found + 1);
  const size_t values = record.candidates.size() * snapshot.columns;
  tally_.Check(snapshot.values == values, [&] {
    return absl::StrCat("LSN ", lsn, ", decision ", record.id.ToString(), ": ", snapshot.values,
                        " feature values instead of ", record.candidates.size(), " rows of ",
                        snapshot.columns);
  });
  return absl::OkStatus();
}

absl::Status FeatureMatcher::EndEpochsBefore(Lsn lsn) {
  FULCRUM_RETURN_IF_ERROR(Fill());
  while (epoch_end_.has_value() && lsn > *epoch_end_) {
    EndEpoch(true);
    FULCRUM_RETURN_IF_ERROR(Fill());
  }
  return absl::OkStatus();
}

void FeatureMatcher::EndEpoch(bool explained) {
  if (explained) {
    lost_ += missing_.size() + ahead_.size();
  } else {
    for (const Missing& one : missing_) TellMissing(one);
    for (const Snapshot& one : ahead_) Orphan(one);
  }
  missing_.clear();
  ahead_.clear();
  epoch_end_.reset();
}

absl::Status FeatureMatcher::Finish(bool closed) {
  for (;;) {
    FULCRUM_RETURN_IF_ERROR(Fill());
    if (epoch_end_.has_value()) {
      EndEpoch(true);
    } else if (at_end_) {
      EndEpoch(!closed);  // an orderly end syncs both streams before it marks either
      return absl::OkStatus();
    } else {
      Orphan(ahead_.front());  // more than a crash can leave over
      ahead_.pop_front();
    }
  }
}

void FeatureMatcher::Orphan(const Snapshot& snapshot) {
  tally_.Check(false, [&] {
    return absl::StrCat("features LSN ", snapshot.lsn, ": no decision ", snapshot.id.ToString(),
                        " in its place");
  });
}

void FeatureMatcher::TellMissing(const Missing& missing) {
  tally_.Check(false, [&] {
    return absl::StrCat("LSN ", missing.lsn, ", decision ", missing.id.ToString(),
                        ": replayable in full, but without a feature snapshot");
  });
}

}  // namespace fulcrum::decision_log
