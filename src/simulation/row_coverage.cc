#include "simulation/row_coverage.h"

#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "simulation/in_process.h"
#include "simulation/record_rows.h"

namespace fulcrum::simulation {
namespace {

using evaluation::Estimator;

constexpr char kSetting[] = "rows";
constexpr double kFloor = 0.1;
constexpr Estimator kEstimated[] = {Estimator::kIps, Estimator::kSnips, Estimator::kDr};
constexpr int64_t kUnitMicros = 1'000'000;
// Per decision in the window: less than what would be drawn. Few windows, for each takes a synced
// lease.
constexpr double kOfferUnits = 0.9;
constexpr double kBannerExposures = 0.05;
constexpr double kDearestExposures = 0.1;

World WithCosts() {
  World world = *FindWorld("stationary");
  world.budgeted.clear();
  int64_t units = 0;
  for (Arm& arm : world.arms) {
    if (arm.campaign == "offer") arm.cost_micros = ++units * kUnitMicros;
  }
  return world;
}

std::vector<std::string> RowsFor(uint64_t decisions) {
  const auto count = static_cast<double>(decisions);
  const auto units = static_cast<int64_t>(kOfferUnits * count);
  return {
      absl::StrCat("{id: offers, campaign: offer, resource: cost, window: day, limit: ",
                   units * kUnitMicros, "}"),
      absl::StrCat("{id: banner, actions: [banner-1], resource: exposures, window: day, limit: ",
                   static_cast<int64_t>(kBannerExposures * count), "}"),
      absl::StrCat("{id: dearest, actions: [offer-3], resource: exposures, window: rolling, ",
                   "span: 48h, limit: ", static_cast<int64_t>(kDearestExposures * count * 2), "}"),
  };
}

using Masked = std::vector<bool>;  // by candidate

class RowRunner {
 public:
  explicit RowRunner(const CoverageOptions& options)
      : options_(options),
        random_(base::MixKey(kSetting, "coverage", static_cast<uint32_t>(options.seed))) {}

  absl::Status Prepare();
  absl::Status Replicate(
      uint64_t number,
      absl::FunctionRef<void(uint64_t replication, const DecisionRecord& record)> on_decision);
  std::vector<CoverageCell> Finish() const { return FinishAll(tallies_); }

 private:
  absl::Status ReadMeans();
  // What the target earns per decision where just these can be drawn.
  double ValueOf(TargetKind target, const Masked& masked);
  absl::Status Judge(uint64_t number, const std::vector<Masked>& masks, evaluation::RowSet* rows);

