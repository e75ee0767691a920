#include "simulation/frozen_path.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/status_macros.h"
#include "simulation/record_rows.h"

namespace fulcrum::simulation {

FrozenPath::FrozenPath(const FrozenSetting& setting, uint64_t seed)
    : setting_(setting),
      random_(base::MixKey(setting.name, "coverage", static_cast<uint32_t>(seed))),
      posteriors_(std::make_shared<const scoring::Posteriors>(FrozenPosteriors(setting_.world))) {}

absl::StatusOr<std::unique_ptr<FrozenPath>> FrozenPath::Start(const FrozenSetting& setting,
                                                              const std::string& directory,
                                                              uint64_t seed,
                                                              const base::Clock* clock) {
  std::unique_ptr<FrozenPath> path(new FrozenPath(setting, seed));
  FULCRUM_RETURN_IF_ERROR(path->Open(directory, clock));
  return path;
}

absl::Status FrozenPath::Open(const std::string& directory, const base::Clock* clock) {
  InProcessOptions options;
  options.directory = directory;
  options.bundle.policy = setting_.policy;
  options.bundle.exploration_floor = setting_.exploration_floor;
  options.bundle.exposure_required = false;
  options.bundle.late_from = LateFrom();
  options.seed = random_.Next64();
  options.clock = clock;
  FULCRUM_ASSIGN_OR_RETURN(path_, InProcess::Start(setting_.world, options));
  return absl::OkStatus();
}

// Each cell, before and after the late campaign starts. What can be drawn and what is believed
// there are those of a record made there.
absl::StatusOr<double> FrozenPath::TruthOf(TargetKind target) {
  const World& world = setting_.world;
  double truth = 0;
  const std::vector<std::string> segments = world.segments();
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    Visit visit;
    visit.cell = cell;
    while (segments[world.SegmentOf(visit.user, kUsersDefault)] != world.cells[cell].segment) {
      ++visit.user;
    }
    for (const bool late : {false, true}) {
      visit.time = LateFrom() + (late ? absl::Hours(1) : -absl::Hours(1));
      FULCRUM_ASSIGN_OR_RETURN(const DecisionRecord record, path_->Decide(visit, posteriors_));
      const std::vector<double> probabilities = TargetAt(world, target, record);
      for (size_t arm = 0; arm < probabilities.size(); ++arm) {
        truth += 0.5 * world.cells[cell].share * probabilities[arm] * world.conversion[cell][arm];
      }
    }
  }
  return truth;
}

absl::Status FrozenPath::Play(
    uint64_t decisions, absl::FunctionRef<void(const DecisionRecord&, const Visit&)> on_decision) {
  for (const Visit& visit : FrozenRun(setting_.world, kUsersDefault, decisions, &random_)) {
    FULCRUM_ASSIGN_OR_RETURN(const DecisionRecord record, path_->Decide(visit, posteriors_));
    on_decision(record, visit);
  }
  return absl::OkStatus();
}

void FrozenPath::AddRow(const DecisionRecord& record, const Visit& visit,
                        evaluation::RowSet* rows) const {
  const World& world = setting_.world;
  const size_t arm = world.IndexOf(record.positions[0].action_id);
  simulation::AddRow(record, 0, visit.Converts(world, arm) ? 1 : 0, rows);
  const std::vector<double> greedy = TargetAt(world, TargetKind::kGreedy, record);
  rows->rows.back().greedy =
      rows->distributions.Get(AddDistribution(record, greedy, rows)).actions[0];
}

void FrozenPath::AddRow(const DecisionRecord& record, const Visit& visit, TargetKind target,
                        evaluation::RowSet* rows) const {
  AddRow(record, visit, rows);
  rows->rows.back().target =
      AddDistribution(record, TargetAt(setting_.world, target, record), rows);
}

evaluation::Target FrozenPath::TargetFor(TargetKind target, evaluation::RowSet* rows) const {
  if (target == TargetKind::kUniform) return evaluation::Target::Uniform();
  if (target == TargetKind::kGreedy) return evaluation::Target::Greedy();
  const World& world = setting_.world;
  const std::vector<double> by_arm = TableTarget(world);
  std::vector<double> table;
  for (size_t arm = 0; arm < by_arm.size(); ++arm) {
    const uint32_t action =
        rows->actions.Intern(arm == world.neutral() ? std::string_view(kNeutralActionId)
                                                    : std::string_view(world.arms[arm].id));
    table.resize(std::max<size_t>(table.size(), action + 1), 0.0);
    table[action] = by_arm[arm];
  }
  return evaluation::Target::Table({table});
}

}  // namespace fulcrum::simulation
