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

// Values of all seeds at one point, ascending.
std::vector<double> Across(const RegretCurves& curves, size_t point) {
  std::vector<double> values;
  values.reserve(curves.by_seed.size());
  for (const std::vector<double>& curve : curves.by_seed) values.push_back(curve[point]);
  std::sort(values.begin(), values.end());
  return values;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

Series SeriesOf(const RegretCurves& curves, uint64_t decisions) {
  Series series;
  series.name = curves.policy;
  const size_t points = curves.by_seed.front().size();
  for (size_t point = 0; point < points; ++point) {
    const std::vector<double> values = Across(curves, point);
    const size_t inner = values.size() > 2 ? 1 : 0;
    series.x.push_back(static_cast<double>(decisions) * static_cast<double>(point + 1) /
                       static_cast<double>(points));
    series.y.push_back(Mean(values));
    series.low.push_back(values[inner]);
    series.high.push_back(values[values.size() - 1 - inner]);
  }
  return series;
}

}  // namespace

absl::StatusOr<RegretStudy> StudyRegret(const World& world, const RegretOptions& options,
                                        const std::function<void(const std::string&)>& progress) {
  World unlimited = world;
  unlimited.budgeted.clear();
  RegretStudy study{world.name, options.decisions, {}};
  for (const ServedPolicy& policy : options.policies) {
    RegretCurves curves{policy.text, {}};
    for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
      if (progress) progress(absl::StrCat(world.name, ": ", policy.text, ", seed ", seed));
      FULCRUM_ASSIGN_OR_RETURN(std::vector<double> curve,
                               RunOnce(unlimited, options, policy, seed));
      curves.by_seed.push_back(std::move(curve));
    }
    study.policies.push_back(std::move(curves));
  }
  return study;
}

RegretSummary SummaryOf(const RegretCurves& curves) {
  const std::vector<double> values = Across(curves, curves.by_seed.front().size() - 1);
  RegretSummary summary;
  summary.mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - summary.mean) * (value - summary.mean);
  const auto count = static_cast<double>(values.size());
  summary.se = count > 1 ? std::sqrt(squares / (count - 1) / count) : 0;
  summary.low = values.front();
  summary.high = values.back();
  return summary;
}

std::string RegretTable(const RegretStudy& study) {
  std::string text = absl::StrCat(
      "| ", study.world, " | mean regret | standard error | lowest seed | highest seed |\n",
      "|---|---|---|---|---|\n");
  for (const RegretCurves& curves : study.policies) {
    const RegretSummary summary = SummaryOf(curves);
    absl::StrAppendFormat(&text, "| %s | %.1f | %.1f | %.1f | %.1f |\n", curves.policy,
                          summary.mean, summary.se, summary.low, summary.high);
  }
  return text;
}

std::string RegretJson(const RegretStudy& study) {
  std::vector<std::string> policies;
  for (const RegretCurves& curves : study.policies) {
    const RegretSummary summary = SummaryOf(curves);
    std::vector<std::string> means;
    for (const double mean : SeriesOf(curves, study.decisions).y) {
      means.push_back(absl::StrFormat("%.15g", mean));
    }
    policies.push_back(absl::StrFormat(
        "    \"%s\": {\"mean\": %.15g, \"se\": %.15g, \"low\": %.15g, \"high\": %.15g,\n"
        "      \"curve\": [%s]}",
        curves.policy, summary.mean, summary.se, summary.low, summary.high,
        absl::StrJoin(means, ", ")));
  }
  return absl::StrFormat(
      "{\n  \"world\": \"%s\",\n  \"decisions\": %d,\n  \"seeds\": %d,\n  \"policies\": "
      "{\n%s\n  }\n}\n",
      study.world, study.decisions, study.policies.front().by_seed.size(),
      absl::StrJoin(policies, ",\n"));
}

std::string RegretSvg(const RegretStudy& study) {
  Chart chart;
  chart.title = absl::StrCat("Regret in the world '", study.world, "', ",
                             study.policies.front().by_seed.size(), " seeds");
  chart.x_label = "decisions";
  chart.y_label = "conversions lost against the oracle";
  for (const RegretCurves& curves : study.policies) {
    chart.series.push_back(SeriesOf(curves, study.decisions));
  }
  return ToSvg(chart);
}

}  // namespace fulcrum::simulation
