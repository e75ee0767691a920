#include "training/log_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "fulcrum/decision_log_reader.h"
#include "training/counts.h"
#include "training/log_fold.h"

namespace fulcrum::training {
namespace {

using State = LoggedPosition::State;

template <typename T>
bool Contains(const std::vector<T>& values, const T& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// A settled position that waits for its inputs.
struct Wanted {
  const LoggedDecision* decision = nullptr;
  const LoggedPosition* position = nullptr;
};

absl::StatusOr<std::vector<LoggedDecision>> FoldDecisions(const std::string& directory,
                                                          LogTally* tally) {
  FULCRUM_ASSIGN_OR_RETURN(const auto reader, DecisionLogReader::Open(directory));
  LogFold fold;
  LogEntry entry;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, reader->Next(&entry));
    if (more) {
      fold.Apply(entry.lsn, entry.event);
      tally->lsn = entry.lsn;
      continue;
    }
    if (reader->end() != LogEnd::kQuarantined) break;
    tally->quarantined += reader->damage().quarantined_lsn - reader->damage().lsn + 1;
    reader->Resume();
  }
  if (reader->end() == LogEnd::kCorrupt) {
    return absl::DataLossError(
        absl::StrCat(directory, ": ", ToString(reader->damage()),
                     "; `fulcrum log verify` shows all damage: train on a log that is whole"));
  }
  tally->torn_tail = reader->end() == LogEnd::kTornTail;
  tally->decisions = fold.decisions();
  tally->fallbacks = fold.fallbacks();
  tally->superseded = fold.superseded();
  return fold.TakeDecisions();
}

class Collector {
 public:
  explicit Collector(const LogSource& source) : source_(source) {}

  absl::StatusOr<LogRows> Run() {
    FULCRUM_ASSIGN_OR_RETURN(decisions_, FoldDecisions(source_.directory, &tally()));
    ChooseWanted();
    FULCRUM_RETURN_IF_ERROR(ReadInputs());
    Assemble();
    return std::move(result_);
  }

 private:
  LogTally& tally() { return result_.tally; }

  void ChooseWanted() {
    Counts counts;
    for (const LoggedDecision& decision : decisions_) {
      for (const LoggedPosition& position : decision.positions) {
        ++tally().positions;
        tally().missing += position.state == State::kMissing ? 1 : 0;
        tally().pending += position.state == State::kPending ? 1 : 0;
        if (position.state != State::kSettled) continue;
        ++tally().settled;
        const double reward = std::clamp(position.reward, 0.0, 1.0);
        tally().rewards_clipped += reward != position.reward ? 1 : 0;
        if (!Contains(source_.uncounted, decision.surface)) {
          ++tally().counted;
          const auto index = static_cast<size_t>(&position - decision.positions.data());
          counts.Add(decision.segment, position.action_id, reward,
                     ExaminationAt(decision.surface, index));
        }
        if (IsForTrees(decision, position)) wanted_[decision.id].push_back({&decision, &position});
      }
    }
    result_.counts_csv = counts.ToCsv();
  }

  double ExaminationAt(const std::string& surface, size_t index) const {
    const auto found = source_.position_effects.find(surface);
    return found != source_.position_effects.end() && index < found->second.size()
               ? found->second[index]
               : 1;
  }

  bool IsForTrees(const LoggedDecision& decision, const LoggedPosition& position) {
    const auto left_out = [](uint64_t* reason) {
      ++*reason;
      return false;
    };
    if (position.candidate == LoggedPosition::kNeutral) return left_out(&tally().neutral);
    if (!source_.surface.empty() && decision.surface != source_.surface) {
      return left_out(&tally().other_surface);
    }
    if (decision.model == 0) return left_out(&tally().without_model);
    if (!Contains(source_.models, decision.model)) return left_out(&tally().other_model);
    if (!decision.detail) return left_out(&tally().without_detail);
    if (!(position.propensity > 0)) return left_out(&tally().unusable);
    return true;
  }

