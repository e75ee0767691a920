// Does a counterfactual replay foresee what a live run does? In the simulator, bundle A is run and
// its log replayed under bundle B; then B is run live, on other visitors with other draws. Spend
// and choices that were foreseen and those that came are compared over several seeds: the
// difference of the means in its standard errors (Welch's z) must stay below 4, and A's own must
// not, so that there was something to foresee. The seeds are fixed: the test has no luck.
#include <cmath>
#include <filesystem>
#include <map>

#include "absl/strings/str_format.h"
#include "decision_log/log_writer.h"
#include "replay/artefacts.h"
#include "replay/counterfactual.h"
#include "simulation/frozen_model.h"
#include "simulation/in_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::simulation {
namespace {

using ::fulcrum::testing::IsOk;

constexpr int kRuns = 8;
constexpr int kDecisions = 1200;
constexpr uint32_t kUsers = 60;
constexpr double kZMax = 4;

// What one run did or will do: rows by "row <id>", choices by action.
using Figures = std::map<std::string, double>;

class Sample {
 public:
  void Add(double value) { values_.push_back(value); }
  double Mean() const {
    double sum = 0;
    for (const double value : values_) sum += value;
    return sum / static_cast<double>(values_.size());
  }
  double SquaredError() const {  // of the mean
    double sum = 0;
    for (const double value : values_) sum += (value - Mean()) * (value - Mean());
    const auto n = static_cast<double>(values_.size());
    return sum / (n - 1) / n;
  }

 private:
  std::vector<double> values_;
};

// A budget that binds is spent to the last micro in every run: without a floor under the error, a
// difference of one action in one run would be infinitely many standard errors.
double Z(const Sample& a, const Sample& b, double unit) {
  const double floor = unit * unit / kRuns;
  return std::abs(a.Mean() - b.Mean()) / std::sqrt(a.SquaredError() + b.SquaredError() + floor);
}

class Agreement : public ::testing::Test {
 protected:
  static BundleOptions Base() {
    BundleOptions options = FrozenBundle(/*exploration_floor=*/0.3);
    options.budget_micros = int64_t{400} * 1'000'000;
    options.user_cap = 12;
    return options;
  }

  std::unique_ptr<InProcess> Start(const BundleOptions& bundle, uint64_t seed) {
    InProcessOptions options;
    options.directory = absl::StrCat(directory_.path(), "/run-", ++runs_);
    options.bundle = bundle;
    options.seed = seed;
    options.users = kUsers;
    options.clock = &clock_;
    auto path = InProcess::Start(world_, options);
    EXPECT_THAT(path, IsOk());
    last_ = options.directory;
    return *std::move(path);
  }

  // Runs a bundle live; its log goes to last_ + "/log", with its archive beside it.
  Figures RunLive(const BundleOptions& bundle, uint64_t seed) {
    const auto path = Start(bundle, seed);
    decision_log::LogOptions log;
    log.directory = last_ + "/log";
    log.clock = &clock_;
    decision_log::RecoveryReport recovered;
    auto writer = decision_log::LogWriter::Open(std::move(log), &recovered);
    EXPECT_THAT(writer, IsOk());
    (*writer)->Start();
    Archive(path->bundle().version);
    const auto start = std::make_shared<const scoring::Posteriors>(path->start());
    Visits visits(world_, seed, kUsers);
    Figures figures;
    for (int i = 0; i < kDecisions; ++i) {
      auto record = path->Decide(visits.Next(), start);
      EXPECT_THAT(record, IsOk());
      for (const PositionRecord& position : record->positions) {
        figures[position.action_id] += 1;
        for (const Debit& debit : position.debits) {
          figures["row " + debit.row] += static_cast<double>(debit.amount);
        }
      }
      EXPECT_THAT((*writer)->Append(*std::move(record), path->last_snapshot(),
                                    [](const absl::StatusOr<Lsn>&) {}),
                  IsOk());
    }
    EXPECT_THAT((*writer)->Stop(), IsOk());
    return figures;
  }

