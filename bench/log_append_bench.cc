// One Append until its Logged callback: `log_append_us` is the time under `process`.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "bench/rows.h"
#include "decision_log/log_writer.h"

namespace fulcrum::decision_log {
namespace {

// A decision as the demo makes them: three candidates, one position.
DecisionRecord MakeDecision(size_t arms) {
  DecisionRecord record;
  record.id = DecisionId(0x016e9a1b2c3d7000, 0x8000000000000001);
  record.request_id = "request-000001";
  record.principal = "bench";
  record.surface = "homepage";
  record.segment = "new";
  record.replayable = Replayable::kFull;
  PositionRecord position;
  for (size_t i = 0; i < arms; ++i) {
    record.candidates.push_back(
        {"item-" + std::to_string(i), "spring", MaskReason::kNone, 0.004, 3, 500});
    position.ticks.push_back(kTicksTotal / (arms + 1));
  }
  position.ticks.push_back(kTicksTotal - arms * (kTicksTotal / (arms + 1)));
  position.action_id = "item-0";
  position.debits = {{"budget-spring-day", 0, 1000, 1000000, false}};
  record.positions.push_back(std::move(position));
  return record;
}

// A log in a folder of its own and a decision to put into it.
class Fixture {
 public:
  Fixture(Durability durability, size_t arms) : decision_(MakeDecision(arms)) {
    FULCRUM_CHECK(mkdtemp(directory_.data()) != nullptr);
    LogOptions options;
    options.directory = directory_;
    options.clock = &clock_;
    options.durability = durability;
    RecoveryReport report;
    auto writer = LogWriter::Open(std::move(options), &report);
    FULCRUM_CHECK(writer.ok());
    writer_ = *std::move(writer);
    writer_->Start();
    snapshot_.columns = 20;
    snapshot_.values.assign(decision_.candidates.size() * snapshot_.columns, 0.5);
  }
  ~Fixture() {
    writer_.reset();
    std::filesystem::remove_all(directory_);
  }

  void AppendAndWait() {
    std::atomic<bool> logged{false};
    const absl::Status status =
        writer_->Append(decision_, snapshot_, [&logged](const absl::StatusOr<Lsn>& lsn) {
          FULCRUM_CHECK(lsn.ok());
          logged.store(true, std::memory_order_release);
          logged.notify_one();
        });
    FULCRUM_CHECK(status.ok());
    logged.wait(false, std::memory_order_acquire);
  }

 private:
  std::string directory_ =
      (std::filesystem::temp_directory_path() / "fulcrum-bench-XXXXXX").string();
  const base::SystemClock clock_;
  const DecisionRecord decision_;
  FeatureSnapshot snapshot_;
  std::unique_ptr<LogWriter> writer_;
};

void BM_LogAppend(benchmark::State& state, Durability durability) {
  Fixture fixture(durability, static_cast<size_t>(state.range(0)));
  for (auto _ : state) fixture.AppendAndWait();
}

// The median of single appends, so that a pause of the machine does not count.
double MedianAppendUs() {
  Fixture fixture(Durability::kProcess, 10);
  std::vector<double> times;
  for (int i = 0; i < 50'000; ++i) {
    const auto start = std::chrono::steady_clock::now();
    fixture.AppendAndWait();
    const std::chrono::duration<double, std::micro> taken =
        std::chrono::steady_clock::now() - start;
    times.push_back(taken.count());
  }
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

BENCHMARK_CAPTURE(BM_LogAppend, process, Durability::kProcess)
    ->Name("log_append_process")
    ->Arg(3)
    ->Arg(10)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_LogAppend, power, Durability::kPower)
    ->Name("log_append_power")
    ->Arg(3)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace fulcrum::decision_log

int main(int argc, char** argv) {
  using fulcrum::bench::Aim;
  using fulcrum::bench::Gate;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  fulcrum::bench::ReportRow({"log_append_us", fulcrum::decision_log::MedianAppendUs(), "us", 20,
                             Aim::kAtMost, Gate::kReported,
                             "median of 50,000 appends, 10 candidates with features, durability "
                             "process, one at a time until the writer's callback"});
  return 0;
}
