// One Append until its Logged callback: `log_append_us` is the time under `process`.
#include <benchmark/benchmark.h>

#include <atomic>
#include <filesystem>

#include "base/check.h"
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

void BM_LogAppend(benchmark::State& state, Durability durability) {
  std::string directory =
      (std::filesystem::temp_directory_path() / "fulcrum-bench-XXXXXX").string();
  FULCRUM_CHECK(mkdtemp(directory.data()) != nullptr);
  const base::SystemClock clock;
  {
    LogOptions options;
    options.directory = directory;
    options.clock = &clock;
    options.durability = durability;
    RecoveryReport report;
    auto writer = LogWriter::Open(std::move(options), &report);
    FULCRUM_CHECK(writer.ok());
    (*writer)->Start();
    const DecisionRecord decision = MakeDecision(static_cast<size_t>(state.range(0)));
    FeatureSnapshot snapshot;
    snapshot.columns = 20;
    snapshot.values.assign(decision.candidates.size() * snapshot.columns, 0.5);
    for (auto _ : state) {
      std::atomic<bool> logged{false};
      const absl::Status status =
          (*writer)->Append(decision, snapshot, [&](const absl::StatusOr<Lsn>& lsn) {
            FULCRUM_CHECK(lsn.ok());
            logged.store(true, std::memory_order_release);
            logged.notify_one();
          });
      FULCRUM_CHECK(status.ok());
      logged.wait(false, std::memory_order_acquire);
    }
  }
  std::filesystem::remove_all(directory);
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

BENCHMARK_MAIN();
