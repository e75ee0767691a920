// Whether a request pays for campaigns that are not for it: finding the candidates among 10,000
// campaigns against finding them among 100, when the same 20 are eligible.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "bench/interleave.h"
#include "bench/rows.h"
#include "candidates/candidates.h"
#include "config/loader.h"

namespace fulcrum::candidates {
namespace {

constexpr double kAimRatio = 1.2;
constexpr int kPerSegment = 20;

// Each campaign is for one country, which they share, and for one segment of users, which 20 share.
std::string BundleText(int campaigns) {
  std::string here, text;
  for (int i = 0; i < campaigns; ++i) {
    absl::StrAppend(&here, i == 0 ? "" : ", ", "k", i);
    absl::StrAppend(&text, "  - {id: k", i, ", account: shop, currency: EUR, eligible: ",
                    "'context.country == \"de\" and user.segment == \"s", i / kPerSegment,
                    "\" and user.age >= 18', actions: [{id: a", i, "}]}\n");
  }
  return absl::StrCat("surfaces: [{id: page, campaigns: [", here, "]}]\ncampaigns:\n", text,
                      "feature_views: [{name: u, entity: user, features: [{name: segment, type: "
                      "text}, {name: age}]}]\ncontext_keys: [{name: country, type: text}]\n");
}

class World {
 public:
  explicit World(int campaigns) {
    config::Problems problems;
    auto bundle = config::BuildBundle(base::PosixFileSystem(), {{"a.yaml", BundleText(campaigns)}},
                                      "/", &problems);
    FULCRUM_CHECK(bundle.ok());
    bundle_ = *std::move(bundle);
    context_.now = absl::FromUnixSeconds(1'764'586'800);
    context_.values["country"] = "de";
    user_["segment"] = "s3";
    user_["age"] = 42.0;
    FULCRUM_CHECK(Find().size() == kPerSegment);
  }

  std::vector<int32_t> Find() const {
    auto found = FindCandidates(*bundle_, bundle_->surfaces[0], context_, &user_, {});
    FULCRUM_CHECK(found.ok());
    return *std::move(found);
  }

 private:
  std::shared_ptr<const config::Bundle> bundle_;
  domain::DecisionContext context_;
  UserValues user_;
};

void BM_FindCandidates(benchmark::State& state) {
  const World world(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(world.Find());
}
BENCHMARK(BM_FindCandidates)->Arg(100)->Arg(10'000);

void ReportRows() {
  const World large(10'000);
  const World small(100);
  const bench::TimeRatio times =
      bench::CompareTimes([&] { benchmark::DoNotOptimize(large.Find()); },
                          [&] { benchmark::DoNotOptimize(small.Find()); });
  bench::ReportRow({"index_10k_vs_100_campaigns", times.ratio, "ratio", kAimRatio,
                    bench::Aim::kAtMost, bench::Gate::kGated,
                    "candidates among 100 campaigns, the same 20 eligible, 20 pairs of windows"});
}

}  // namespace
}  // namespace fulcrum::candidates

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  fulcrum::candidates::ReportRows();
  return 0;
}