  absl::Status ReadInputs() {
    FULCRUM_ASSIGN_OR_RETURN(const auto reader, FeatureSnapshotReader::Open(source_.directory));
    FeatureEntry entry;
    for (;;) {
      FULCRUM_ASSIGN_OR_RETURN(const bool more, reader->Next(&entry));
      if (more) {
        Take(entry.snapshot);
      } else if (reader->end() == LogEnd::kClean) {
        break;
      } else {
        reader->Resume();
      }
    }
    for (const auto& [id, rows] : wanted_) tally().without_snapshot += rows.size();
    return absl::OkStatus();
  }

  void Take(const FeatureSnapshot& snapshot) {
    const auto found = wanted_.find(snapshot.decision_id);
    if (found == wanted_.end()) return;
    const LoggedDecision& decision = *found->second.front().decision;
    const size_t columns = source_.columns.size();
    if (snapshot.model != decision.model || snapshot.columns != columns ||
        snapshot.values.size() != columns * decision.candidates) {
      return;  // counted as without a snapshot
    }
    for (const Wanted& wanted : found->second) TakeRow(snapshot, wanted);
    wanted_.erase(found);
  }

  void TakeRow(const FeatureSnapshot& snapshot, const Wanted& wanted) {
    const size_t columns = source_.columns.size();
    const auto begin =
        snapshot.values.begin() + static_cast<ptrdiff_t>(columns) * wanted.position->candidate;
    constexpr double kMax = std::numeric_limits<float>::max();
    const bool fits = std::none_of(begin, begin + static_cast<ptrdiff_t>(columns),
                                   [](double value) { return std::abs(value) > kMax; });
    if (!fits) {
      ++tally().unusable;
      return;
    }
    tally().masked += snapshot.masked_columns.empty() ? 0 : 1;
    rows_.push_back({wanted, values_.size()});
    for (size_t i = 0; i < columns; ++i)
      values_.push_back(static_cast<float>(begin[static_cast<ptrdiff_t>(i)]));
  }

  void Assemble() {
    std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
      const LoggedDecision& one = *a.what.decision;
      const LoggedDecision& other = *b.what.decision;
      if (one.occurred_us != other.occurred_us) return one.occurred_us < other.occurred_us;
      if (one.lsn != other.lsn) return one.lsn < other.lsn;
      return a.what.position < b.what.position;  // of the same decision
    });
    DataSet& data = result_.data;
    data.columns = source_.columns;
    data.values.reserve(values_.size());
    for (const Row& row : rows_) {
      data.times_us.push_back(row.what.decision->occurred_us);
      data.labels.push_back(static_cast<float>(std::clamp(row.what.position->reward, 0.0, 1.0)));
      data.propensities.push_back(row.what.position->propensity);
      const auto begin = values_.begin() + static_cast<ptrdiff_t>(row.values);
      data.values.insert(data.values.end(), begin,
                         begin + static_cast<ptrdiff_t>(source_.columns.size()));
    }
    tally().rows = rows_.size();
  }

  struct Row {
    Wanted what;
    size_t values = 0;  // where its inputs begin in values_
  };

  const LogSource& source_;
  LogRows result_;
  std::vector<LoggedDecision> decisions_;
  absl::flat_hash_map<DecisionId, std::vector<Wanted>> wanted_;
  std::vector<Row> rows_;
  std::vector<float> values_;  // in the order of the features stream
};

// Why no row is left, and what to do about it.
absl::Status NothingLeft(const LogSource& source, const LogTally& tally) {
  using Reason = std::pair<uint64_t, const char*>;
  const Reason of_settled[] = {
      {tally.without_model,
       "were decided without a model, so the log has no inputs for them; train a first model from "
       "CSV (`fulcrum train --csv`), name it in the bundle and let the service run with it"},
      {tally.other_model,
       "were decided by models whose columns are not those of the bundle's model, or which are not "
       "archived beside the log; train with the bundle that the service ran with"},
      {tally.other_surface,
       "are of other surfaces; name another by --surface, or leave it away for all"},
      {tally.without_detail,
       "have no inputs because their detail was left out of the log; raise `detail_share` of the "
       "surface, and see the masking rules for what was withheld"},
      {tally.without_snapshot,
       "have no inputs in the features stream; it may have been lost with the power or moved away: "
       "`fulcrum log verify` tells"},
      {tally.neutral, "are of the neutral action, which has no features; let the service run on"},
      {tally.unusable, "have no propensity or inputs beyond float32; see `fulcrum log verify`"}};
  const Reason of_others[] = {
      {tally.missing, "were not shown in time; report exposures, or let the surface assume them"},
      {tally.pending,
       "still wait for their exposure or the end of their attribution window; train later"},
      {tally.fallbacks, "are answers that were not drawn; see their reasons in the metrics"}};
  const auto fewer = [](const Reason& a, const Reason& b) { return a.first < b.first; };
  // What has settled is closer to being a row than what waits.
  const Reason* largest = std::max_element(std::begin(of_settled), std::end(of_settled), fewer);
  if (largest->first == 0) {
    largest = std::max_element(std::begin(of_others), std::end(of_others), fewer);
  }
  if (largest->first == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(source.directory, ": the log holds no decisions; let the service run first"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      source.directory, ": none of the ", tally.positions, " positions of ", tally.decisions,
      " decisions is a row to train on: ", largest->first, " ", largest->second));
}

