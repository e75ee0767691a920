#include "simulation/fault_study.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "simulation/frozen_path.h"

namespace fulcrum::simulation {
namespace {

using evaluation::Estimator;

constexpr FaultCase kCases[] = {
    {Fault::kEven, TargetKind::kTable, "logged as 1 / number of actions"},
    {Fault::kMaskIgnored, TargetKind::kTable, "mask ignored"},
    {Fault::kLargestOff, TargetKind::kGreedy, "largest 5 % too small"},
    {Fault::kRedrawn, TargetKind::kTable, "6 % drawn again, first draw's"},
    {Fault::kRedrawnLast, TargetKind::kGreedy, "6 % drawn again, last draw's"},
    {Fault::kSampled100, TargetKind::kUniform, "100 draws"},
    {Fault::kSampled1000, TargetKind::kUniform, "1,000 draws"},
    {Fault::kCountedIn8, TargetKind::kUniform, "BanditDB, Thompson, 8 draws"},
    {Fault::kCountedIn64, TargetKind::kUniform, "BanditDB, Thompson, 64 draws"},
    {Fault::kSoftmaxOfScores, TargetKind::kUniform, "BanditDB, upper bound"},
};

// A log as a fault leaves it, with a target that does not follow from what was logged.
struct Logging {
  Fault fault;
  TargetKind target;
  evaluation::RowSet rows = {};
};

// One run, logged in each of the ways: the same decisions, unless a fault draws anew.
absl::Status PlayOnce(uint64_t decisions, FrozenPath* path, base::RandomStream* random,
                      std::vector<Logging>* loggings) {
  for (Logging& logging : *loggings) logging.rows = {};
  return path->Play(decisions, [&](const DecisionRecord& record, const Visit& visit) {
    for (Logging& logging : *loggings) {
      DecisionRecord logged = record;
      Plant(logging.fault, random, &logged);
      path->AddRow(logged, visit, logging.target, &logging.rows);
    }
  });
}

struct Judged {
  double ips = std::numeric_limits<double>::quiet_NaN();
  bool refused = false;  // for its mean weight
};

Judged Judge(const evaluation::RowSet& rows) {
  evaluation::EvaluateOptions options;
  options.estimators = {Estimator::kIps};
  options.resamples = 0;
  const auto evaluated = evaluation::Evaluate(rows, evaluation::Target::PerRow(), options);
  if (!evaluated.ok()) return {};
  const auto& warnings = evaluated->warnings;
  return {evaluated->estimates[0].value,
          std::any_of(warnings.begin(), warnings.end(), [](const evaluation::Warning& warning) {
            return warning.code == "mean_weight";
          })};
}

double ErrorOf(const Moments& moments) {
  return moments.Sd() / std::sqrt(moments.count);
}

absl::StatusOr<std::unique_ptr<FrozenPath>> StartMasked(const CoverageOptions& options) {
  return FrozenPath::Start(FrozenSettings()[0], options.directory, options.seed, options.clock);
}

base::RandomStream StreamOfFaults(const CoverageOptions& options) {
  return base::RandomStream(base::MixKey("masked", "faults", static_cast<uint32_t>(options.seed)));
}

struct Line {
  Fault fault;
  const char* name;
};
constexpr Line kLines[] = {{Fault::kNone, "Fulcrum, exact"},
                           {Fault::kSampled100, "100 draws"},
                           {Fault::kCountedIn64, "BanditDB, 64 draws"},
                           {Fault::kCountedIn8, "BanditDB, 8 draws"},
                           {Fault::kSoftmaxOfScores, "BanditDB, UCB"}};
constexpr size_t kPoints = 20;

uint64_t CountAt(const CoverageOptions& options, size_t point) {
  return options.rows * (point + 1) / kPoints;
}

// `count` rows evenly from all over the run: what can be drawn changes in the middle of it.
std::vector<evaluation::Row> Thinned(const std::vector<evaluation::Row>& rows, uint64_t count) {
  std::vector<evaluation::Row> thinned;
  for (uint64_t i = 0; i < count; ++i) thinned.push_back(rows[i * rows.size() / count]);
  return thinned;
}

}  // namespace

absl::StatusOr<std::vector<FaultFinding>> RunFaults(const CoverageOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<FrozenPath> path, StartMasked(options));
  base::RandomStream random = StreamOfFaults(options);
  std::vector<FaultFinding> findings;
  std::vector<Logging> loggings;  // by case, then the exact ones by target
  for (const FaultCase& planted : kCases) {
    FaultFinding& finding = findings.emplace_back();
    finding.planted = planted;
    FULCRUM_ASSIGN_OR_RETURN(finding.truth, path->TruthOf(planted.target));
    loggings.push_back({planted.fault, planted.target});
  }
  for (const TargetKind target : kTargetKinds) loggings.push_back({Fault::kNone, target});
  struct Off {
    Moments honest, faulty, moved, honest_refused, faulty_refused;
  };
  std::vector<Off> offs(findings.size());
  for (uint64_t number = 0; number < options.replications; ++number) {
    FULCRUM_RETURN_IF_ERROR(PlayOnce(options.rows, path.get(), &random, &loggings));
    for (size_t i = 0; i < findings.size(); ++i) {
      const auto target = static_cast<size_t>(findings[i].planted.target);
      const Judged honest = Judge(loggings[findings.size() + target].rows);
      const Judged faulty = Judge(loggings[i].rows);
      offs[i].honest.Add(honest.ips / findings[i].truth - 1);
      offs[i].faulty.Add(faulty.ips / findings[i].truth - 1);
      offs[i].moved.Add((faulty.ips - honest.ips) / findings[i].truth);
      offs[i].honest_refused.Add(honest.refused ? 1 : 0);
      offs[i].faulty_refused.Add(faulty.refused ? 1 : 0);
    }
  }
  for (size_t i = 0; i < findings.size(); ++i) {
    FaultFinding& finding = findings[i];
    finding.honest = offs[i].honest.mean;
    finding.honest_se = ErrorOf(offs[i].honest);
    finding.faulty = offs[i].faulty.mean;
    finding.faulty_se = ErrorOf(offs[i].faulty);
    finding.moved = offs[i].moved.mean;
    finding.moved_se = ErrorOf(offs[i].moved);
    finding.honest_refused = offs[i].honest_refused.mean;
    finding.faulty_refused = offs[i].faulty_refused.mean;
  }
  return findings;
}

