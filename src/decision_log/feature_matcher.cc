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
    base::FileSystem* files, const std::string& directory, size_t threads,
    std::function<absl::Status(const Damage&)> on_damage) {
  FULCRUM_ASSIGN_OR_RETURN(
      std::unique_ptr<StreamReader> reader,
      StreamReader::Open(files, directory, Stream::kFeatures, 0, Checks::kBooks));
  return std::unique_ptr<FeatureMatcher>(
      new FeatureMatcher(std::move(reader), threads, std::move(on_damage)));
}

absl::StatusOr<FeatureMatcher::Items> FeatureMatcher::Parse(const std::vector<Looked>& records) {
  Items items;
  items.reserve(records.size());
  for (const Looked& record : records) items.push_back(ParseOne(record));
  return items;
}

FeatureMatcher::Item FeatureMatcher::ParseOne(const Looked& record) {
  if (record.damaged) return {.damage = record.damage};
  const auto damaged = [&](const absl::Status& status) {
    return Item{.damage = record.DamageOf(Stream::kFeatures, std::string(status.message()))};
  };
  if (record.header.type == RecordType::kMark) {
    const absl::StatusOr<Lsn> lsn = DecodeMark(record.payload);
    if (!lsn.ok()) return damaged(lsn.status());
    return {.mark = true, .flags = record.header.flags, .decisions_lsn = *lsn};
  }
  if (record.header.type != RecordType::kFeatureSnapshot) {
    return damaged(absl::DataLossError("the record is not a feature snapshot"));
  }
  const absl::StatusOr<FeatureSnapshot> snapshot = ParseSnapshot(record.payload);
  if (!snapshot.ok()) return damaged(snapshot.status());
  return {.snapshot = {snapshot->decision_id, snapshot->columns, snapshot->values.size(),
                       record.header.lsn, record.header.time_us}};
}

absl::Status FeatureMatcher::Fill() {
  while (!at_end_ && !epoch_end_.has_value() && ahead_.size() < kAheadMax) {
    if (items_.empty()) {
      FULCRUM_ASSIGN_OR_RETURN(std::optional<Items> items, batches_.Next());
      at_end_ = !items.has_value();
      if (at_end_) break;
      items_.assign(std::make_move_iterator(items->begin()), std::make_move_iterator(items->end()));
    }
    const Item item = std::move(items_.front());
    items_.pop_front();
    if (!item.damage.has_value()) {
      Take(item);
      continue;
    }
    if (item.damage->quarantined.has_value()) {
      begun_ = false;
      features_from_us_ = INT64_MAX;
    }
    FULCRUM_RETURN_IF_ERROR(on_damage_(*item.damage));
  }
  return absl::OkStatus();
}

void FeatureMatcher::Take(const Item& item) {
  if (item.mark) {
    if ((item.flags & kFlagUnclean) != 0) epoch_end_ = item.decisions_lsn;
    if ((item.flags & kFlagClosed) != 0) closed_lsn_ = item.decisions_lsn;
    return;
  }
  ++snapshots_;
  const Snapshot& snapshot = item.snapshot;
  if (!std::exchange(begun_, true) && snapshot.lsn > 1) features_from_us_ = snapshot.time_us;
  if (snapshot.time_us < decisions_from_us_) {
    ++lost_;
  } else {
    ahead_.push_back(snapshot);
  }
}

void FeatureMatcher::DecisionsBegin(int64_t time_us) {
  decisions_from_us_ = time_us;
  const size_t before = ahead_.size();
  std::erase_if(ahead_, [&](const Snapshot& one) { return one.time_us < time_us; });
  lost_ += before - ahead_.size();
}

// Makes room behind a gap: snapshots of its last batch may have the time of what comes next.
bool FeatureMatcher::DropDeleted() {
  bool dropped = false;
  while (ahead_.size() == kAheadMax && ahead_.front().time_us <= decisions_from_us_) {
    ahead_.pop_front();
    ++lost_;
    dropped = true;
  }
  return dropped;
}

absl::Status FeatureMatcher::Check(Lsn lsn, int64_t time_us, const DecisionRecord& record) {
  FULCRUM_RETURN_IF_ERROR(EndEpochsBefore(lsn));
  const auto find = [&] {
    return std::find_if(ahead_.begin(), ahead_.end(),
                        [&](const Snapshot& one) { return one.id == record.id; });
  };
  auto found = find();
  while (found == ahead_.end() && DropDeleted()) {
    FULCRUM_RETURN_IF_ERROR(Fill());
    found = find();
  }
  if (found == ahead_.end()) {
    // Without a model there are no inputs to keep.
    const bool expected = record.replayable == Replayable::kFull && record.versions.model != 0;
    if (expected) missing_.push_back({lsn, time_us, record.id});
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
    EndEpoch(true, true);
    FULCRUM_RETURN_IF_ERROR(Fill());
  }
  return absl::OkStatus();
}

void FeatureMatcher::EndEpoch(bool missing_explained, bool left_over_explained) {
  for (const Missing& one : missing_) {
    if (!missing_explained) TellMissing(one);
  }
  for (const Snapshot& one : ahead_) {
    if (!left_over_explained) Orphan(one);
  }
  lost_ += (missing_explained ? missing_.size() : 0) + (left_over_explained ? ahead_.size() : 0);
  missing_.clear();
  ahead_.clear();
  epoch_end_.reset();
}

absl::Status FeatureMatcher::Finish(bool closed) {
  for (;;) {
    FULCRUM_RETURN_IF_ERROR(Fill());
    if (epoch_end_.has_value()) {
      EndEpoch(true, true);
    } else if (at_end_) {
      // An orderly end syncs both streams before it marks either. What features has behind its mark
      // was written by a writer that died before it came to decisions.
      EndEpoch(!closed, !reader_->ends_closed());
      return absl::OkStatus();
    } else {
      Orphan(ahead_.front());  // more than a crash can leave over
      ahead_.pop_front();
    }
  }
}

void FeatureMatcher::Orphan(const Snapshot& snapshot) {
  if (snapshot.time_us <= decisions_from_us_) {
    ++lost_;
    return;
  }
  tally_.Check(false, [&] {
    return absl::StrCat("features LSN ", snapshot.lsn, ": no decision ", snapshot.id.ToString(),
                        " in its place");
  });
}

void FeatureMatcher::TellMissing(const Missing& missing) {
  if (missing.time_us <= features_from_us_) {
    ++lost_;
    return;
  }
  tally_.Check(false, [&] {
    return absl::StrCat("LSN ", missing.lsn, ", decision ", missing.id.ToString(),
                        ": replayable in full, but without a feature snapshot");
  });
}

}  // namespace fulcrum::decision_log
