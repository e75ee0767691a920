#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/record_codec.h"
#include "decision_log/stream_reader.h"
#include "fulcrum/decision_log_reader.h"

namespace fulcrum {
namespace {

using decision_log::Found;
using decision_log::RecordView;
using decision_log::Stream;
using decision_log::StreamReader;

// What both readers do; they differ in what they make of a payload.
class Cursor {
 public:
  static absl::StatusOr<std::unique_ptr<Cursor>> Open(const std::string& directory, Stream stream,
                                                      LsnRange range) {
    base::FileSystem* const files = base::PosixFileSystem();
    FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(directory + "/decisions"));
    if (!exists) {
      return absl::NotFoundError(
          absl::StrCat("'", directory, "' is not a decision log: it has no folder 'decisions'"));
    }
    auto cursor = std::make_unique<Cursor>(directory, stream, range.last);
    FULCRUM_ASSIGN_OR_RETURN(cursor->reader_,
                             StreamReader::Open(files, directory, stream, range.after));
    return cursor;
  }

  Cursor(std::string directory, Stream stream, Lsn last)
      : directory_(std::move(directory)), stream_(stream), last_(last) {}

  // True and a record, or false and `end`.
  absl::StatusOr<bool> Next(RecordView* record) {
    if (end_ != LogEnd::kNone) return false;
    if (reader_->last_lsn() >= last_) return Ended();
    if (std::exchange(refresh_, false)) FULCRUM_RETURN_IF_ERROR(reader_->Refresh());
    FULCRUM_ASSIGN_OR_RETURN(const Found found,
                             std::exchange(torn_, false)
                                 ? reader_->LookAgain(record)
                                 : reader_->GoOn(std::exchange(resume_, false), record));
    if (found == Found::kRecord) return record->header.lsn <= last_ || Ended();
    if (found == Found::kEnd) return Ended();
    const decision_log::Damage& damage = reader_->damage();
    damage_ = {damage.segment, damage.offset, damage.lsn, damage.what};
    if (damage.quarantined.has_value()) {
      damage_.what = decision_log::ToString(*damage.quarantined);
      damage_.quarantined_lsn = damage.quarantined->last;
      end_ = LogEnd::kQuarantined;
      resume_ = true;
      return false;
    }
    FULCRUM_ASSIGN_OR_RETURN(
        torn_, decision_log::IsTornTail(base::PosixFileSystem(), directory_, stream_, damage));
    end_ = torn_ ? LogEnd::kTornTail : LogEnd::kCorrupt;
    resume_ = !torn_;
    return false;
  }

  // The record's envelope is right, but not what it holds.
  void RefusePayload(const RecordView& record, absl::string_view what) {
    damage_ = {
        absl::StrCat(StreamName(stream_), "/", decision_log::SegmentName(reader_->segment())),
        record.offset, record.header.lsn, std::string(what)};
    end_ = LogEnd::kCorrupt;
  }

  void Resume() { refresh_ = std::exchange(end_, LogEnd::kNone) == LogEnd::kClean; }
  LogEnd end() const { return end_; }
  const LogDamage& damage() const { return damage_; }

 private:
  bool Ended() {
    end_ = LogEnd::kClean;
    return false;
  }

  const std::string directory_;
  const Stream stream_;
  const Lsn last_;
  std::unique_ptr<StreamReader> reader_;
  bool torn_ = false;     // at a place that may be only half written
  bool resume_ = false;   // behind damage
  bool refresh_ = false;  // behind the end
  LogEnd end_ = LogEnd::kNone;
  LogDamage damage_;
};

}  // namespace

std::string ToString(const LogDamage& damage) {
  if (damage.quarantined_lsn != 0) return damage.what;
  return decision_log::ToString(
      decision_log::Damage{damage.segment, damage.offset, damage.lsn, damage.what});
}

struct DecisionLogReader::State {
  std::unique_ptr<Cursor> cursor;
};

DecisionLogReader::DecisionLogReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
DecisionLogReader::~DecisionLogReader() = default;

absl::StatusOr<std::unique_ptr<DecisionLogReader>> DecisionLogReader::Open(
    const std::string& directory, Lsn after) {
  return Open(directory, LsnRange{.after = after});
}

absl::StatusOr<std::unique_ptr<DecisionLogReader>> DecisionLogReader::Open(
    const std::string& directory, LsnRange range) {
  auto state = std::make_unique<State>();
  FULCRUM_ASSIGN_OR_RETURN(state->cursor, Cursor::Open(directory, Stream::kDecisions, range));
  return std::unique_ptr<DecisionLogReader>(new DecisionLogReader(std::move(state)));
}

absl::StatusOr<bool> DecisionLogReader::Next(LogEntry* entry) {
  RecordView record;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, state_->cursor->Next(&record));
  if (!found) return false;
  const absl::Status parsed =
      decision_log::ParseEvent(record.header.type, record.payload, &entry->event);
  if (!parsed.ok()) {
    state_->cursor->RefusePayload(record, parsed.message());
    return false;
  }
  entry->lsn = record.header.lsn;
  entry->time_us = record.header.time_us;
  return true;
}

LogEnd DecisionLogReader::end() const {
  return state_->cursor->end();
}
const LogDamage& DecisionLogReader::damage() const {
  return state_->cursor->damage();
}
void DecisionLogReader::Resume() {
  state_->cursor->Resume();
}

struct FeatureSnapshotReader::State {
  std::unique_ptr<Cursor> cursor;
};

FeatureSnapshotReader::FeatureSnapshotReader(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
FeatureSnapshotReader::~FeatureSnapshotReader() = default;

absl::StatusOr<std::unique_ptr<FeatureSnapshotReader>> FeatureSnapshotReader::Open(
    const std::string& directory, Lsn after) {
  auto state = std::make_unique<State>();
  FULCRUM_ASSIGN_OR_RETURN(state->cursor,
                           Cursor::Open(directory, Stream::kFeatures, LsnRange{.after = after}));
  return std::unique_ptr<FeatureSnapshotReader>(new FeatureSnapshotReader(std::move(state)));
}

absl::StatusOr<bool> FeatureSnapshotReader::Next(FeatureEntry* entry) {
  RecordView record;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, state_->cursor->Next(&record));
  if (!found) return false;
  absl::StatusOr<FeatureSnapshot> snapshot = decision_log::ParseSnapshot(record.payload);
  if (!snapshot.ok()) {
    state_->cursor->RefusePayload(record, snapshot.status().message());
    return false;
  }
  *entry = {record.header.lsn, record.header.time_us, *std::move(snapshot)};
  return true;
}

LogEnd FeatureSnapshotReader::end() const {
  return state_->cursor->end();
}
const LogDamage& FeatureSnapshotReader::damage() const {
  return state_->cursor->damage();
}
void FeatureSnapshotReader::Resume() {
  state_->cursor->Resume();
}

}  // namespace fulcrum
