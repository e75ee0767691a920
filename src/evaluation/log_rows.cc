#include "evaluation/log_rows.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "decision_log/reward_join.h"
#include "fulcrum/decision_log_reader.h"
#include "policy/policies.h"
#include "policy/recorded.h"

namespace fulcrum::evaluation {
namespace {

using decision_log::OpenDecision;
using decision_log::RewardChange;
using decision_log::RewardJoin;
using decision_log::Shown;

// Folds events into rows. What a position is worth is known only later, so each is a row from its
// decision on, and those that have not settled are dropped at the end.
class LogFold {
 public:
  explicit LogFold(const LogRowsOptions& options) : options_(options) {}

  void Apply(const LogEntry& entry) {
    join_.Apply(entry.lsn, entry.event, [this](const RewardChange& change) { Settle(change); });
    if (const auto* const decision = std::get_if<DecisionRecord>(&entry.event)) {
      Add(entry.lsn, *decision);
    } else if (const auto* const superseded = std::get_if<SupersededRecord>(&entry.event)) {
      Drop(*superseded);
    } else if (const auto* const unshown = std::get_if<UnshownRecord>(&entry.event)) {
      Miss(*unshown);
    }
  }

  RowSet Finish() {
    std::vector<Row> settled;
    for (size_t i = 0; i < states_.size(); ++i) {
      if (states_[i] == State::kSettled) {
        settled.push_back(rows_.rows[i]);
        rows_.withheld += decisions_[rows_.rows[i].decision].withheld ? 1 : 0;
      }
      if (states_[i] == State::kPending) ++rows_.excluded["pending"];
      if (states_[i] == State::kMissing) ++rows_.excluded["missing"];
      if (states_[i] == State::kSuperseded) {
        ++rows_.excluded["superseded"];
        ++rows_.fallbacks;  // that is what was served
      }
    }
    rows_.rows = std::move(settled);
    if (rows_.excluded.contains("invalid")) {
      rows_.warnings.push_back(
          {"invalid_records", absl::StrCat(rows_.excluded["invalid"],
                                           " positions do not say with which probability they were "
                                           "drawn; `fulcrum log verify` tells more")});
    }
    if (surfaces_.size() > 1) {
      rows_.warnings.push_back(
          {"several_surfaces",
           absl::StrCat("the rows are of ", surfaces_.size(),
                        " surfaces, and their rewards may not mean the same; choose one with "
                        "--surface")});
    }
    return std::move(rows_);
  }

 private:
  enum class State : uint8_t { kPending, kSettled, kMissing, kSuperseded };
  struct Decision {
    Lsn lsn = 0;
    size_t first_row = 0;
    size_t rows = 0;
    bool withheld = false;  // its detail was not left out by chance
  };

  void Add(Lsn lsn, const DecisionRecord& record) {
    if (!options_.surface.empty() && record.surface != options_.surface) return;
    const OpenDecision* const open = join_.Find(record.id);
    if (open != nullptr && open->lsn != lsn) return;  // logged twice
    rows_.positions += record.positions.size();
    if (const char* const reason = WhyNoRow(record)) {
      rows_.excluded[reason] += record.positions.size();
      return;
    }
    if (open == nullptr) {
      rows_.excluded["fallback"] += record.positions.size();
      rows_.fallbacks += record.positions.size();
      return;
    }
    surfaces_.emplace(record.surface);
    // All or none, so that a row's place in its decision is its position.
    std::vector<Row> rows;
    for (size_t i = 0; i < record.positions.size(); ++i) {
      const std::optional<Row> row = MakeRow(record, i);
      if (!row.has_value()) {
        rows_.excluded["invalid"] += record.positions.size();
        return;
      }
      rows.push_back(*row);
    }
    if (!AddTargets(record, &rows)) {
      rows_.excluded["no_target"] += record.positions.size();
      return;
    }
    for (Row& row : rows) row.decision = static_cast<uint32_t>(decisions_.size());
    const bool withheld = record.detail != Detail::kWhole && record.detail != Detail::kSampledOut;
    decisions_.push_back({lsn, rows_.rows.size(), rows.size(), withheld});
    rows_.rows.insert(rows_.rows.end(), rows.begin(), rows.end());
    states_.resize(rows_.rows.size(), State::kPending);
  }

