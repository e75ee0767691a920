#include "simulation/slate_coverage.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "simulation/in_process.h"
#include "simulation/record_rows.h"

namespace fulcrum::simulation {
namespace {

using evaluation::Estimator;

constexpr char kSetting[] = "slates";
constexpr double kFloor = 0.5;
constexpr Estimator kEstimated[] = {Estimator::kRips, Estimator::kSlateIps};
constexpr double kGone = std::numeric_limits<double>::quiet_NaN();

World InSlates() {
  World world = *FindWorld("stationary");
  world.budgeted.clear();
  world.positions.assign(kSlatePositions, 1.0);
  return world;
}

class SlateRunner {
 public:
  SlateRunner(const CoverageOptions& options, bool first_draw_everywhere)
      : options_(options),
        first_draw_everywhere_(first_draw_everywhere),
        random_(base::MixKey(kSetting, "coverage", static_cast<uint32_t>(options.seed))) {}

  absl::Status Prepare();
  absl::Status Replicate(uint64_t number);
  std::vector<CoverageCell> Finish() const { return FinishAll(tallies_); }

 private:
  absl::StatusOr<double> TruthOf(TargetKind target);
  double ValueOf(TargetKind target, size_t cell, std::vector<double> means,
                 uint32_t position) const;
  absl::Status AddSlate(const Visit& visit, uint32_t number, evaluation::RowSet* rows);

  const World world_ = InSlates();
  const CoverageOptions options_;
  const bool first_draw_everywhere_;
  base::RandomStream random_;
  std::shared_ptr<const scoring::Posteriors> posteriors_;
  std::unique_ptr<InProcess> path_;
  // What each target does at each row, as a distribution of the rows.
  std::vector<uint32_t> targets_[std::size(kTargetKinds)];
  std::vector<CoverageTally> tallies_;  // target by target, estimator by estimator
};

absl::Status SlateRunner::Prepare() {
  InProcessOptions options;
  options.directory = options_.directory;
  options.bundle.exploration_floor = kFloor;
  options.bundle.exposure_required = false;
  options.seed = random_.Next64();
  options.clock = options_.clock;
  FULCRUM_ASSIGN_OR_RETURN(path_, InProcess::Start(world_, options));
  posteriors_ = std::make_shared<const scoring::Posteriors>(FrozenPosteriors(world_));
  for (const TargetKind target : kTargetKinds) {
    FULCRUM_ASSIGN_OR_RETURN(const double truth, TruthOf(target));
    for (const Estimator estimator : kEstimated) {
      tallies_.emplace_back(kSetting, ToWord(target), estimator, truth);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<double> SlateRunner::TruthOf(TargetKind target) {
  double truth = 0;
  const std::vector<std::string> segments = world_.segments();
  for (size_t cell = 0; cell < world_.cells.size(); ++cell) {
    Visit visit;
    visit.time = WorldStart();
    while (segments[world_.SegmentOf(visit.user, kUsersDefault)] != world_.cells[cell].segment) {
      ++visit.user;
    }
    FULCRUM_ASSIGN_OR_RETURN(const DecisionRecord record, path_->Decide(visit, posteriors_));
    truth += world_.cells[cell].share * ValueOf(target, cell, PosteriorMeans(record), 1);
  }
  return truth;
}

// Expected reward from `position` on, of a visitor who gets there; by all slates that can come.
double SlateRunner::ValueOf(TargetKind target, size_t cell, std::vector<double> means,
                            uint32_t position) const {
  double value = 0;
  const std::vector<double> probabilities = TargetAmong(world_, target, means);
  for (size_t arm = 0; arm < probabilities.size(); ++arm) {
    if (probabilities[arm] == 0) continue;
    const double converts = world_.conversion[cell][arm];
    double below = 0;
    if (arm != world_.neutral() && position < kSlatePositions) {
      const double mean = std::exchange(means[arm], kGone);
      below = ValueOf(target, cell, means, position + 1);
      means[arm] = mean;
    }
    value += probabilities[arm] * (converts + (1 - converts) * below);
  }
  return value;
}

absl::Status SlateRunner::AddSlate(const Visit& visit, uint32_t number, evaluation::RowSet* rows) {
  FULCRUM_ASSIGN_OR_RETURN(DecisionRecord record, path_->Decide(visit, posteriors_));
  if (first_draw_everywhere_) {
    for (PositionRecord& position : record.positions) position.ticks = record.positions[0].ticks;
  }
  std::vector<double> means = PosteriorMeans(record);
  bool left = false;  // the visitor, with what they took
  for (size_t i = 0; i < record.positions.size(); ++i) {
    const size_t arm = world_.IndexOf(record.positions[i].action_id);
    const bool converts = !left && random_.NextUniform() < world_.conversion[visit.cell][arm];
    left |= converts;
    AddRow(record, i, converts ? 1 : 0, rows);
    rows->rows.back().decision = number;
    for (size_t target = 0; target < std::size(kTargetKinds); ++target) {
      targets_[target].push_back(
          AddDistribution(record, TargetAmong(world_, kTargetKinds[target], means), rows));
    }
    means[arm] = kGone;
  }
  return absl::OkStatus();
}

absl::Status SlateRunner::Replicate(uint64_t number) {
  evaluation::RowSet rows;
  for (std::vector<uint32_t>& target : targets_) target.clear();
  uint32_t slate = 0;
  for (const Visit& visit : FrozenRun(world_, kUsersDefault, options_.rows, &random_)) {
    FULCRUM_RETURN_IF_ERROR(AddSlate(visit, slate++, &rows));
  }
  const evaluation::EvaluateOptions options = AskFor(options_, kEstimated, number);
  size_t tally = 0;
  for (const std::vector<uint32_t>& target : targets_) {
    for (size_t i = 0; i < target.size(); ++i) rows.rows[i].target = target[i];
    FULCRUM_ASSIGN_OR_RETURN(const evaluation::Evaluation evaluated,
                             evaluation::Evaluate(rows, evaluation::Target::PerRow(), options));
    for (size_t i = 0; i < std::size(kEstimated); ++i) tallies_[tally++].Add(evaluated);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<CoverageCell>> RunSlateCoverage(
    const CoverageOptions& options, bool first_draw_everywhere,
    const std::function<void(uint64_t)>& progress) {
  SlateRunner runner(options, first_draw_everywhere);
  FULCRUM_RETURN_IF_ERROR(runner.Prepare());
  for (uint64_t number = 0; number < options.replications; ++number) {
    FULCRUM_RETURN_IF_ERROR(runner.Replicate(number));
    if (progress) progress(number + 1);
  }
  return runner.Finish();
}

}  // namespace fulcrum::simulation
