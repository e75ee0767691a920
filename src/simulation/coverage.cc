#include "simulation/coverage.h"

#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "simulation/faults.h"
#include "simulation/in_process.h"

namespace fulcrum::simulation {
namespace {

using evaluation::Estimator;

constexpr double kNormal95 = 1.959963984540054;
constexpr Estimator kEstimated[] = {Estimator::kIps, Estimator::kSnips, Estimator::kDr,
                                    Estimator::kDm};

// Running mean and variance (Welford, Technometrics 1962).
struct Moments {
  double count = 0, mean = 0, squares = 0;

  void Add(double value) {
    const double before = value - mean;
    mean += before / ++count;
    squares += before * (value - mean);
  }
  double Sd() const { return count > 1 ? std::sqrt(squares / (count - 1)) : 0; }
};

struct Tally {
  CoverageCell cell;
  Moments values, errors, sizes;

  void Add(const evaluation::Estimate& estimate, double sample_size) {
    ++cell.replications;
    sizes.Add(sample_size);
    const double off = std::fabs(estimate.value - cell.truth);
    if (off <= kNormal95 * estimate.se) ++cell.covered_normal;
    if (estimate.ci_low <= cell.truth && cell.truth <= estimate.ci_high) ++cell.covered;
    values.Add(estimate.value);
    errors.Add(estimate.se);
  }
  CoverageCell Finish() {
    cell.mean = values.mean;
    cell.sd = values.Sd();
    cell.mean_se = errors.mean;
    cell.sample_size = sizes.mean;
    return cell;
  }
};

class Runner {
 public:
  Runner(const FrozenSetting& setting, const CoverageOptions& options)
      : setting_(setting),
        world_(setting_.world),
        options_(options),
        random_(base::MixKey(setting.name, "coverage", static_cast<uint32_t>(options.seed))),
        faults_(base::MixKey(setting.name, "faults", static_cast<uint32_t>(options.seed))) {}

  absl::Status Prepare();
  absl::Status Replicate(uint64_t number);
  std::vector<CoverageCell> Finish();

 private:
  absl::StatusOr<double> TruthOf(TargetKind target);
  absl::StatusOr<evaluation::RowSet> MakeRows();
  void AddRow(const DecisionRecord& record, double reward, evaluation::RowSet* rows);
  evaluation::Target TargetFor(TargetKind target, evaluation::RowSet* rows) const;

