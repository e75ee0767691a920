// Time of the Gaussian choice probabilities by family, number of arms and vector instructions,
// fresh posteriors in every call (a hundred configurations in turn). Rows: the median over
// configurations of 20 arms, and what the vectors gain over the baseline's two lanes.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/check.h"
#include "base/simd.h"
#include "bench/interleave.h"
#include "bench/rows.h"
#include "policy/gauss_quadrature.h"
#include "tests/policy/gauss_families.h"

namespace fulcrum::policy {
namespace {

using Configurations = std::vector<std::vector<GaussArm>>;

Configurations Make(testing::GaussFamily family, size_t arms) {
  Configurations all;
  for (uint64_t round = 0; round < 100; ++round) {
    all.push_back(testing::MakeGaussArms(family, arms, round));
  }
  return all;
}

// One decision after the other, over and over.
class Decisions {
 public:
  explicit Decisions(Configurations configurations) : all_(std::move(configurations)) {}

  QuadratureReport Next() {
    next_ = (next_ + 1) % all_.size();
    return At(next_);
  }
  QuadratureReport At(size_t i) {
    probabilities_.resize(all_[i].size());
    return quadrature_.Compute(all_[i], kNoKnownValue, absl::MakeSpan(probabilities_));
  }
  size_t size() const { return all_.size(); }

 private:
  Configurations all_;
  GaussQuadrature quadrature_;
  std::vector<double> probabilities_;
  size_t next_ = 0;
};

void BM_Gauss(benchmark::State& state, testing::GaussFamily family, base::SimdLevel level) {
  FULCRUM_CHECK(base::ForceSimdLevel(level).ok());
  Decisions decisions(Make(family, static_cast<size_t>(state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(decisions.Next());
  double panels = 0;
  for (size_t i = 0; i < decisions.size(); ++i) panels += decisions.At(i).panels;
  state.counters["panels"] = panels / static_cast<double>(decisions.size());
}

void RegisterAll() {
  for (int family = 0; family < testing::kGaussFamilies; ++family) {
    for (const base::SimdLevel level :
         {base::SimdLevel::kSse2, base::SimdLevel::kAvx2, base::SimdLevel::kAvx512}) {
      if (level > base::DetectedSimdLevel()) continue;
      const std::string name = std::string("gauss_") + testing::kGaussFamilyNames[family] + "/" +
                               std::string(base::SimdLevelName(level));
      benchmark::RegisterBenchmark(name.c_str(), BM_Gauss,
                                   static_cast<testing::GaussFamily>(family), level)
          ->Arg(5)
          ->Arg(20)
          ->Arg(50)
          ->Arg(200)
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

Configurations AllFamilies(size_t arms) {
  Configurations all;
  for (int family = 0; family < testing::kGaussFamilies; ++family) {
    for (auto& configuration : Make(static_cast<testing::GaussFamily>(family), arms)) {
      all.push_back(std::move(configuration));
    }
  }
  return all;
}

void ReportRows() {
  const base::SimdLevel best = base::DetectedSimdLevel();
  FULCRUM_CHECK(base::ForceSimdLevel(best).ok());
  Decisions decisions(AllFamilies(20));
  std::vector<double> us;
  for (size_t i = 0; i < decisions.size(); ++i) {
    us.push_back(bench::NanosecondsPerCall([&] { decisions.At(i); }, std::chrono::milliseconds(1)) /
                 1000);
  }
  bench::ReportRow({.name = "gauss_k20_p50_us",
                    .value = bench::Median(std::move(us)),
                    .unit = "us",
                    .aim = 25,
                    .against = "median over 800 configurations of eight families, " +
                               std::string(base::SimdLevelName(best))});
  const bench::TimeRatio ratio = bench::CompareTimes(
      [&] {
        static_cast<void>(base::ForceSimdLevel(best));
        decisions.Next();
      },
      [&] {
        static_cast<void>(base::ForceSimdLevel(base::SimdLevel::kSse2));
        decisions.Next();
      },
      20, std::chrono::milliseconds(50), 64);
  bench::ReportRow(
      {.name = "gauss_k20_vs_sse2",
       .value = ratio.ratio,
       .unit = "ratio",
       .aim = 1.1,
       .gate = bench::Gate::kGated,
       .against = "the same source at sse2; here " + std::string(base::SimdLevelName(best))});
}

}  // namespace
}  // namespace fulcrum::policy

int main(int argc, char** argv) {
  fulcrum::policy::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  fulcrum::policy::ReportRows();
  return 0;
}