  // Null if its positions may be rows. What is left out here is left out at random: who is held out
  // is drawn by the user alone, in apprentice mode the caller draws, and a pause is for all.
  static const char* WhyNoRow(const DecisionRecord& record) {
    if (record.answer == Answer::kHeldOut) return "held_out";
    if (record.degradation == Degradation::kPaused) return "paused";
    if (record.mode == Mode::kLogOnly) return "log_only";
    if (record.mode != Mode::kApprentice) return nullptr;
    const auto told = [](const PositionRecord& one) { return one.drawn_ticks > 0; };
    const bool all = std::all_of(record.positions.begin(), record.positions.end(), told);
    return record.answer == Answer::kBaseline && all ? nullptr : "no_propensity";
  }

  bool AddTargets(const DecisionRecord& record, std::vector<Row>* rows) {
    if (record.detail != Detail::kWhole) return true;
    if (!options_.shadow.empty()) return AddShadow(record, rows);
    if (options_.targets == nullptr) return true;
    for (size_t i = 0; i < rows->size(); ++i) {
      (*rows)[i].target =
          options_.targets->Find(record.id, i, &rows_.actions, &rows_.distributions);
      if ((*rows)[i].target == kNoDistribution) return false;
    }
    return true;
  }

  // What the record's shadow of that name would have drawn at each position.
  bool AddShadow(const DecisionRecord& record, std::vector<Row>* rows) {
    size_t shadow = 0;
    while (shadow < record.shadows.size() && record.shadows[shadow].id != options_.shadow) ++shadow;
    for (size_t i = 0; i < rows->size(); ++i) {
      const std::vector<std::vector<Ticks>>& all = record.positions[i].shadow_ticks;
      if (shadow >= all.size() || all[shadow].size() != record.candidates.size() + 1) return false;
      actions_.clear();
      probabilities_.clear();
      for (size_t k = 0; k < all[shadow].size(); ++k) {
        if (all[shadow][k] == 0) continue;
        const bool neutral = k == record.candidates.size();
        actions_.push_back(
            rows_.actions.Intern(neutral ? std::string_view(kNeutralActionId)
                                         : std::string_view(record.candidates[k].action_id)));
        probabilities_.push_back(PropensityOf(all[shadow][k]));
      }
      (*rows)[i].target = rows_.distributions.Add(actions_, probabilities_);
    }
    return true;
  }

  std::optional<Row> MakeRow(const DecisionRecord& record, size_t index) {
    if (index >= kPositionMax) return std::nullopt;
    Row row;
    row.position = static_cast<uint32_t>(index + 1);
    const bool made = record.detail == Detail::kWhole && IsDrawn(record)
                          ? Describe(record, record.positions[index], &row)
                          : DescribeCore(record.positions[index], &row);
    return made ? std::optional<Row>(row) : std::nullopt;
  }

  // What is known without detail. False if not even that.
  bool DescribeCore(const PositionRecord& position, Row* row) {
    row->action = rows_.actions.Intern(position.action_id);
    row->propensity = PropensityOf(position.drawn_ticks);
    row->kept = 0;
    return row->propensity > 0;
  }

