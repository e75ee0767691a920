#include "replay/verify.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/ordered_batches.h"
#include "base/status_macros.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/history.h"
#include "replay/scores.h"
#include "replay/selection.h"
#include "replay/snapshot_finder.h"

namespace fulcrum::replay {
namespace {

void CountSays(const DecisionRecord& record, ReplayReport* report) {
  switch (record.replayable) {
    case Replayable::kFull:
      ++report->says_full;
      break;
    case Replayable::kSelection:
      ++report->says_selection;
      break;
    case Replayable::kNone:
      ++report->says_none;
      break;
  }
}

// A decision with all that it takes to decide it again, and what came of that.
struct Item {
  Lsn lsn = 0;
  DecisionRecord record;
  std::optional<FeatureSnapshot> snapshot;
  std::optional<World> world;
  std::string why;  // there is no world
  Comparison selection;
  Comparison full;
};

// They come back from the comparing thread as a whole, so that the one that folds lets go of the
// worlds.
using Batch = std::vector<Item>;
constexpr size_t kBatch = 32;

bool MayBeFull(const DecisionRecord& record) {
  return HasSelection(record) && record.replayable == Replayable::kFull;
}

Comparison CompareFull(const Item& item) {
  const DecisionRecord& record = item.record;
  if (!HasSelection(record)) return NotReplayed("the answer was not drawn");
  if (record.replayable != Replayable::kFull) {
    return NotReplayed(absl::StrCat("the record says so: ", record.replayable_reason));
  }
  if (!item.world.has_value()) return NotReplayed(item.why);
  return CompareScores(record, item.snapshot.has_value() ? &*item.snapshot : nullptr, *item.world);
}

// Every event of a log that can be read, in LSN order.
class Walk {
 public:
  // What cannot be read is noted in `report`, unless that is null.
  static absl::StatusOr<std::unique_ptr<Walk>> Open(const std::string& directory,
                                                    ReplayReport* report) {
    FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<DecisionLogReader> reader,
                             DecisionLogReader::Open(directory));
    return std::unique_ptr<Walk>(new Walk(std::move(reader), report));
  }

  absl::StatusOr<bool> Next(LogEntry* entry) {
    for (;;) {
      FULCRUM_ASSIGN_OR_RETURN(const bool found, reader_->Next(entry));
      if (found || reader_->end() == LogEnd::kClean) return found;
      if (report_ != nullptr) Note();
      reader_->Resume();
    }
  }

 private:
  Walk(std::unique_ptr<DecisionLogReader> reader, ReplayReport* report)
      : reader_(std::move(reader)), report_(report) {}

  void Note() {
    if (reader_->end() == LogEnd::kTornTail) report_->torn_tail = true;
    if (reader_->end() == LogEnd::kQuarantined) {
      report_->quarantined.push_back(ToString(reader_->damage()));
    }
    if (reader_->end() == LogEnd::kCorrupt && report_->corrupt++ == 0) {
      report_->first_corrupt = ToString(reader_->damage());
    }
  }

  std::unique_ptr<DecisionLogReader> reader_;
  ReplayReport* report_;
};

class Verifier {
 public:
  Verifier(base::FileSystem* files, std::string directory, const ReplayOptions& options)
      : files_(files),
        directory_(std::move(directory)),
        options_(options),
        full_(options.level == Level::kFull),
        history_(files, directory_) {}

  absl::StatusOr<ReplayReport> Run() {
    if (full_) {
      FULCRUM_RETURN_IF_ERROR(Announce());
      FULCRUM_ASSIGN_OR_RETURN(snapshots_, SnapshotFinder::Open(files_, directory_));
    }
    FULCRUM_ASSIGN_OR_RETURN(walk_, Walk::Open(directory_, &report_));
    base::OrderedBatches<Batch, Batch> batches(
        options_.threads, [this] { return NextBatch(); },
        [this](Batch batch) { return Compare(std::move(batch)); });
    for (;;) {
      FULCRUM_ASSIGN_OR_RETURN(const std::optional<Batch> batch, batches.Next());
      if (!batch.has_value()) break;
      for (const Item& item : *batch) Count(item);
    }
    if (full_ && snapshots_->damaged() != 0) {
      report_.corrupt += snapshots_->damaged();
      if (report_.first_corrupt.empty()) {
        report_.first_corrupt = absl::StrCat("features stream: ", snapshots_->damaged(),
                                             " places; `fulcrum log verify` names them");
      }
    }
    return std::move(report_);
  }

