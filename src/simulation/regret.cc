#include "simulation/regret.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "simulation/chart.h"
#include "simulation/in_process.h"
#include "simulation/learning_endpoint.h"
#include "simulation/oracle.h"
#include "simulation/traffic.h"

namespace fulcrum::simulation {
namespace {

absl::StatusOr<std::vector<double>> RunOnce(const World& world, const RegretOptions& options,
                                            const ServedPolicy& policy, uint64_t seed) {
  InProcessOptions settings;
  settings.directory =
      absl::StrCat(options.directory, "/", world.name, "-", policy.text, "-", seed);
  settings.bundle.exploration_floor = policy.exploration_floor;
  settings.bundle.policy = PolicyYaml(policy);
  settings.seed = seed;
  settings.clock = options.clock;
  FULCRUM_ASSIGN_OR_RETURN(const auto path, InProcess::Start(world, settings));
  LearningEndpoint endpoint(path.get());
  TrafficOptions traffic;
  traffic.decisions = options.decisions;
  traffic.seed = seed;
  FULCRUM_ASSIGN_OR_RETURN(TrafficResult result,
                           PlayTraffic(world, SolveOracle(world, 0), traffic, endpoint));
  return std::move(result.regret_curve);
}

double MeanAt(const std::vector<std::vector<double>>& by_seed, size_t point) {
  double sum = 0;
  for (const std::vector<double>& curve : by_seed) sum += curve[point];
  return sum / static_cast<double>(by_seed.size());
}

}  // namespace

absl::StatusOr<RegretStudy> StudyRegret(const World& world, const RegretOptions& options,
                                        const std::function<void(const std::string&)>& progress) {
  World unlimited = world;
  unlimited.budgeted.clear();
  RegretStudy study{world.name, options.decisions, options.seeds, {}};
  for (const ServedPolicy& policy : options.policies) {
    std::vector<std::vector<double>> by_seed;
    by_seed.reserve(options.seeds);
    for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
      if (progress) progress(absl::StrCat(world.name, ": ", policy.text, ", seed ", seed));
      FULCRUM_ASSIGN_OR_RETURN(std::vector<double> curve,
                               RunOnce(unlimited, options, policy, seed));
      by_seed.push_back(std::move(curve));
    }
    study.policies.push_back(Summarise(policy.text, by_seed));
  }
  return study;
}

PolicyRegret Summarise(const std::string& policy, const std::vector<std::vector<double>>& by_seed) {
  PolicyRegret regret;
  regret.policy = policy;
  regret.curve.reserve(by_seed.front().size());
  for (size_t point = 0; point < by_seed.front().size(); ++point) {
    regret.curve.push_back(MeanAt(by_seed, point));
  }
  regret.mean = regret.curve.back();
  regret.low = regret.high = by_seed.front().back();
  double squares = 0;
  for (const std::vector<double>& curve : by_seed) {
    regret.low = std::min(regret.low, curve.back());
    regret.high = std::max(regret.high, curve.back());
    squares += (curve.back() - regret.mean) * (curve.back() - regret.mean);
  }
  const auto count = static_cast<double>(by_seed.size());
  regret.se = count > 1 ? std::sqrt(squares / (count - 1) / count) : 0;
  return regret;
}

std::string RegretTable(const RegretStudy& study) {
  std::string text = absl::StrCat(
      "| ", study.world, " | mean regret | standard error | lowest seed | highest seed |\n",
      "|---|---|---|---|---|\n");
  for (const PolicyRegret& regret : study.policies) {
    absl::StrAppendFormat(&text, "| %s | %.1f | %.1f | %.1f | %.1f |\n", regret.policy, regret.mean,
                          regret.se, regret.low, regret.high);
  }
  return text;
}

std::string RegretJson(const RegretStudy& study) {
  std::vector<std::string> policies;
  for (const PolicyRegret& regret : study.policies) {
    std::vector<std::string> curve;
    curve.reserve(regret.curve.size());
    for (const double mean : regret.curve) curve.push_back(absl::StrFormat("%.2f", mean));
    policies.push_back(absl::StrFormat(
        "    \"%s\": {\"mean\": %.15g, \"se\": %.15g, \"low\": %.15g, \"high\": %.15g,\n"
        "      \"curve\": [%s]}",
        regret.policy, regret.mean, regret.se, regret.low, regret.high,
        absl::StrJoin(curve, ", ")));
  }
  return absl::StrFormat(
      "{\n  \"world\": \"%s\",\n  \"decisions\": %d,\n  \"seeds\": %d,\n  \"policies\": "
      "{\n%s\n  }\n}\n",
      study.world, study.decisions, study.seeds, absl::StrJoin(policies, ",\n"));
}

std::string RegretSvg(const RegretStudy& study) {
  Chart chart;
  chart.title =
      absl::StrCat("Regret in the world '", study.world, "', mean of ", study.seeds, " seeds");
  chart.x_label = "decisions";
  chart.y_label = "conversions lost against the oracle";
  for (const PolicyRegret& regret : study.policies) {
    Series& series = chart.series.emplace_back();
    series.name = regret.policy;
    series.y = regret.curve;
    for (size_t point = 1; point <= regret.curve.size(); ++point) {
      series.x.push_back(static_cast<double>(study.decisions) * static_cast<double>(point) /
                         static_cast<double>(regret.curve.size()));
    }
  }
  return ToSvg(chart);
}

}  // namespace fulcrum::simulation
