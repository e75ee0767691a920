#include "simulation/adaptive_coverage.h"

#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "simulation/in_process.h"
#include "simulation/record_rows.h"

namespace fulcrum::simulation {
namespace {

using evaluation::Estimator;

constexpr char kSetting[] = "adaptive";
constexpr double kFloor = 0.2;
constexpr Estimator kEstimated[] = {Estimator::kIps, Estimator::kSnips, Estimator::kDr,
                                    Estimator::kAipw};

World BannersAtTwiceTheirRates() {
  World world = *FindWorld("stationary");
  world.budgeted.clear();
  std::erase_if(world.arms, [](const Arm& arm) { return arm.campaign != "banner"; });
  for (std::vector<double>& rates : world.conversion) {
    rates = {rates[0], rates[1], rates[2], rates.back()};
    for (double& rate : rates) rate *= 2;
  }
  return world;
}

class AdaptiveRunner {
 public:
  explicit AdaptiveRunner(const CoverageOptions& options)
      : options_(options),
        random_(base::MixKey(kSetting, "coverage", static_cast<uint32_t>(options.seed))) {}

  absl::Status Prepare();
  absl::Status Replicate(uint64_t number);
  std::vector<CoverageCell> Finish() const { return FinishAll(tallies_); }

 private:
  double TruthOf(const std::string& target) const;
  absl::StatusOr<evaluation::RowSet> PlayAndLearn();
  evaluation::Target TargetFor(const std::string& target, evaluation::RowSet* rows) const;

  const World world_ = BannersAtTwiceTheirRates();
  const CoverageOptions options_;
  base::RandomStream random_;
  std::unique_ptr<InProcess> path_;
  std::vector<CoverageTally> tallies_;  // target by target, estimator by estimator
};

absl::Status AdaptiveRunner::Prepare() {
  InProcessOptions options;
  options.directory = options_.directory;
  options.bundle.exploration_floor = kFloor;
  options.bundle.exposure_required = false;
  options.seed = random_.Next64();
  options.clock = options_.clock;
  FULCRUM_ASSIGN_OR_RETURN(path_, InProcess::Start(world_, options));
  for (const char* target : kAdaptiveTargets) {
    for (const Estimator estimator : kEstimated) {
      tallies_.emplace_back(kSetting, target, estimator, TruthOf(target));
    }
  }
  return absl::OkStatus();
}

double AdaptiveRunner::TruthOf(const std::string& target) const {
  double truth = 0;
  for (size_t cell = 0; cell < world_.cells.size(); ++cell) {
    const std::vector<double>& rates = world_.conversion[cell];
    double mean = 0;
    if (target == "uniform") {
      for (const double rate : rates) mean += rate / static_cast<double>(rates.size());
    } else {
      mean = rates[world_.IndexOf(target)];
    }
    truth += world_.cells[cell].share * mean;
  }
  return truth;
}

absl::StatusOr<evaluation::RowSet> AdaptiveRunner::PlayAndLearn() {
  evaluation::RowSet rows;
  scoring::Posteriors learning = path_->start();
  auto published = std::make_shared<const scoring::Posteriors>(learning);
  for (const Visit& visit : FrozenRun(world_, kUsersDefault, options_.rows, &random_)) {
    if (rows.rows.size() % kPublishedEvery == 0) {
      published = std::make_shared<const scoring::Posteriors>(learning);
    }
    FULCRUM_ASSIGN_OR_RETURN(const DecisionRecord record, path_->Decide(visit, published));
    const std::string& action = record.positions[0].action_id;
    const double reward = visit.Converts(world_, world_.IndexOf(action)) ? 1 : 0;
    learning.Observe({kSurface, world_.cells[visit.cell].segment, action, {}, reward});
    AddRow(record, 0, reward, &rows);
  }
  return rows;
}

evaluation::Target AdaptiveRunner::TargetFor(const std::string& target,
                                             evaluation::RowSet* rows) const {
  if (target == "uniform") return evaluation::Target::Uniform();
  const uint32_t action = rows->actions.Intern(target);
  std::vector<double> table(action + 1, 0.0);
  table[action] = 1;
  return evaluation::Target::Table({table});
}

absl::Status AdaptiveRunner::Replicate(uint64_t number) {
  FULCRUM_ASSIGN_OR_RETURN(evaluation::RowSet rows, PlayAndLearn());
  const evaluation::EvaluateOptions options = AskFor(options_, kEstimated, number);
  size_t tally = 0;
  for (const char* target : kAdaptiveTargets) {
    const evaluation::Target policy = TargetFor(target, &rows);
    FULCRUM_ASSIGN_OR_RETURN(const evaluation::Evaluation evaluated,
                             evaluation::Evaluate(rows, policy, options));
    for (size_t i = 0; i < std::size(kEstimated); ++i) tallies_[tally++].Add(evaluated);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<CoverageCell>> RunAdaptiveCoverage(
    const CoverageOptions& options, const std::function<void(uint64_t)>& progress) {
  AdaptiveRunner runner(options);
  FULCRUM_RETURN_IF_ERROR(runner.Prepare());
  for (uint64_t number = 0; number < options.replications; ++number) {
    FULCRUM_RETURN_IF_ERROR(runner.Replicate(number));
    if (progress) progress(number + 1);
  }
  return runner.Finish();
}

}  // namespace fulcrum::simulation