bool SameColumns(const std::vector<config::ManifestColumn>& a,
                 const std::vector<config::ManifestColumn>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const config::ManifestColumn& one, const config::ManifestColumn& other) {
                      return one.source == other.source && one.key == other.key &&
                             one.equals == other.equals;
                    });
}

}  // namespace

absl::StatusOr<LogRows> ReadLogRows(const LogSource& source) {
  FULCRUM_ASSIGN_OR_RETURN(LogRows rows, Collector(source).Run());
  if (rows.tally.rows == 0) return NothingLeft(source, rows.tally);
  return rows;
}

absl::StatusOr<std::vector<uint64_t>> ModelsWithColumnsOf(base::FileSystem* files,
                                                          const std::string& log_directory,
                                                          const config::ModelManifest& manifest) {
  std::vector<uint64_t> models = {manifest.version};
  const std::string artefacts = absl::StrCat(log_directory, "/../artefacts");
  const absl::StatusOr<std::vector<std::string>> names = files->List(artefacts);
  if (absl::IsNotFound(names.status())) return models;
  FULCRUM_RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    if (!name.starts_with("model-")) continue;
    const auto archived =
        config::LoadManifest(files, absl::StrCat(artefacts, "/", name, "/manifest.yaml"));
    if (!archived.ok() || archived->schema_version != manifest.schema_version) continue;
    if (SameColumns(archived->columns, manifest.columns)) models.push_back(archived->version);
  }
  return models;
}

std::string ToText(const LogTally& tally) {
  std::string text = absl::StrCat(
      "log up to LSN ", tally.lsn,
      tally.torn_tail ? " (behind it a record that was never synced)" : "",
      tally.quarantined != 0 ? absl::StrCat(" (", tally.quarantined, " of them quarantined)") : "",
      ": ", tally.decisions, " decisions, ", tally.fallbacks, " not drawn, ", tally.superseded,
      " superseded\n", "positions ", tally.positions, ": ", tally.settled, " settled, ",
      tally.missing, " not shown, ", tally.pending, " pending\n");
  const std::pair<uint64_t, const char*> left_out[] = {
      {tally.neutral, "of the neutral action"},
      {tally.other_surface, "of other surfaces"},
      {tally.without_model, "decided without a model"},
      {tally.other_model, "decided by a model with other columns"},
      {tally.without_detail, "without detail"},
      {tally.without_snapshot, "without inputs in the features stream"},
      {tally.unusable, "without a propensity, or with inputs beyond float32"}};
  for (const auto& [count, what] : left_out) {
    if (count != 0) absl::StrAppend(&text, "  no rows for the trees: ", count, " ", what, "\n");
  }
  if (tally.counted != tally.settled) {
    absl::StrAppend(&text, "  not counted: ", tally.settled - tally.counted,
                    " of surfaces with linear posteriors\n");
  }
  if (tally.masked != 0) {
    absl::StrAppend(&text, "  inputs as masking rules left them: ", tally.masked, "\n");
  }
  if (tally.rewards_clipped != 0) {
    absl::StrAppend(&text, "  rewards limited to 0 to 1: ", tally.rewards_clipped, "\n");
  }
  return text;
}

}  // namespace fulcrum::training
