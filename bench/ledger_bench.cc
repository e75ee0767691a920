// The ledger by itself: one hold, two threads on one budget or on two, and a budget that threads
// fight over until it ends.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/mutex.h"
#include "bench/interleave.h"
#include "bench/row_world.h"
#include "bench/rows.h"

namespace fulcrum::orchestrator {
namespace {

constexpr double kAimHoldUs = 0.5;
constexpr double kAimContended = 2;  // one budget costs two threads at most twice what two do
constexpr int kPairs = 20;
constexpr int kThreads = 4;
constexpr int64_t kUnits = 200'000;

// Actions a0 and a1, each with a budget of its own.
std::string TwoBudgets(const std::string& limit) {
  return absl::StrCat(
      "campaigns: [{id: c, account: shop, currency: EUR, actions: [{id: a0, cost_micros: 1}, "
      "{id: a1, cost_micros: 1}]}]\nsurfaces: [{id: page, campaigns: [c]}]\nconstraints:\n"
      "  - {id: r0, actions: [a0], resource: cost, window: day, limit: ",
      limit, "}\n  - {id: r1, actions: [a1], resource: cost, window: day, limit: ", limit, "}\n");
}

// Acquires one candidate, keeps it and lets it go, as a decision that is not logged.
void HoldOne(Ledger* ledger, int32_t action, absl::Time now) {
  auto hold = ledger->Acquire({action}, 1, std::nullopt, now, domain::Wait::kNoWait);
  FULCRUM_CHECK(hold.ok() && hold->secured()[0]);
  const size_t drawn[] = {0};
  benchmark::DoNotOptimize(hold->Keep(drawn));
}

void BM_Hold(benchmark::State& state) {
  const bench::LedgerInFolder ledger("ledger_bench", bench::BundleOf(TwoBudgets(bench::kNoLimit)));
  const absl::Time now = ledger.now();
  for (auto _ : state) HoldOne(ledger.get(), 0, now);
}
BENCHMARK(BM_Hold);

// Nanoseconds per hold of two threads at once, on the same action or on two.
double NsOfTwoThreads(Ledger* ledger, absl::Time now, bool same) {
  constexpr int kHolds = 50'000;
  std::atomic<int> ready{0};
  double ns[2] = {};
  const auto run = [&](int thread) {
    ++ready;
    while (ready < 2) std::this_thread::yield();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kHolds; ++i) HoldOne(ledger, same ? 0 : thread, now);
    ns[thread] =
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() /
        kHolds;
  };
  std::thread other(run, 1);
  run(0);
  other.join();
  return std::max(ns[0], ns[1]);
}

void ReportHolds() {
  const bench::LedgerInFolder ledger("ledger_bench", bench::BundleOf(TwoBudgets(bench::kNoLimit)));
  const absl::Time now = ledger.now();
  std::vector<double> alone;
  for (int i = 0; i < kPairs; ++i) {
    alone.push_back(bench::NanosecondsPerCall([&] { HoldOne(ledger.get(), 0, now); },
                                              std::chrono::milliseconds(20)));
  }
  std::sort(alone.begin(), alone.end());
  bench::ReportRow({"ledger_hold_us", bench::Median(alone) / 1000, "us", kAimHoldUs,
                    bench::Aim::kAtMost, bench::Gate::kReported,
                    absl::StrFormat("one candidate with one row held, kept and released; median of "
                                    "%d windows, from %.2f to %.2f",
                                    kPairs, alone.front() / 1000, alone.back() / 1000)});
  const auto figures = bench::Interleave(
      kPairs, [&] { return NsOfTwoThreads(ledger.get(), now, true); },
      [&] { return NsOfTwoThreads(ledger.get(), now, false); });
  std::vector<double> same, apart;
  for (const auto& [one, two] : figures) {
    same.push_back(one);
    apart.push_back(two);
  }
  bench::ReportRow(
      {"ledger_contended_vs_single", bench::MedianRatio(figures, [](double ns) { return ns; }),
       "ratio", kAimContended, bench::Aim::kAtMost, bench::Gate::kReported,
       absl::StrFormat("2 threads on one budget against 2 on two, %.2f against %.2f us a hold",
                       bench::Median(same) / 1000, bench::Median(apart) / 1000)});
}

// As the log's writer: one record at a time.
class SerialLog {
 public:
  explicit SerialLog(Ledger* ledger) : ledger_(ledger) {}
  void Append(DecisionRecord record) {
    base::MutexLock lock(&mutex_);
    ledger_->OnLogged(++last_, LogEvent(std::move(record)));
  }

 private:
  Ledger* const ledger_;
  base::Mutex mutex_;
  Lsn last_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Until the ledger has refused as often as there are threads times some; a fifth of the holds goes
// back after the draw.
int64_t GrantedUntilTheEnd(Ledger* ledger, absl::Time now) {
  std::atomic<int64_t> granted{0};
  SerialLog log(ledger);
  const auto run = [&](int thread) {
    int refused = 0;
    for (int turn = 0; refused < 1000; ++turn) {
      auto hold = ledger->Acquire({0}, 1, std::nullopt, now, domain::Wait::kMayWait);
      FULCRUM_CHECK(hold.ok());
      if (!hold->secured()[0]) {
        ++refused;
        std::this_thread::yield();
        continue;
      }
      if ((turn + thread) % 5 == 0) continue;  // the alarm was faster
      DecisionRecord record;
      record.occurred_us = absl::ToUnixMicros(now);
      const size_t drawn[] = {0};
      record.positions.emplace_back().debits = hold->Keep(drawn)[0];
      hold->Detach();
      log.Append(std::move(record));
      ++granted;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(run, i);
  for (std::thread& thread : threads) thread.join();
  return granted;
}

void ReportOverspend() {
  const bench::LedgerInFolder ledger("ledger_bench",
                                     bench::BundleOf(TwoBudgets(absl::StrCat(kUnits))));
  const int64_t granted = GrantedUntilTheEnd(ledger.get(), ledger.now());
  bench::ReportRow({"overspend_units", static_cast<double>(std::max<int64_t>(0, granted - kUnits)),
                    "units", 0, bench::Aim::kAtMost, bench::Gate::kGated,
                    absl::StrFormat("%d threads until a budget of %d units ended; %d were granted",
                                    kThreads, kUnits, granted)});
}

}  // namespace
}  // namespace fulcrum::orchestrator

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  fulcrum::orchestrator::ReportHolds();
  fulcrum::orchestrator::ReportOverspend();
  return 0;
}
