#include "replay/counterfactual_source.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "replay/artefacts.h"

namespace fulcrum::replay {
namespace {

constexpr size_t kBatch = 256;  // events

}  // namespace

CounterfactualSource::CounterfactualSource(base::FileSystem* files, std::string directory,
                                           const OtherPolicy* other, bool rescore)
    : files_(files),
      directory_(std::move(directory)),
      other_(other),
      rescore_(rescore),
      posteriors_(other->start) {}

const RecordedWorld* CounterfactualSource::WorldOf(const Versions& versions) {
  std::unique_ptr<RecordedWorld>& world = worlds_[{versions.bundle, versions.model}];
  if (world == nullptr) world = LoadWorld(versions);
  return world.get();
}

// What is not archived is null there; the decisions say so themselves.
std::unique_ptr<RecordedWorld> CounterfactualSource::LoadWorld(const Versions& versions) const {
  const std::string archive = ArchiveOf(directory_);
  std::shared_ptr<const config::Bundle> bundle;
  if (versions.bundle == other_->loaded->version) {
    bundle = other_->loaded;
  } else if (auto archived = LoadArchivedBundle(files_, archive, versions); archived.ok()) {
    bundle = *std::move(archived);
  }
  std::optional<config::ModelManifest> manifest;
  if (versions.model != 0) {
    auto archived = LoadArchivedManifest(files_, archive, versions.model);
    if (archived.ok()) manifest = *std::move(archived);
  }
  return std::make_unique<RecordedWorld>(std::move(bundle), std::move(manifest), versions.model,
                                         other_, rescore_);
}

absl::Status CounterfactualSource::Survey() {
  FULCRUM_ASSIGN_OR_RETURN(reader_, DecisionLogReader::Open(directory_));
  CounterfactualReport ignored;
  LogEntry entry;
  last_ = ~Lsn{0};
  Lsn last = 0;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool found, ReadEntry(&ignored, &entry));
    if (!found) break;
    if (first_ == 0) first_ = entry.lsn;
    last = entry.lsn;
    const auto* const record = std::get_if<DecisionRecord>(&entry.event);
    if (record == nullptr || record->candidates.empty()) continue;
    if (WorldOf(record->versions)->KeepsPosteriors(*record)) continue;
    posteriors_.Announce(entry.lsn, record->versions.posterior_lsn);
    scores_ = true;
  }
  last_ = last;
  FULCRUM_ASSIGN_OR_RETURN(reader_, DecisionLogReader::Open(directory_));
  if (scores_) {
    FULCRUM_ASSIGN_OR_RETURN(snapshots_, SnapshotFinder::Open(files_, directory_));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CounterfactualSource::ReadEntry(CounterfactualReport* report,
                                                     LogEntry* entry) {
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader_->Next(entry));
    if (found) return entry->lsn <= last_;
    if (reader_->end() == LogEnd::kClean) return false;
    if (reader_->end() == LogEnd::kTornTail) report->torn_tail = true;
    if (reader_->end() == LogEnd::kQuarantined) {
      report->quarantined.push_back(ToString(reader_->damage()));
    }
    if (reader_->end() == LogEnd::kCorrupt && report->corrupt++ == 0) {
      report->first_corrupt = ToString(reader_->damage());
    }
    reader_->Resume();
  }
}

absl::StatusOr<std::optional<ReplayBatch>> CounterfactualSource::Next(
    CounterfactualReport* report) {
  ReplayBatch batch;
  while (batch.size() < kBatch) {
    ReplayItem item;
    FULCRUM_ASSIGN_OR_RETURN(const bool found, ReadEntry(report, &item.entry));
    if (!found) break;
    FULCRUM_RETURN_IF_ERROR(Complete(&item));
    batch.push_back(std::move(item));
  }
  if (batch.empty()) return std::optional<ReplayBatch>();
  return std::optional<ReplayBatch>(std::move(batch));
}

void CounterfactualSource::Finish(CounterfactualReport* report) const {
  if (snapshots_ == nullptr || snapshots_->damaged() == 0) return;
  report->corrupt += snapshots_->damaged();
  if (report->first_corrupt.empty()) {
    report->first_corrupt = absl::StrCat("features stream: ", snapshots_->damaged(),
                                         " places; `fulcrum log verify` names them");
  }
}

absl::Status CounterfactualSource::Complete(ReplayItem* item) {
  const LogEntry& entry = item->entry;
  if (const auto* const record = std::get_if<DecisionRecord>(&entry.event)) {
    item->world = WorldOf(record->versions);
    if (scores_) {
      FULCRUM_ASSIGN_OR_RETURN(const FeatureSnapshot* const snapshot,
                               snapshots_->Find(entry.lsn, entry.time_us, record->id));
      if (snapshot != nullptr) item->snapshot = *snapshot;
      item->posteriors = posteriors_.Find(record->versions.posterior_lsn);
    }
  }
  if (scores_) posteriors_.Apply(entry.lsn, entry.event);
  return absl::OkStatus();
}

}  // namespace fulcrum::replay