  const World world_ = WithCosts();
  const CoverageOptions options_;
  base::RandomStream random_;
  std::shared_ptr<const scoring::Posteriors> posteriors_;
  std::unique_ptr<InProcess> path_;
  std::vector<std::vector<double>> means_;  // [cell]: of the posteriors, nothing masked
  std::map<Masked, double> values_[std::size(kTargetKinds)];
  // What each target does at each row, as a distribution of the rows.
  std::vector<uint32_t> targets_[std::size(kTargetKinds)];
  std::vector<CoverageTally> tallies_;  // target by target, estimator by estimator
};

absl::Status RowRunner::Prepare() {
  InProcessOptions options;
  options.directory = options_.directory;
  options.bundle.exploration_floor = kFloor;
  options.bundle.exposure_required = false;
  options.bundle.rows = RowsFor(options_.rows);
  options.seed = random_.Next64();
  options.clock = options_.clock;
  FULCRUM_ASSIGN_OR_RETURN(path_, InProcess::Start(world_, options));
  posteriors_ = std::make_shared<const scoring::Posteriors>(FrozenPosteriors(world_));
  for (const TargetKind target : kTargetKinds) {
    for (const Estimator estimator : kEstimated) {
      tallies_.emplace_back(kSetting, ToWord(target), estimator);
    }
  }
  return ReadMeans();
}

// From a decision on a visitor of each cell, on the day before the first run.
absl::Status RowRunner::ReadMeans() {
  const std::vector<std::string> segments = world_.segments();
  for (const Cell& cell : world_.cells) {
    Visit visit;
    visit.time = WorldStart() - absl::Hours(24);
    visit.cell = means_.size();
    while (segments[world_.SegmentOf(visit.user, kUsersDefault)] != cell.segment) ++visit.user;
    FULCRUM_ASSIGN_OR_RETURN(const DecisionRecord record, path_->Decide(visit, posteriors_));
    means_.push_back(PosteriorMeans(record));
    for (const double mean : means_.back()) {
      if (std::isnan(mean)) return absl::InternalError("a row bound before the first run");
    }
  }
  return absl::OkStatus();
}

double RowRunner::ValueOf(TargetKind target, const Masked& masked) {
  const auto [known, is_new] = values_[static_cast<size_t>(target)].emplace(masked, 0.0);
  if (!is_new) return known->second;
  for (size_t cell = 0; cell < world_.cells.size(); ++cell) {
    std::vector<double> means = means_[cell];
    for (size_t i = 0; i < masked.size(); ++i) {
      if (masked[i]) means[i] = std::numeric_limits<double>::quiet_NaN();
    }
    const std::vector<double> probabilities = TargetAmong(world_, target, means);
    for (size_t arm = 0; arm < probabilities.size(); ++arm) {
      known->second += world_.cells[cell].share * probabilities[arm] * world_.conversion[cell][arm];
    }
  }
  return known->second;
}

absl::Status RowRunner::Replicate(
    uint64_t number,
    absl::FunctionRef<void(uint64_t replication, const DecisionRecord& record)> on_decision) {
  evaluation::RowSet rows;
  std::vector<Masked> masks;
  for (std::vector<uint32_t>& target : targets_) target.clear();
  for (Visit& visit : FrozenRun(world_, kUsersDefault, options_.rows, &random_)) {
    visit.time += absl::Hours(24) * number;  // each run has a day, with budgets of its own
    FULCRUM_ASSIGN_OR_RETURN(const DecisionRecord record, path_->Decide(visit, posteriors_));
    on_decision(number, record);
    const size_t arm = world_.IndexOf(record.positions[0].action_id);
    AddRow(record, 0, visit.Converts(world_, arm) ? 1 : 0, &rows);
    for (size_t i = 0; i < std::size(kTargetKinds); ++i) {
      targets_[i].push_back(
          AddDistribution(record, TargetAt(world_, kTargetKinds[i], record), &rows));
    }
    Masked& masked = masks.emplace_back();
    for (const CandidateRecord& candidate : record.candidates) {
      masked.push_back(candidate.mask != MaskReason::kNone);
    }
  }
  FULCRUM_RETURN_IF_ERROR(Judge(number, masks, &rows));
  return path_->Checkpoint();
}

absl::Status RowRunner::Judge(uint64_t number, const std::vector<Masked>& masks,
                              evaluation::RowSet* rows) {
  const evaluation::EvaluateOptions options = AskFor(options_, kEstimated, number);
  size_t tally = 0;
  for (const TargetKind target : kTargetKinds) {
    double truth = 0;
    for (const Masked& masked : masks) truth += ValueOf(target, masked);
    truth /= static_cast<double>(masks.size());
    const std::vector<uint32_t>& at_row = targets_[static_cast<size_t>(target)];
    for (size_t i = 0; i < at_row.size(); ++i) rows->rows[i].target = at_row[i];
    FULCRUM_ASSIGN_OR_RETURN(const evaluation::Evaluation evaluated,
                             evaluation::Evaluate(*rows, evaluation::Target::PerRow(), options));
    for (size_t i = 0; i < std::size(kEstimated); ++i) tallies_[tally++].Add(evaluated, truth);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<CoverageCell>> RunRowCoverage(
    const CoverageOptions& options,
    absl::FunctionRef<void(uint64_t replication, const DecisionRecord& record)> on_decision) {
  RowRunner runner(options);
  FULCRUM_RETURN_IF_ERROR(runner.Prepare());
  for (uint64_t number = 0; number < options.replications; ++number) {
    FULCRUM_RETURN_IF_ERROR(runner.Replicate(number, on_decision));
  }
  return runner.Finish();
}

}  // namespace fulcrum::simulation
