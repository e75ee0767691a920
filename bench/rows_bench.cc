// What limits cost a request: selections among candidates that all rows count on, without the
// distribution, which propensity_bench measures.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "absl/strings/str_format.h"
#include "bench/row_world.h"
#include "bench/rows.h"
#include "orchestrator/orchestrator.h"

namespace fulcrum::orchestrator {
namespace {

constexpr int kCalls = 20'000;

class Selecting {
 public:
  Selecting(int actions, int rows)
      : bundle_(bench::BundleOf(bench::RowBundleText(actions, rows))),
        ledger_("rows_bench", bundle_) {
    context_.now = ledger_.now();
    context_.slate_size = 1;
    facts_.surface = 0;
    context_.values["country"] = "de";
    facts_.context = &context_.values;
    for (int i = 0; i < actions; ++i) {
      // Sorted by id, as they come from the candidates.
      contenders_.push_back({i, MaskReason::kNone, policy::BetaArm{3.0 + i, 97.0 + 2 * i}});
    }
    FULCRUM_CHECK(Run().positions.size() == 1);
  }

  // The hold goes back when the selection is destroyed.
  Selection Run() {
    std::vector<Contender> contenders = contenders_;
    ++decisions_;
    context_.decision_id = DecisionId::FromTimeAndRandom(context_.now, decisions_, decisions_);
    UserRef user_ref{};
    user_ref[0] = static_cast<uint8_t>(decisions_);
    user_ref[1] = static_cast<uint8_t>(decisions_ >> 8);
    const config::Surface& surface = bundle_->surfaces[0];
    auto selection = Orchestrator(ledger_.get())
                         .Select(*bundle_, surface, surface.choice, context_, facts_, user_ref,
                                 {0.0, {}}, absl::MakeSpan(contenders), domain::Wait::kNoWait);
    FULCRUM_CHECK(selection.ok());
    FULCRUM_CHECK(std::all_of(contenders.begin(), contenders.end(),
                              [](const Contender& one) { return one.mask == MaskReason::kNone; }));
    return *std::move(selection);
  }

 private:
  const std::shared_ptr<const config::Bundle> bundle_;
  bench::LedgerInFolder ledger_;
  RequestFacts facts_;
  domain::DecisionContext context_;
  std::vector<Contender> contenders_;
  uint64_t decisions_ = 0;
};

void BM_Select(benchmark::State& state) {
  Selecting selecting(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  for (auto _ : state) benchmark::DoNotOptimize(selecting.Run());
}
BENCHMARK(BM_Select)->Args({20, 10})->Args({200, 50})->Args({20, 0})->Args({200, 0})->Unit(
    benchmark::kMicrosecond);

// Of single calls, so that a pause of the machine does not count.
void Report(const std::string& name, int actions, int rows, double aim_us) {
  Selecting selecting(actions, rows);
  std::vector<double> times;
  for (int i = 0; i < kCalls; ++i) {
    const auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(selecting.Run());
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) { return times[static_cast<size_t>(share * (kCalls - 1))]; };
  bench::ReportRow({name, at(0.5), "us", aim_us, bench::Aim::kAtMost, bench::Gate::kReported,
                    absl::StrFormat("median of %d selections, %d candidates, %d rows each, choice "
                                    "probabilities given; p90 %.1f, p99 %.1f",
                                    kCalls, actions, rows, at(0.9), at(0.99))});
}

}  // namespace
}  // namespace fulcrum::orchestrator

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  fulcrum::orchestrator::Report("select_20x10_us", 20, 10, 10);
  fulcrum::orchestrator::Report("select_200x50_us", 200, 50, 50);
  return 0;
}
