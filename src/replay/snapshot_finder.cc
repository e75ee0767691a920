#include "replay/snapshot_finder.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "decision_log/record_codec.h"

namespace fulcrum::replay {
namespace {

using decision_log::Found;
using decision_log::RecordView;
using decision_log::Stream;
using decision_log::StreamReader;

// How far a snapshot is looked for. The orders are the same, so anything above a few is generous.
constexpr size_t kAheadMax = 256;

}  // namespace

absl::StatusOr<std::unique_ptr<SnapshotFinder>> SnapshotFinder::Open(base::FileSystem* files,
                                                                     const std::string& directory) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<StreamReader> reader,
                           StreamReader::Open(files, directory, Stream::kFeatures, 0));
  return std::unique_ptr<SnapshotFinder>(new SnapshotFinder(std::move(reader)));
}

absl::StatusOr<FeatureSnapshot*> SnapshotFinder::Find(Lsn lsn, int64_t time_us,
                                                      const DecisionId& id) {
  for (;;) {
    FULCRUM_RETURN_IF_ERROR(Fill());
    if (epoch_end_.has_value() && lsn > *epoch_end_) {
      ahead_.clear();  // what a crash left over
      epoch_end_.reset();
      continue;
    }
    if (TakeFromWindow(id)) return &found_;
    // A window full of what is older: a crash or damage took more than that from the decisions.
    if (ahead_.size() < kAheadMax || !DropBefore(time_us)) return nullptr;
  }
}

bool SnapshotFinder::TakeFromWindow(const DecisionId& id) {
  const auto found = std::find_if(ahead_.begin(), ahead_.end(),
                                  [&](const Ahead& one) { return one.snapshot.decision_id == id; });
  if (found == ahead_.end()) return false;
  found_ = std::move(found->snapshot);
  ahead_.erase(ahead_.begin(), found + 1);  // those before belong to decisions that are past
  return true;
}

bool SnapshotFinder::DropBefore(int64_t time_us) {
  const size_t before = ahead_.size();
  while (!ahead_.empty() && ahead_.front().time_us < time_us) ahead_.pop_front();
  return ahead_.size() < before;
}

absl::Status SnapshotFinder::Fill() {
  while (!at_end_ && !epoch_end_.has_value() && ahead_.size() < kAheadMax) {
    RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(const Found found, reader_->GoOn(resync_, &record, /*marks=*/true));
    resync_ = found == Found::kDamaged;
    at_end_ = found == Found::kEnd;
    if (resync_ && !reader_->damage().quarantined.has_value()) ++damaged_;
    if (found == Found::kRecord) Take(record);
  }
  return absl::OkStatus();
}

void SnapshotFinder::Take(const RecordView& record) {
  if (record.header.type == decision_log::RecordType::kMark) {
    const absl::StatusOr<Lsn> lsn = decision_log::DecodeMark(record.payload);
    if (!lsn.ok()) {
      ++damaged_;
    } else if ((record.header.flags & decision_log::kFlagUnclean) != 0) {
      epoch_end_ = *lsn;
    }
    return;
  }
  absl::StatusOr<FeatureSnapshot> snapshot = decision_log::ParseSnapshot(record.payload);
  if (snapshot.ok()) {
    ahead_.push_back({record.header.time_us, *std::move(snapshot)});
  } else {
    ++damaged_;
  }
}

}  // namespace fulcrum::replay
