#include "replay/verify.h"

#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
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

class Verifier {
 public:
  Verifier(base::FileSystem* files, std::string directory)
      : files_(files), directory_(std::move(directory)), history_(files, directory_) {}

  absl::StatusOr<ReplayReport> Run() {
    const auto announce = [this](const LogEntry& entry) { return Announce(entry); };
    const auto replay = [this](const LogEntry& entry) { return Replay(entry); };
    FULCRUM_RETURN_IF_ERROR(Walk(false, announce));
    FULCRUM_ASSIGN_OR_RETURN(snapshots_, SnapshotFinder::Open(files_, directory_));
    FULCRUM_RETURN_IF_ERROR(Walk(true, replay));
    if (snapshots_->damaged() != 0) {
      report_.corrupt += snapshots_->damaged();
      if (report_.first_corrupt.empty()) {
        report_.first_corrupt = absl::StrCat("features stream: ", snapshots_->damaged(),
                                             " places; `fulcrum log verify` names them");
      }
    }
    return std::move(report_);
  }

 private:
  static bool MayBeFull(const DecisionRecord& record) {
    return IsDrawn(record) && record.replayable == Replayable::kFull;
  }

  absl::Status Announce(const LogEntry& entry) {
    const auto* const record = std::get_if<DecisionRecord>(&entry.event);
    if (record != nullptr && MayBeFull(*record)) history_.Announce(entry.lsn, *record);
    last_ = entry.lsn;
    return absl::OkStatus();
  }

  absl::Status Replay(const LogEntry& entry) {
    if (entry.lsn > last_) return absl::OkStatus();  // written since the first walk
    if (std::holds_alternative<DecisionRecord>(entry.event)) {
      FULCRUM_RETURN_IF_ERROR(Check(entry));
    }
    history_.Apply(entry.lsn, entry.event);
    return absl::OkStatus();
  }

  // Every event that can be read, in LSN order; `tell` notes what cannot.
  absl::Status Walk(bool tell, absl::FunctionRef<absl::Status(const LogEntry&)> use) {
    FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<DecisionLogReader> reader,
                             DecisionLogReader::Open(directory_));
    LogEntry entry;
    for (;;) {
      FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
      if (found) {
        FULCRUM_RETURN_IF_ERROR(use(entry));
        continue;
      }
      if (reader->end() == LogEnd::kClean) return absl::OkStatus();
      if (tell && reader->end() == LogEnd::kTornTail) report_.torn_tail = true;
      if (tell && reader->end() == LogEnd::kCorrupt && report_.corrupt++ == 0) {
        report_.first_corrupt = ToString(reader->damage());
      }
      reader->Resume();
    }
  }

  absl::Status Check(const LogEntry& entry) {
    const auto& record = std::get<DecisionRecord>(entry.event);
    FULCRUM_ASSIGN_OR_RETURN(const FeatureSnapshot* const snapshot,
                             snapshots_->Find(entry.lsn, entry.time_us, record.id));
    const bool undegraded = record.answer == Answer::kFull;
    ++report_.decisions;
    CountSays(record, &report_);
    report_.undegraded += undegraded ? 1 : 0;
    report_.undegraded_full += undegraded && record.replayable == Replayable::kFull ? 1 : 0;

    const Comparison selection = CompareSelection(record);
    Comparison full = CompareFull(entry.lsn, record, snapshot);
    // Equal inputs and an equal draw from them: decided again as a whole.
    if (full.identical() && !selection.identical()) full = selection;
    if (selection.identical()) ++report_.selection_identical;
    if (full.identical()) {
      ++report_.full_identical;
      report_.undegraded_identical += undegraded ? 1 : 0;
    }
    if (!selection.not_replayed.empty()) ++report_.selection_not_replayed[selection.not_replayed];
    if (!full.not_replayed.empty()) ++report_.full_not_replayed[full.not_replayed];
    // The scores come first: a wrong posterior is the cause, wrong ticks what follows from it.
    const auto& difference = full.difference.has_value() ? full.difference : selection.difference;
    if (difference.has_value() && report_.different++ == 0) {
      report_.first_difference = ReplayReport::Place{entry.lsn, record.id, *difference};
    }
    return absl::OkStatus();
  }

  Comparison CompareFull(Lsn lsn, const DecisionRecord& record, const FeatureSnapshot* snapshot) {
    if (!IsDrawn(record)) return NotReplayed("the answer was not drawn");
    if (record.replayable != Replayable::kFull) {
      return NotReplayed(absl::StrCat("the record says so: ", record.replayable_reason));
    }
    std::string why;
    const std::optional<World> world = history_.Find(lsn, record, &why);
    if (!world.has_value()) return NotReplayed(std::move(why));
    return CompareScores(record, snapshot, *world);
  }

  base::FileSystem* const files_;
  const std::string directory_;
  History history_;
  std::unique_ptr<SnapshotFinder> snapshots_;
  Lsn last_ = 0;
  ReplayReport report_;
};

}  // namespace

absl::StatusOr<ReplayReport> VerifyReplay(base::FileSystem* files, const std::string& directory) {
  return Verifier(files, directory).Run();
}

}  // namespace fulcrum::replay