absl::StatusOr<Chart> PropensityChart(const CoverageOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<FrozenPath> path, StartMasked(options));
  base::RandomStream random = StreamOfFaults(options);
  FULCRUM_ASSIGN_OR_RETURN(const double truth, path->TruthOf(TargetKind::kUniform));
  std::vector<Logging> loggings;
  for (const Line& line : kLines) loggings.push_back({line.fault, TargetKind::kUniform});
  Moments values[std::size(kLines)][kPoints];
  for (uint64_t number = 0; number < options.replications; ++number) {
    FULCRUM_RETURN_IF_ERROR(PlayOnce(options.rows, path.get(), &random, &loggings));
    for (size_t line = 0; line < std::size(kLines); ++line) {
      const std::vector<evaluation::Row> all = loggings[line].rows.rows;
      for (size_t point = 0; point < kPoints; ++point) {
        loggings[line].rows.rows = Thinned(all, CountAt(options, point));
        values[line][point].Add(100 * Judge(loggings[line].rows).ips / truth);
      }
    }
  }
  Chart chart;
  chart.title = "The value of choosing evenly, told from a log";
  chart.x_label = "decisions in the log";
  chart.y_label = "IPS, % of the truth";
  for (size_t line = 0; line < std::size(kLines); ++line) {
    Series& series = chart.series.emplace_back();
    series.name = kLines[line].name;
    for (size_t point = 0; point < kPoints; ++point) {
      const Moments& here = values[line][point];
      series.x.push_back(static_cast<double>(CountAt(options, point)));
      series.y.push_back(here.mean);
      series.low.push_back(here.mean - here.Sd());
      series.high.push_back(here.mean + here.Sd());
    }
  }
  return chart;
}

}  // namespace fulcrum::simulation