 private:
  absl::Status Announce() {
    FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<Walk> walk, Walk::Open(directory_, nullptr));
    LogEntry entry;
    for (;;) {
      FULCRUM_ASSIGN_OR_RETURN(const bool found, walk->Next(&entry));
      if (!found) return absl::OkStatus();
      const auto* const record = std::get_if<DecisionRecord>(&entry.event);
      if (record != nullptr && MayBeFull(*record)) history_.Announce(entry.lsn, *record);
      last_ = entry.lsn;
    }
  }

  // The reading thread: the next decisions with their inputs.
  absl::StatusOr<std::optional<Batch>> NextBatch() {
    Batch batch;
    batch.reserve(kBatch);
    LogEntry entry;
    while (batch.size() < kBatch) {
      FULCRUM_ASSIGN_OR_RETURN(const bool found, walk_->Next(&entry));
      if (!found) break;
      if (full_ && entry.lsn > last_) continue;  // written since the first walk
      auto* const record = std::get_if<DecisionRecord>(&entry.event);
      if (record != nullptr) {
        batch.emplace_back();
        batch.back().lsn = entry.lsn;
      }
      if (full_) FULCRUM_RETURN_IF_ERROR(FindInputs(entry, record, &batch));
      if (record != nullptr) batch.back().record = std::move(*record);
    }
    if (batch.empty()) return std::optional<Batch>();
    return std::optional<Batch>(std::move(batch));
  }

  absl::Status FindInputs(const LogEntry& entry, const DecisionRecord* record, Batch* batch) {
    if (record != nullptr) {
      Item& item = batch->back();
      FULCRUM_ASSIGN_OR_RETURN(FeatureSnapshot* const snapshot,
                               snapshots_->Find(entry.lsn, entry.time_us, record->id));
      if (snapshot != nullptr) item.snapshot = std::move(*snapshot);
      if (MayBeFull(*record)) item.world = history_.Find(entry.lsn, *record, &item.why);
    }
    history_.Apply(entry.lsn, entry.event);
    return absl::OkStatus();
  }

  // Any thread.
  absl::StatusOr<Batch> Compare(Batch batch) const {
    for (Item& item : batch) {
      item.selection = CompareSelection(item.record);
      if (!full_) {
        item.full = NotReplayed("only the selection was asked for");
        continue;
      }
      item.full = CompareFull(item);
      // Equal inputs and an equal draw from them: decided again as a whole.
      if (item.full.identical() && !item.selection.identical()) item.full = item.selection;
    }
    return batch;
  }

  // In the log's order.
  void Count(const Item& item) {
    const DecisionRecord& record = item.record;
    const bool undegraded = record.answer == Answer::kFull;
    ++report_.decisions;
    CountSays(record, &report_);
    report_.undegraded += undegraded ? 1 : 0;
    report_.undegraded_full += undegraded && record.replayable == Replayable::kFull ? 1 : 0;
    if (item.selection.identical()) ++report_.selection_identical;
    if (item.full.identical()) {
      ++report_.full_identical;
      report_.undegraded_identical += undegraded ? 1 : 0;
    }
    if (!item.selection.not_replayed.empty()) {
      ++report_.selection_not_replayed[item.selection.not_replayed];
    }
    if (!item.full.not_replayed.empty()) ++report_.full_not_replayed[item.full.not_replayed];
    // The scores come first: a wrong posterior is the cause, wrong ticks what follows from it.
    const auto& difference =
        item.full.difference.has_value() ? item.full.difference : item.selection.difference;
    if (difference.has_value() && report_.different++ == 0) {
      report_.first_difference = ReplayReport::Place{item.lsn, record.id, *difference};
    }
  }

  base::FileSystem* const files_;
  const std::string directory_;
  const ReplayOptions options_;
  const bool full_;
  History history_;
  std::unique_ptr<SnapshotFinder> snapshots_;
  std::unique_ptr<Walk> walk_;
  Lsn last_ = 0;  // of the first walk
  ReplayReport report_;
};

}  // namespace

absl::StatusOr<ReplayReport> VerifyReplay(base::FileSystem* files, const std::string& directory,
                                          const ReplayOptions& options) {
  return Verifier(files, directory, options).Run();
}

}  // namespace fulcrum::replay
