// `log_append_cpu_us`: what one Append costs the thread that serves the request, and for the reader
// the time until its Logged callback.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "bench/interleave.h"
#include "bench/log_folder.h"
#include "bench/rows.h"

namespace fulcrum::bench {
namespace {

using decision_log::Durability;
using decision_log::LogOptions;

LogOptions OptionsOf(const BenchFolder& folder, Durability durability) {
  LogOptions options;
  options.directory = folder.path();
  options.durability = durability;
  return options;
}

void BM_LogAppend(benchmark::State& state, Durability durability) {
  const BenchFolder folder;
  RunningLog log(OptionsOf(folder, durability));
  LogData data;
  for (auto _ : state) {
    state.PauseTiming();
    auto one = MakeDecisions(&data, 1);
    state.ResumeTiming();
    log.Append(std::move(one), 1);
  }
}

struct AppendCost {
  double idle_us = 0;  // the writer sleeps and has to be woken
  double busy_us = 0;  // it is at work
};

// Processor time of the calling thread alone: waiting for the writer is not in it. The clock's own
// share (one reading an append) is.
AppendCost MeasureAppend() {
  constexpr size_t kAppends = 20'000;
  constexpr size_t kBurst = 200;
  const BenchFolder folder;
  RunningLog log(OptionsOf(folder, Durability::kProcess));
  LogData data;
  std::vector<double> idle;
  std::vector<double> busy;
  std::atomic<size_t> logged{0};
  const auto append = [&](LoggedDecision* one) {
    FULCRUM_CHECK(log.writer
                      ->Append(std::move(one->record), std::move(one->snapshot),
                               [&logged](const absl::StatusOr<Lsn>& lsn) {
                                 FULCRUM_CHECK(lsn.ok());
                                 ++logged;
                                 logged.notify_one();
                               })
                      .ok());
  };
  const auto wait_for = [&logged](size_t count) {
    for (size_t seen = logged; seen < count; seen = logged) logged.wait(seen);
  };
  size_t appended = 0;
  while (appended < kAppends) {
    for (const bool burst : {false, true}) {
      auto decisions = MakeDecisions(&data, kBurst);
      for (LoggedDecision& one : decisions) {
        const double start = CpuMicros(CLOCK_THREAD_CPUTIME_ID);
        append(&one);
        (burst ? busy : idle).push_back(CpuMicros(CLOCK_THREAD_CPUTIME_ID) - start);
        ++appended;
        if (!burst) wait_for(appended);
      }
      wait_for(appended);
    }
  }
  return {Median(std::move(idle)), Median(std::move(busy))};
}

BENCHMARK_CAPTURE(BM_LogAppend, process, Durability::kProcess)
    ->Name("log_append_process")
    ->Iterations(20'000)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_LogAppend, power, Durability::kPower)
    ->Name("log_append_power")
    ->Iterations(2'000)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

void ReportAppend() {
  const AppendCost cost = MeasureAppend();
  ReportRow({"log_append_cpu_us", cost.busy_us, "us", 3, Aim::kAtMost, Gate::kReported,
             "processor time of the thread that calls Append, 10 candidates with 64 features, "
             "durability process; median of 10,000 in bursts of 200"});
  ReportRow(
      {"log_append_wake_cpu_us", cost.idle_us, "us", 20, Aim::kAtMost, Gate::kReported,
       "the same, one at a time: the writer's thread sleeps and has to be woken, which is the "
       "system's time (on a virtual machine mostly that of its host)"});
}

}  // namespace
}  // namespace fulcrum::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  fulcrum::bench::ReportAppend();
  return 0;
}