  bool Describe(const DecisionRecord& record, const PositionRecord& position, Row* row) {
    if (position.ticks.size() != record.candidates.size() + 1) return false;
    row->kept = PropensityOf(record.detail_ticks);
    actions_.clear();
    probabilities_.clear();
    double best = 0;
    for (size_t i = 0; i < position.ticks.size(); ++i) {
      const bool neutral = i == record.candidates.size();
      if (position.ticks[i] == 0) continue;
      const CandidateRecord* const arm = neutral ? nullptr : &record.candidates[i];
      const uint32_t action = rows_.actions.Intern(neutral ? std::string_view(kNeutralActionId)
                                                           : std::string_view(arm->action_id));
      actions_.push_back(action);
      probabilities_.push_back(PropensityOf(position.ticks[i]));
      if (rows_.actions.Name(action) == position.action_id) {
        row->action = action;
        row->propensity = probabilities_.back();
      }
      const double mean = neutral ? policy::NeutralMeanOf(record)
                                  : policy::MeanOf(policy::PosteriorOf(*arm, record.log_odds));
      if (row->greedy == kNoAction || mean > best) {
        row->greedy = action;
        best = mean;
      }
    }
    if (row->propensity == 0) return false;
    row->logged = rows_.distributions.Add(actions_, probabilities_);
    return true;
  }

  // Null if its surface is not the one, or its record was invalid.
  const Decision* Find(Lsn lsn) const {
    const auto found = std::lower_bound(
        decisions_.begin(), decisions_.end(), lsn,
        [](const Decision& decision, Lsn wanted) { return decision.lsn < wanted; });
    return found == decisions_.end() || found->lsn != lsn ? nullptr : &*found;
  }

  void Settle(const RewardChange& change) {
    const Decision* const decision = Find(change.decision->lsn);
    if (decision == nullptr) return;
    const size_t row = decision->first_row + change.position;
    rows_.rows[row].reward = change.now;
    states_[row] = State::kSettled;
  }

  void Drop(const SupersededRecord& record) {
    const Decision* const decision = Find(record.decision_lsn);
    if (decision == nullptr) return;
    for (size_t i = 0; i < decision->rows; ++i) {
      states_[decision->first_row + i] = State::kSuperseded;
    }
  }

  // What counts as missing is for the join to say: an exposure may have been first.
  void Miss(const UnshownRecord& record) {
    const OpenDecision* const open = join_.Find(record.decision_id);
    const Decision* const decision = open == nullptr ? nullptr : Find(open->lsn);
    if (decision == nullptr) return;
    for (size_t i = 0; i < decision->rows; ++i) {
      if (open->positions[i].shown == Shown::kMissing) {
        states_[decision->first_row + i] = State::kMissing;
      }
    }
  }

  const LogRowsOptions& options_;
  RewardJoin join_;
  RowSet rows_;
  std::vector<State> states_;        // by row
  std::vector<Decision> decisions_;  // by LSN
  base::StringSet surfaces_;
  std::vector<uint32_t> actions_;  // of the position at hand
  std::vector<double> probabilities_;
};

}  // namespace

absl::StatusOr<RowSet> ReadLogRows(const std::string& directory, const LogRowsOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<DecisionLogReader> reader,
                           DecisionLogReader::Open(directory));
  LogFold fold(options);
  std::vector<Warning> warnings;
  bool damaged = false;
  LogEntry entry;
  while (true) {
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
    if (found) {
      fold.Apply(entry);
      continue;
    }
    if (reader->end() == LogEnd::kClean) break;
    const bool torn = reader->end() == LogEnd::kTornTail;
    const bool quarantined = reader->end() == LogEnd::kQuarantined;
    damaged |= !torn;
    warnings.push_back(
        {torn ? "torn_tail" : (quarantined ? "quarantined" : "corrupt"),
         absl::StrCat(ToString(reader->damage()),
                      torn ? " (never synced: a crash, or a write that goes on)" : "",
                      "; what could be read is evaluated")});
    reader->Resume();
  }
  RowSet rows = fold.Finish();
  rows.warnings.insert(rows.warnings.end(), warnings.begin(), warnings.end());
  rows.damaged = damaged;
  return rows;
}

}  // namespace fulcrum::evaluation
