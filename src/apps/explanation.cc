#include "apps/explanation.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "decision_log/charges.h"
#include "decision_log/event_json.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/artefacts.h"

namespace fulcrum::apps {
namespace {

using decision_log::Charges;
using decision_log::ChargeStats;
using decision_log::JoinStats;
using decision_log::OpenDecision;
using decision_log::RewardChange;
using decision_log::RewardJoin;

// What a report did to what was taken under terms; empty if nothing.
std::string ChargeText(const ChargeStats& before, const ChargeStats& now) {
  std::string text;
  if (now.outcomes != before.outcomes) text = "; what was taken for it is due";
  if (now.costs_above != before.costs_above) text += ", no more than was taken";
  if (now.outcomes_late != before.outcomes_late) text = "; too late to charge anything";
  if (now.returns != before.returns) text += "; what was taken goes back";
  if (now.returns_late != before.returns_late) text += "; after the return window";
  return text;
}

// Follows one decision through the log.
class Follower {
 public:
  Follower(DecisionId id, Explanation* explanation) : id_(id), told_(explanation) {}

  void See(const LogEntry& entry) {
    if (EventDecisionId(entry.event) == id_) {
      SeeOwn(entry);
    } else if (const auto* const other = std::get_if<DecisionRecord>(&entry.event)) {
      Advance(entry.lsn, other->occurred_us);
    }
  }
  bool found() const { return found_; }
  size_t reports() const { return reports_; }

 private:
  void SeeOwn(const LogEntry& entry) {
    const auto* const decision = std::get_if<DecisionRecord>(&entry.event);
    if (decision == nullptr) {
      ++reports_;
      const std::string meaning = found_ ? Join(entry) : "not joined: it comes before the decision";
      told_->later.push_back({entry.lsn, entry.event, meaning});
    } else if (!found_) {
      found_ = true;
      told_->lsn = entry.lsn;
      told_->time_us = entry.time_us;
      told_->record = *decision;
      told_->positions.resize(decision->positions.size());
      Join(entry);
      told_->evidence = join_.Find(id_) != nullptr;
    }
  }

  // Other decisions tell the time and nothing else.
  void Advance(Lsn lsn, int64_t now_us) {
    DecisionRecord tick;
    tick.answer = Answer::kNeutral;
    tick.occurred_us = now_us;
    Apply(lsn, tick);
  }

  std::string Join(const LogEntry& entry) {
    const JoinStats before = join_.stats();
    const ChargeStats charged = charges_.stats();
    Apply(entry.lsn, entry.event);
    return absl::StrCat(Meaning(entry.event, before), ChargeText(charged, charges_.stats()));
  }

  // What it did to rewards.
  std::string Meaning(const LogEvent& event, const JoinStats& before) {
    const JoinStats& now = join_.stats();
    if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
      told_->superseded = *superseded;
      return "the decision was not served, its debits are returned";
    }
    if (std::holds_alternative<SettlementRecord>(event)) return "given back for good";
    if (now.unknown != before.unknown) {
      return told_->evidence ? "too late: the decision had been forgotten" : "teaches nothing";
    }
    if (now.corrected != before.corrected) return "corrects the reward";
    if (now.exposures != before.exposures) return "shown";
    if (now.exposures_late != before.exposures_late) return "late: missing it remains";
    if (now.exposures_repeated != before.exposures_repeated) return "shown already";
    if (now.unshown != before.unshown) return "missing: its debits are returned";
    if (now.outcomes_late != before.outcomes_late) return "after the attribution window";
    if (now.outcomes_repeated != before.outcomes_repeated) return "known already, or replaced";
    if (now.outcomes_other != before.outcomes_other) return "not the reward of one position";
    if (now.outcomes != before.outcomes) return "credited";
    return "changes nothing";
  }

  void Apply(Lsn lsn, const LogEvent& event) {
    join_.Apply(lsn, event, [this](const RewardChange& change) {
      told_->positions[change.position].settled = true;
      told_->positions[change.position].reward = change.now;
    });
    charges_.Apply(lsn, event);
    const OpenDecision* const open = join_.Find(id_);
    if (open == nullptr) return;
    for (size_t i = 0; i < open->positions.size(); ++i) {
      told_->positions[i].shown = open->positions[i].shown;
      told_->positions[i].reward = open->RewardAt(i);
    }
  }

  const DecisionId id_;
  Explanation* const told_;
  RewardJoin join_;
  Charges charges_;
  bool found_ = false;
  size_t reports_ = 0;
};

// Calls `see` for every entry that can be read and notes where one cannot. `see` returns false to
// stop.
template <typename Reader, typename Entry, typename See>
absl::Status ReadAll(Reader& reader, Entry* entry, Explanation* explanation, const See& see) {
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, reader.Next(entry));
    if (more) {
      if (!see(*entry)) return absl::OkStatus();
      continue;
    }
    if (reader.end() == LogEnd::kClean) return absl::OkStatus();
    explanation->damaged = true;
    explanation->notes.push_back(
        absl::StrCat("the log cannot be read everywhere: ", ToString(reader.damage())));
    reader.Resume();
  }
}

