// `replay_full_vs_decider`: deciding a log's decisions again from bundle, posteriors and record
// against the decider that made them, in this process, by turns. Both by processor time, so that
// neither the decider's threads waiting for each other nor a busy machine flatters the replay.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "apps/artefacts.h"
#include "bench/interleave.h"
#include "bench/log_folder.h"
#include "bench/rows.h"
#include "learning/outcome_fold.h"
#include "replay/verify.h"
#include "simulation/in_process.h"

namespace fulcrum::bench {
namespace {

constexpr size_t kDecisions = 3000;  // a window
constexpr int kPairs = 11;

struct Window {
  double cpu_us = 0;  // a decision
};

class DeciderAndReplay {
 public:
  DeciderAndReplay()
      : world_(simulation::FindWorld("stationary").value()),
        visits_(world_, 1, simulation::kUsersDefault) {
    simulation::InProcessOptions options;
    options.directory = folder_.path();
    options.bundle.exposure_required = false;
    options.clock = &clock_;
    path_ = simulation::InProcess::Start(world_, options).value();
    learning::FoldStart start = learning::StartOf(path_->bundle(), {}, nullptr);
    posteriors_ = std::make_shared<const scoring::Posteriors>(std::move(start.posteriors));
  }

  Window Decide() {
    decided_.clear();
    const double start = CpuMicros(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < kDecisions; ++i) {
      absl::StatusOr<DecisionRecord> record = path_->Decide(visits_.Next(), posteriors_);
      FULCRUM_CHECK(record.ok());
      decided_.push_back(*std::move(record));
    }
    return {(CpuMicros(CLOCK_PROCESS_CPUTIME_ID) - start) / kDecisions};
  }

  // What Decide() made last.
  Window Replay() {
    const BenchFolder data;
    decision_log::LogOptions options;
    options.directory = data.path() + "/log";
    {
      RunningLog log(std::move(options));
      for (DecisionRecord& record : decided_) {
        record.replayable = Replayable::kFull;  // with what is archived below
        record.replayable_reason.clear();
        FULCRUM_CHECK(log.writer->Append(std::move(record), std::nullopt, nullptr).ok());
      }
      FULCRUM_CHECK(log.writer->Stop().ok());
    }
    base::FileSystem* const files = base::PosixFileSystem();
    FULCRUM_CHECK(apps::ArchiveArtefacts(files, data.path(), folder_.path() + "/config",
                                         path_->bundle(), nullptr)
                      .ok());
    const double start = CpuMicros(CLOCK_PROCESS_CPUTIME_ID);
    const auto report = replay::VerifyReplay(files, data.path() + "/log");
    const double taken = CpuMicros(CLOCK_PROCESS_CPUTIME_ID) - start;
    FULCRUM_CHECK(report.ok() && report->clean() && report->full_identical == kDecisions);
    return {taken / kDecisions};
  }

 private:
  const base::SystemClock clock_;
  const BenchFolder folder_;
  const simulation::World world_;
  simulation::Visits visits_;
  std::unique_ptr<simulation::InProcess> path_;
  std::shared_ptr<const scoring::Posteriors> posteriors_;
  std::vector<DecisionRecord> decided_;
};

void Report() {
  DeciderAndReplay both;
  const auto figures = Interleave(
      kPairs, [&] { return both.Decide(); }, [&] { return both.Replay(); });
  std::vector<double> ratios;
  std::vector<double> replays;
  for (const auto& [decided, replayed] : figures) {
    ratios.push_back(decided.cpu_us / replayed.cpu_us);
    replays.push_back(replayed.cpu_us);
  }
  const auto [least, greatest] = std::minmax_element(ratios.begin(), ratios.end());
  ReportRow(
      {"replay_full_vs_decider", Median(ratios), "ratio", 0.8, Aim::kAtLeast, Gate::kReported,
       absl::StrFormat("decisions per core of `replay --verify` by those of the in-process "
                       "decider that made them, its log and ledger in memory; Beta posteriors, "
                       "no model, %d pairs of %d decisions (min %.2f, max %.2f; replay %.1f us)",
                       kPairs, kDecisions, *least, *greatest, Median(replays))});
}

}  // namespace
}  // namespace fulcrum::bench

int main() {
  fulcrum::bench::Report();
  return 0;
}