  const FrozenSetting setting_;
  const World& world_;
  const CoverageOptions options_;
  base::RandomStream random_;
  base::RandomStream faults_;
  std::shared_ptr<const scoring::Posteriors> posteriors_;
  std::unique_ptr<InProcess> path_;
  std::vector<Tally> tallies_;  // target by target, estimator by estimator
  std::vector<uint32_t> actions_;
  std::vector<double> probabilities_;
};

absl::Status Runner::Prepare() {
  InProcessOptions options;
  options.directory = options_.directory;
  options.bundle.exploration_floor = setting_.exploration_floor;
  options.bundle.exposure_required = false;
  options.bundle.late_from = LateFrom();
  options.seed = random_.Next64();
  options.clock = options_.clock;
  FULCRUM_ASSIGN_OR_RETURN(path_, InProcess::Start(world_, options));
  posteriors_ = std::make_shared<const scoring::Posteriors>(FrozenPosteriors(world_));
  for (const TargetKind target : kTargetKinds) {
    FULCRUM_ASSIGN_OR_RETURN(const double truth, TruthOf(target));
    for (const Estimator estimator : kEstimated) {
      Tally& tally = tallies_.emplace_back();
      tally.cell.setting = setting_.name;
      tally.cell.target = target;
      tally.cell.estimator = estimator;
      tally.cell.truth = truth;
    }
  }
  return absl::OkStatus();
}

// Summed over all that can come: each cell, before and after the late campaign starts. What can be
// drawn and what is believed there are those of a record made there.
absl::StatusOr<double> Runner::TruthOf(TargetKind target) {
  double truth = 0;
  const std::vector<std::string> segments = world_.segments();
  for (size_t cell = 0; cell < world_.cells.size(); ++cell) {
    Visit visit;
    visit.cell = cell;
    while (segments[world_.SegmentOf(visit.user, kUsersDefault)] != world_.cells[cell].segment) {
      ++visit.user;
    }
    for (const bool late : {false, true}) {
      visit.time = LateFrom() + (late ? absl::Hours(1) : -absl::Hours(1));
      FULCRUM_ASSIGN_OR_RETURN(const DecisionRecord record, path_->Decide(visit, posteriors_));
      const std::vector<double> probabilities = TargetAt(world_, target, record);
      for (size_t arm = 0; arm < probabilities.size(); ++arm) {
        truth += 0.5 * world_.cells[cell].share * probabilities[arm] * world_.conversion[cell][arm];
      }
    }
  }
  return truth;
}

void Runner::AddRow(const DecisionRecord& record, double reward, evaluation::RowSet* rows) {
  const PositionRecord& position = record.positions[0];
  const std::vector<double> greedy = TargetAt(world_, TargetKind::kGreedy, record);
  evaluation::Row row;
  row.reward = reward;
  actions_.clear();
  probabilities_.clear();
  for (size_t i = 0; i < position.ticks.size(); ++i) {
    if (position.ticks[i] == 0) continue;
    const bool neutral = i == record.candidates.size();
    const auto name = neutral ? std::string_view(kNeutralActionId)
                              : std::string_view(record.candidates[i].action_id);
    const uint32_t action = rows->actions.Intern(name);
    actions_.push_back(action);
    probabilities_.push_back(PropensityOf(position.ticks[i]));
    if (greedy[i] > 0) row.greedy = action;
    if (name == position.action_id) {
      row.action = action;
      row.propensity = probabilities_.back();
    }
  }
  row.logged = rows->distributions.Add(actions_, probabilities_);
  rows->rows.push_back(row);
  ++rows->positions;
}

absl::StatusOr<evaluation::RowSet> Runner::MakeRows() {
  evaluation::RowSet rows;
  for (const Visit& visit : FrozenRun(world_, kUsersDefault, options_.rows, &random_)) {
    FULCRUM_ASSIGN_OR_RETURN(DecisionRecord record, path_->Decide(visit, posteriors_));
    Plant(options_.fault, &faults_, &record);
    const size_t arm = world_.IndexOf(record.positions[0].action_id);
    AddRow(record, visit.Converts(world_, arm) ? 1 : 0, &rows);
  }
  return rows;
}

evaluation::Target Runner::TargetFor(TargetKind target, evaluation::RowSet* rows) const {
  if (target == TargetKind::kUniform) return evaluation::Target::Uniform();
  if (target == TargetKind::kGreedy) return evaluation::Target::Greedy();
  const std::vector<double> by_arm = TableTarget(world_);
  std::vector<double> table;
  for (size_t arm = 0; arm < by_arm.size(); ++arm) {
    const uint32_t action =
        rows->actions.Intern(arm == world_.neutral() ? std::string_view(kNeutralActionId)
                                                     : std::string_view(world_.arms[arm].id));
    table.resize(std::max<size_t>(table.size(), action + 1), 0.0);
    table[action] = by_arm[arm];
  }
  return evaluation::Target::Table({table});
}

absl::Status Runner::Replicate(uint64_t number) {
  FULCRUM_ASSIGN_OR_RETURN(evaluation::RowSet rows, MakeRows());
  evaluation::EvaluateOptions options;
  options.estimators.assign(std::begin(kEstimated), std::end(kEstimated));
  options.resamples = options_.resamples;
  options.level = options_.level;
  options.seed = number + 1;
  options.threads = 1;
  size_t tally = 0;
  for (const TargetKind target : kTargetKinds) {
    const evaluation::Target policy = TargetFor(target, &rows);
    FULCRUM_ASSIGN_OR_RETURN(const evaluation::Evaluation evaluated,
                             evaluation::Evaluate(rows, policy, options));
    for (const Estimator estimator : kEstimated) {
      tallies_[tally++].Add(*evaluated.Find(estimator), evaluated.effective_sample_size);
    }
  }
  return absl::OkStatus();
}

std::vector<CoverageCell> Runner::Finish() {
  std::vector<CoverageCell> cells;
  cells.reserve(tallies_.size());
  for (Tally& tally : tallies_) cells.push_back(tally.Finish());
  return cells;
}

}  // namespace

double CoverageCell::StandardError() const {
  return sd / std::sqrt(static_cast<double>(replications));
}

absl::StatusOr<std::vector<CoverageCell>> RunCoverage(
    const FrozenSetting& setting, const CoverageOptions& options,
    const std::function<void(uint64_t)>& progress) {
  Runner runner(setting, options);
  FULCRUM_RETURN_IF_ERROR(runner.Prepare());
  for (uint64_t number = 0; number < options.replications; ++number) {
    FULCRUM_RETURN_IF_ERROR(runner.Replicate(number));
    if (progress) progress(number + 1);
  }
  return runner.Finish();
}

const CoverageCell& CellOf(const std::vector<CoverageCell>& cells, TargetKind target,
                           Estimator estimator) {
  size_t index = 0;
  while (cells[index].target != target || cells[index].estimator != estimator) ++index;
  return cells[index];
}

std::string CoverageHeader() {
  return "| setting | target | estimator | effective rows | truth | mean off by (standard errors) "
         "| sd | mean se | "
         "coverage, bootstrap | coverage, normal |\n|---|---|---|---|---|---|---|---|---|---|\n";
}

std::string CoverageRow(const CoverageCell& cell) {
  return absl::StrFormat(
      "| %s | %s | %s | %.0f | %.5f | %+.5f (%+.1f) | %.5f | %.5f | %.4f | %.4f |\n", cell.setting,
      ToWord(cell.target), evaluation::kEstimatorNames[static_cast<size_t>(cell.estimator)],
      cell.sample_size, cell.truth, cell.mean - cell.truth,
      (cell.mean - cell.truth) / cell.StandardError(), cell.sd, cell.mean_se, cell.Coverage(),
      cell.CoverageNormal());
}

}  // namespace fulcrum::simulation
