// Selection with ten candidates: holds on a real ledger, choice probabilities, one draw, release.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/check.h"
#include "bench/rows.h"
#include "config/bundle.h"
#include "leases/memory_lease_store.h"
#include "orchestrator/lease_desk.h"
#include "orchestrator/ledger.h"
#include "orchestrator/orchestrator.h"

namespace fulcrum::orchestrator {
namespace {

constexpr int kContenders = 10;
constexpr double kAimUs = 50;
constexpr double kAimShadow = 2;  // one more distribution costs at most as much as the first

// Two campaigns of five actions, each with a daily and a total budget and a cap per user and day.
std::shared_ptr<const config::Bundle> MakeBundle() {
  auto bundle = std::make_shared<config::Bundle>();
  for (int campaign = 0; campaign < 2; ++campaign) {
    config::Campaign owner;
    owner.id = "campaign" + std::to_string(campaign);
    FULCRUM_CHECK(absl::LoadTimeZone("Asia/Tokyo", &owner.time_zone));
    std::vector<int32_t> actions;
    for (int i = 0; i < kContenders / 2; ++i) actions.push_back(campaign * kContenders / 2 + i);
    for (int row = 0; row < 3; ++row) {
      config::Constraint constraint;
      constraint.id = owner.id + ".row" + std::to_string(row);
      constraint.actions = actions;
      constraint.time_zone = owner.time_zone;
      constraint.per_user = row == 2;
      constraint.resource = row == 2 ? config::Resource::kExposures : config::Resource::kCost;
      constraint.window = row == 1 ? config::Window::kTotal : config::Window::kDay;
      constraint.limit = int64_t{1} << 50;
      bundle->constraints.push_back(std::move(constraint));
    }
    bundle->campaigns.push_back(std::move(owner));
    for (int i = 0; i < kContenders / 2; ++i) {
      config::Action action;
      action.id = "action" + std::to_string(campaign * kContenders / 2 + i);
      action.campaign = campaign;
      action.cost_micros = 1000 + i;
      bundle->actions.push_back(std::move(action));
    }
  }
  config::IndexUses(bundle.get());
  return bundle;
}

class Fixture {
 public:
  explicit Fixture(size_t shadows = 0)
      : directory_(std::filesystem::temp_directory_path() / "fulcrum_select_bench") {
    std::filesystem::remove_all(directory_);
    LedgerOptions options;
    options.directory = directory_.string();
    options.files = base::PosixFileSystem();
    options.clock = &clock_;
    options.leases =
        std::make_shared<leases::MemoryLeaseStore>(orchestrator::BooksOfTheOnlyReplica(), &clock_);
    options.boot_id = "bench";
    auto ledger = Ledger::Open(options, bundle_);
    FULCRUM_CHECK(ledger.ok());
    ledger_ = std::move(*ledger);
    FULCRUM_CHECK(ledger_->FinishRecovery(0).ok());
    surface_.policy_salt = "bench";
    surface_.choice.exploration_floor = 0.02;
    surface_.shadows.resize(shadows);  // Thompson sampling, as what serves
    context_.now = clock_.Now();
    context_.slate_size = 1;
    for (int i = 0; i < kContenders; ++i) {
      contenders_.push_back({i, MaskReason::kNone, policy::BetaArm{3.0 + i, 97.0 + 2 * i}});
    }
  }
  ~Fixture() {
    ledger_.reset();
    std::filesystem::remove_all(directory_);
  }

  // The hold goes back when the selection is destroyed.
  Selection Select() {
    std::vector<Contender> contenders = contenders_;
    ++decisions_;
    context_.decision_id = DecisionId::FromTimeAndRandom(context_.now, decisions_, decisions_);
    UserRef user_ref{};
    user_ref[0] = static_cast<uint8_t>(decisions_);
    user_ref[1] = static_cast<uint8_t>(decisions_ >> 8);
    auto selection = Orchestrator(ledger_.get())
                         .Select(*bundle_, surface_, surface_.choice, context_, {}, user_ref,
                                 {0.0, {}}, absl::MakeSpan(contenders), domain::Wait::kNoWait);
    FULCRUM_CHECK(selection.ok());
    return std::move(*selection);
  }

  // Only the ledger's part: acquire, keep one, release.
  void HoldAndRelease() {
    static const std::vector<int32_t> kActions = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    auto hold = ledger_->Acquire(kActions, 1, UserRef{}, context_.now, domain::Wait::kNoWait);
    FULCRUM_CHECK(hold.ok() && hold->secured()[0]);
    const size_t drawn[] = {0};
    benchmark::DoNotOptimize(hold->Keep(drawn));
  }

 private:
  const std::filesystem::path directory_;
  const base::SystemClock clock_;
  const std::shared_ptr<const config::Bundle> bundle_ = MakeBundle();
  std::unique_ptr<Ledger> ledger_;
  config::Surface surface_;
  domain::DecisionContext context_;
  std::vector<Contender> contenders_;
  uint64_t decisions_ = 0;
};

void BM_SelectK10(benchmark::State& state) {
  Fixture fixture;
  for (auto _ : state) benchmark::DoNotOptimize(fixture.Select());
}
BENCHMARK(BM_SelectK10)->Unit(benchmark::kMicrosecond);

void BM_HoldK10(benchmark::State& state) {
  Fixture fixture;
  for (auto _ : state) fixture.HoldAndRelease();
}
BENCHMARK(BM_HoldK10)->Unit(benchmark::kMicrosecond);

double SelectUs(Fixture* fixture) {
  const auto start = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(fixture->Select());
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

// Of single calls, so that a pause of the machine does not count.
double MedianOf(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

double MedianSelectUs() {
  Fixture fixture;
  std::vector<double> times;
  for (int i = 0; i < 20'000; ++i) times.push_back(SelectUs(&fixture));
  return MedianOf(std::move(times));
}

// One shadow against none, call by call in turn.
double ShadowVsAlone() {
  std::vector<double> alone, shadowed;
  for (int part = 0; part < 20; ++part) {
    {
      Fixture plain(0);
      for (int i = 0; i < 1000; ++i) alone.push_back(SelectUs(&plain));
    }
    Fixture with(1);
    for (int i = 0; i < 1000; ++i) shadowed.push_back(SelectUs(&with));
  }
  return MedianOf(std::move(shadowed)) / MedianOf(std::move(alone));
}

}  // namespace
}  // namespace fulcrum::orchestrator

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  fulcrum::bench::ReportRow(
      {"select_k10_us", fulcrum::orchestrator::MedianSelectUs(), "us",
       fulcrum::orchestrator::kAimUs, fulcrum::bench::Aim::kAtMost, fulcrum::bench::Gate::kReported,
       "median of 20,000 selections, 10 candidates, 2 campaigns with 3 rows"});
  fulcrum::bench::ReportRow({"shadow_vs_alone", fulcrum::orchestrator::ShadowVsAlone(), "ratio",
                             fulcrum::orchestrator::kAimShadow, fulcrum::bench::Aim::kAtMost,
                             fulcrum::bench::Gate::kReported,
                             "the same selection without a shadow, 20 pairs of 1,000 calls"});
  return 0;
}