absl::Status FindSnapshot(const std::string& log_directory, Explanation* explanation) {
  FULCRUM_ASSIGN_OR_RETURN(const auto reader, FeatureSnapshotReader::Open(log_directory));
  FeatureEntry entry;
  return ReadAll(*reader, &entry, explanation, [&](const FeatureEntry& read) {
    if (read.snapshot.decision_id != explanation->record.id) return true;
    explanation->snapshot = read.snapshot;
    return false;
  });
}

void NameTerms(const config::Surface* surface, std::vector<std::string>* terms) {
  if (surface == nullptr || !surface->linear.has_value()) return;
  *terms = {"1", "score"};
  for (const std::string& segment : surface->linear->segments) {
    terms->push_back("segment is " + segment);
  }
  for (const std::string& key : surface->linear->context_keys) terms->push_back(key);
}

// Names are a convenience: without the archive there are numbers.
void FindNames(const std::string& log_directory, Explanation* explanation) {
  base::FileSystem* const files = base::PosixFileSystem();
  const std::string archive = replay::ArchiveOf(log_directory);
  const Versions& versions = explanation->record.versions;
  if (explanation->snapshot.has_value() && versions.model != 0) {
    const auto manifest = replay::LoadArchivedManifest(files, archive, versions.model);
    if (manifest.ok()) {
      for (const auto& column : manifest->columns) explanation->columns.push_back(column.name);
    } else {
      explanation->notes.push_back(
          absl::StrCat("the model's columns have no names: ", manifest.status().message()));
    }
  }
  bool linear = false;
  for (const auto& position : explanation->record.positions) linear |= !position.basis.empty();
  if (!linear) return;
  const auto bundle = replay::LoadArchivedBundle(files, archive, versions);
  if (bundle.ok()) {
    NameTerms((*bundle)->FindSurface(explanation->record.surface), &explanation->terms);
  } else {
    explanation->notes.push_back(
        absl::StrCat("the terms of x have no names: ", bundle.status().message()));
  }
}

}  // namespace

absl::StatusOr<std::optional<Explanation>> ExplainDecision(const std::string& log_directory,
                                                           const DecisionId& id,
                                                           std::string* missing) {
  Explanation explanation;
  Follower follower(id, &explanation);
  FULCRUM_ASSIGN_OR_RETURN(const auto reader, DecisionLogReader::Open(log_directory));
  LogEntry entry;
  Lsn last = 0;
  FULCRUM_RETURN_IF_ERROR(ReadAll(*reader, &entry, &explanation, [&](const LogEntry& read) {
    follower.See(read);
    last = read.lsn;
    return true;
  }));
  if (!follower.found()) {
    *missing = absl::StrCat(
        "decision ", id.ToString(), " is not in the log '", log_directory,
        "', which ends with LSN ", last,
        follower.reports() == 0 ? "" : ", though reports of it are",
        "; check the id, and that this is the log of the service that answered (server.data_dir)");
    return std::optional<Explanation>();
  }
  if (explanation.record.versions.model != 0 &&
      explanation.record.replayable != Replayable::kNone) {
    FULCRUM_RETURN_IF_ERROR(FindSnapshot(log_directory, &explanation));
    if (!explanation.snapshot.has_value()) {
      explanation.notes.emplace_back("the log holds no snapshot of what the model saw");
    }
  }
  FindNames(log_directory, &explanation);
  return std::optional(std::move(explanation));
}

std::optional<DrawnInterval> IntervalOf(const DecisionRecord& record, size_t position) {
  const PositionRecord& drawn = record.positions[position];
  if (drawn.ticks.empty()) return std::nullopt;
  DrawnInterval interval;
  interval.uniform = base::DrawUniform(record.id, drawn.seed);
  for (size_t i = 0; i < drawn.ticks.size(); ++i) {
    interval.low = interval.high;
    interval.high += drawn.ticks[i];
    const bool is_drawn = i < record.candidates.size()
                              ? record.candidates[i].action_id == drawn.action_id
                              : drawn.action_id == kNeutralActionId;
    if (is_drawn) return interval;
  }
  return std::nullopt;  // no record of ours: its action is none of its candidates
}

std::string VersionText(uint64_t version) {
  return absl::StrFormat("%016x", version);
}

std::string TimeText(int64_t micros) {
  return absl::FormatTime(absl::RFC3339_full, absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

}  // namespace fulcrum::apps
