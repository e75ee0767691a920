// Time of the choice probabilities by family and number of arms, fresh posteriors in every call (a
// hundred configurations in turn); panels and worst defect stand beside. The parity test prints the
// errors.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/math.h"
#include "base/random.h"
#include "policy/beta_quadrature.h"
#include "policy/choice.h"

namespace fulcrum::policy {
namespace {

enum Family { kPriors, kSmall, kRates, kNewcomer, kFractional, kNearTies };
constexpr const char* kNames[] = {"priors",   "small",      "rates",
                                  "newcomer", "fractional", "near_ties"};

double LogUniform(base::RandomStream& random, double low, double high) {
  return base::Exp(base::Log(low) + random.NextUniform() * base::Log(high / low));
}

BetaArm MakeArm(Family family, bool last, base::RandomStream& random) {
  const auto counts = [](double trials, double successes) {
    return BetaArm{1 + successes, 1 + trials - successes};
  };
  switch (family) {
    case kPriors:
      return {1, 1};
    case kSmall: {
      const uint32_t trials = 1 + random.NextBelow(100);
      return counts(trials, random.NextBelow(trials + 1));
    }
    case kRates: {
      // Two per cent, give or take what counting gives or takes.
      const double trials = LogUniform(random, 50, 50000);
      const double noise = 1.7 * (2 * random.NextUniform() - 1);
      const double expected = 0.02 * trials;
      return counts(trials, std::max(0.0, expected * (1 + noise / (1 + expected))));
    }
    case kNewcomer:
      return last ? BetaArm{1, 1} : counts(1e6, 19400 + random.NextBelow(1200));
    case kFractional:
      return {0.02 + 0.93 * random.NextUniform(), 0.1 + 30 * random.NextUniform()};
    case kNearTies:
      return counts(1e6, 19998 + random.NextBelow(5));
  }
  return {};
}

std::vector<std::vector<BetaArm>> Configurations(Family family, size_t arms) {
  base::RandomStream random(1);
  std::vector<std::vector<BetaArm>> all(100);
  for (std::vector<BetaArm>& configuration : all) {
    for (size_t i = 0; i < arms; ++i) {
      configuration.push_back(MakeArm(family, i + 1 == arms, random));
    }
  }
  return all;
}

void BM_Choice(benchmark::State& state, Family family, bool known) {
  const auto configurations = Configurations(family, static_cast<size_t>(state.range(0)));
  std::vector<std::vector<Posterior>> wrapped;
  for (const auto& arms : configurations) wrapped.emplace_back(arms.begin(), arms.end());
  Baseline baseline;
  if (known) baseline.known_value = 0;
  baseline.posterior = BetaArm{3, 140};
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(ChoiceProbabilities(wrapped[next], baseline));
    next = (next + 1) % configurations.size();
  }
  BetaQuadrature quadrature;
  double panels = 0;
  double defect = 0;
  for (const std::vector<BetaArm>& arms : configurations) {
    std::vector<double> p(arms.size());
    const QuadratureReport report = quadrature.Compute(arms, kNoKnownLogit, absl::MakeSpan(p));
    panels += report.panels;
    defect = std::max(defect, report.defect);
  }
  state.counters["panels"] = panels / static_cast<double>(configurations.size());
  state.counters["defect"] = defect;
}

void RegisterAll() {
  for (int family = kPriors; family <= kNearTies; ++family) {
    for (const bool known : {true, false}) {
      const std::string name =
          std::string("choice_") + kNames[family] + (known ? "/known0" : "/posterior");
      benchmark::RegisterBenchmark(name.c_str(), BM_Choice, static_cast<Family>(family), known)
          ->Arg(5)
          ->Arg(10)
          ->Arg(20)
          ->Arg(50)
          ->Arg(200)
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace
}  // namespace fulcrum::policy

int main(int argc, char** argv) {
  fulcrum::policy::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
