#include "simulation/frozen.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/math.h"
#include "policy/policies.h"
#include "policy/recorded.h"

namespace fulcrum::simulation {
namespace {

constexpr absl::Duration kRun = absl::Hours(24);
constexpr int kTrialsEach = 40;       // per segment and arm, or per cell and arm
constexpr double kTemperature = 0.1;  // of the table target, in conversions per decision

std::string NameOf(const World& world, size_t arm) {
  return arm == world.neutral() ? kNeutralActionId : world.arms[arm].id;
}

void LearnCounts(const World& world, base::RandomStream* random, scoring::Posteriors* posteriors) {
  for (size_t arm = 0; arm <= world.neutral(); ++arm) {
    double all = 0;
    for (size_t cell = 0; cell < world.cells.size(); ++cell) {
      double successes = 0;
      for (int i = 0; i < kTrialsEach; ++i) {
        successes += random->NextUniform() < world.conversion[cell][arm] ? 1 : 0;
      }
      posteriors->Set(world.cells[cell].segment, NameOf(world, arm),
                      {static_cast<double>(kTrialsEach), successes});
      all += successes;
    }
    posteriors->Set(
        "", NameOf(world, arm),
        {static_cast<double>(kTrialsEach) * static_cast<double>(world.cells.size()), all});
  }
}

// x of the service without a model: [1, score 0, one term per segment but the first, context].
std::vector<double> BasisOf(const World& world, size_t cell) {
  std::vector<double> basis = {1, 0};
  const std::vector<std::string> segments = world.segments();
  for (size_t i = 1; i < segments.size(); ++i) {
    basis.push_back(world.cells[cell].segment == segments[i] ? 1 : 0);
  }
  if (world.has_context) basis.push_back(world.cells[cell].x);
  return basis;
}

void LearnLines(const World& world, base::RandomStream* random, scoring::Posteriors* posteriors) {
  for (size_t arm = 0; arm <= world.neutral(); ++arm) {
    for (size_t cell = 0; cell < world.cells.size(); ++cell) {
      const std::vector<double> basis = BasisOf(world, cell);
      for (int i = 0; i < kTrialsEach / 4; ++i) {
        const double reward = random->NextUniform() < world.conversion[cell][arm] ? 1 : 0;
        posteriors->Observe(
            {kSurface, world.cells[cell].segment, NameOf(world, arm), basis, reward});
      }
    }
  }
}

}  // namespace

const char* ToWord(TargetKind target) {
  switch (target) {
    case TargetKind::kUniform:
      return "uniform";
    case TargetKind::kGreedy:
      return "greedy";
    case TargetKind::kTable:
      return "table";
  }
  return "";
}

std::vector<FrozenSetting> FrozenSettings() {
  FrozenSetting masked{"masked", "Beta posteriors; three of six arms masked in half of the time",
                       *FindWorld("stationary")};
  masked.world.budgeted.clear();
  masked.world.late_campaign = "banner";
  FrozenSetting linear{"linear", "linear posteriors on segment and context; nothing masked",
                       *FindWorld("contextual")};
  struct By {
    const char* name;
    const char* policy;
    double exploration_floor;
  };
  constexpr By kOthers[] = {
      {"greedy", "{kind: greedy}", 0.2},
      {"epsilon_greedy", "{kind: epsilon_greedy, epsilon: 0.2}", 0},
      {"softmax", "{kind: softmax, temperature: 0.1}", 0},
      {"upper_bound", "{kind: upper_bound, width: 1}", 0.2},
      {"inverse_gap", "{kind: inverse_gap, gamma: 40}", 0},
      {"top_two", "{kind: top_two, beta: 0.5}", 0.1},
  };
  std::vector<FrozenSetting> settings = {masked, linear};
  for (const By& by : kOthers) {
    FrozenSetting& setting = settings.emplace_back(masked);
    setting.name = by.name;
    setting.what = "as masked";
    setting.policy = by.policy;
    setting.exploration_floor = by.exploration_floor;
  }
  return settings;
}

absl::Time LateFrom() {
  return WorldStart() + kRun / 2;
}

scoring::Posteriors FrozenPosteriors(const World& world) {
  base::RandomStream random(base::MixKey(world.name, "frozen", 1));
  scoring::Posteriors posteriors;
  if (world.linear) {
    scoring::LinearSpec spec;
    spec.terms = BasisOf(world, 0).size();
    spec.noise_sd = kLinearNoiseSd;
    spec.prior_sd = kLinearPriorSd;
    posteriors.SetLinear(kSurface, spec);
    LearnLines(world, &random, &posteriors);
  } else {
    LearnCounts(world, &random, &posteriors);
  }
  return posteriors;
}

std::vector<double> TableTarget(const World& world) {
  std::vector<double> table(world.arms.size() + 1, 0.0);
  double sum = 0;
  for (size_t arm = 0; arm <= world.neutral(); ++arm) {
    if (!world.IsActive(arm, /*late=*/false)) continue;
    double mean = 0;
    for (size_t cell = 0; cell < world.cells.size(); ++cell) {
      mean += world.cells[cell].share * world.conversion[cell][arm];
    }
    table[arm] = base::Exp(mean / kTemperature);
    sum += table[arm];
  }
  for (double& probability : table) probability /= sum;
  return table;
}

std::vector<double> PosteriorMeans(const DecisionRecord& record) {
  std::vector<double> means;
  means.reserve(record.candidates.size() + 1);
  for (const CandidateRecord& candidate : record.candidates) {
    means.push_back(candidate.mask == MaskReason::kNone
                        ? policy::MeanOf(policy::PosteriorOf(candidate, record.log_odds))
                        : std::numeric_limits<double>::quiet_NaN());
  }
  means.push_back(policy::NeutralMeanOf(record));
  return means;
}

std::vector<double> TargetAmong(const World& world, TargetKind target,
                                const std::vector<double>& means) {
  std::vector<double> weights =
      target == TargetKind::kTable ? TableTarget(world) : std::vector<double>(means.size(), 1.0);
  size_t best = means.size();
  double sum = 0;
  for (size_t i = 0; i < means.size(); ++i) {
    if (std::isnan(means[i])) weights[i] = 0;
    sum += weights[i];
    if (weights[i] == 0) continue;
    if (best == means.size() || means[i] > means[best]) best = i;  // of equals the first
  }
  if (target == TargetKind::kGreedy) {
    std::vector<double> probabilities(means.size(), 0.0);
    probabilities[best] = 1;
    return probabilities;
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

std::vector<double> TargetAt(const World& world, TargetKind target, const DecisionRecord& record) {
  return TargetAmong(world, target, PosteriorMeans(record));
}

std::vector<Visit> FrozenRun(const World& world, uint32_t users, uint64_t count,
                             base::RandomStream* random) {
  std::vector<int64_t> instants;
  for (uint64_t i = 0; i < count; ++i) {
    instants.push_back(static_cast<int64_t>(random->NextUniform() *
                                            static_cast<double>(absl::ToInt64Microseconds(kRun))));
  }
  std::sort(instants.begin(), instants.end());
  Visits visits(world, random->Next64(), users);
  std::vector<Visit> run;
  run.reserve(count);
  for (const int64_t instant : instants) {
    Visit visit = visits.Next();
    visit.time = WorldStart() + absl::Microseconds(instant);
    run.push_back(visit);
  }
  return run;
}

}  // namespace fulcrum::simulation