  void Archive(uint64_t bundle) const {
    const std::string archive = replay::ArchiveOf(last_ + "/log");
    const auto all = std::filesystem::copy_options::recursive;
    std::filesystem::create_directories(archive);
    std::filesystem::copy(last_ + "/config", replay::BundleFolder(archive, bundle), all);
    auto manifest =
        config::LoadManifest(base::PosixFileSystem(), last_ + "/config/model/manifest.yaml");
    ASSERT_THAT(manifest, IsOk());
    std::filesystem::copy(last_ + "/config/model", replay::ModelFolder(archive, manifest->version),
                          all);
  }

  // What the log in `log` says that `bundle` would have done.
  Figures Foresee(const std::string& log, const BundleOptions& bundle) {
    Start(bundle, 1);
    const auto policy = replay::LoadPolicy(base::PosixFileSystem(), last_ + "/config");
    EXPECT_THAT(policy, IsOk());
    const auto report =
        replay::ReplayCounterfactual(base::PosixFileSystem(), log, *policy, {.threads = 2});
    EXPECT_THAT(report, IsOk());
    EXPECT_EQ(report->replayed, static_cast<uint64_t>(kDecisions));
    Figures figures;
    for (const auto& [row, shift] : report->rows) figures["row " + row] = shift.expected;
    for (const auto& [action, shift] : report->actions) figures[action] = shift.expected;
    return figures;
  }

  // Runs all; gives the largest z that A's own figures would have had.
  double Compare(const BundleOptions& a, const BundleOptions& b) {
    std::map<std::string, Sample> logged, foreseen, live;
    for (int run = 0; run < kRuns; ++run) {
      const uint64_t seed = 1000 + 2 * static_cast<uint64_t>(run);
      const Figures of_a = RunLive(a, seed);
      const std::string log = last_ + "/log";
      const Figures of_replay = Foresee(log, b);
      const Figures of_b = RunLive(b, seed + 1);
      Figures names = of_replay;
      names.insert(of_b.begin(), of_b.end());
      for (const auto& [name, value] : names) {
        const auto at = [&name = name](const Figures& figures) {
          const auto found = figures.find(name);
          return found == figures.end() ? 0 : found->second;
        };
        logged[name].Add(at(of_a));
        foreseen[name].Add(at(of_replay));
        live[name].Add(at(of_b));
      }
    }
    double contrast = 0;
    for (const auto& [name, sample] : live) {
      const double unit = name == "row offer-budget" ? 1e6 : 1;
      EXPECT_LT(Z(foreseen[name], sample, unit), kZMax)
          << name << ": foreseen " << foreseen[name].Mean() << ", live " << sample.Mean()
          << ", logged " << logged[name].Mean();
      contrast = std::max(contrast, Z(logged[name], sample, unit));
      std::printf("%-18s logged %12.1f foreseen %12.1f live %12.1f z %.2f\n", name.c_str(),
                  logged[name].Mean(), foreseen[name].Mean(), sample.Mean(),
                  Z(foreseen[name], sample, unit));
    }
    return contrast;
  }

  const World world_ = *FindWorld("stationary");
  const base::SystemClock clock_;
  testing::TemporaryDirectory directory_;
  std::string last_;  // directory of the last run
  int runs_ = 0;
};

TEST_F(Agreement, UnderLessExploration) {
  BundleOptions other = Base();
  other.exploration_floor = 0.02;
  EXPECT_GT(Compare(Base(), other), 6);
}

// Scored again from the snapshots and the model's counts.
TEST_F(Agreement, UnderAModelWithMoreSay) {
  BundleOptions other = Base();
  other.model_strength = 300;
  EXPECT_GT(Compare(Base(), other), 6);
}

TEST_F(Agreement, UnderALowerBudget) {
  BundleOptions other = Base();
  other.budget_micros = int64_t{150} * 1'000'000;
  EXPECT_GT(Compare(Base(), other), 6);
}

TEST_F(Agreement, UnderATighterCap) {
  BundleOptions other = Base();
  other.user_cap = 2;
  EXPECT_GT(Compare(Base(), other), 6);
}

}  // namespace
}  // namespace fulcrum::simulation
