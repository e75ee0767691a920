// Thousands of small deployments under every fault at once (lease_world.h). FULCRUM_LEASE_SEEDS and
// FULCRUM_LEASE_OPERATIONS say how many and how long; FULCRUM_LEASE_SEED runs one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "tests/leases/lease_world.h"
#include "tests/support/environment.h"

namespace fulcrum::leases::testing {
namespace {

using ::fulcrum::testing::FromEnvironment;

// What a set of seeds amounts to.
struct Tally {
  int seeds = 0;
  int fired[kFaults] = {};
  int64_t operations = 0, calls = 0, forgotten = 0, reconciled = 0;
  int64_t reconciled_parts = 0, repaired = 0, credited = 0;
  int losses = 0;  // of these seeds
  double lost = 0, written_off = 0, written_off_max = 0;
  int violations = 0;
  int64_t returned_us_max = 0;
  double stranded_max = 0, stranded_sum = 0;  // shares of the limit, at demand 1.2
  int64_t crashes = 0;
  // Use of the limit at demand 1.2 and an unchanged limit.
  int gentle = 0, rough = 0;
  double gentle_min = 1, gentle_sum = 0, rough_min = 1, rough_sum = 0;
  double gentle_calls = 0;

  void Add(const WorldOptions& options, const WorldResult& result) {
    ++seeds;
    for (size_t i = 0; i < kFaults; ++i) fired[i] += result.fired[i] > 0 ? 1 : 0;
    operations += result.decisions;
    calls += result.calls;
    forgotten += result.forgotten;
    reconciled += result.reconciled;
    reconciled_parts += result.reconciled_parts;
    repaired += result.repaired;
    credited += result.credited;
    returned_us_max = std::max(returned_us_max, result.returned_us);
    const auto limit = static_cast<double>(options.limit);
    if (options.demand != kUsualDemand || options.Has(Fault::kLimitChange)) return;
    if (result.fired[static_cast<size_t>(Fault::kLostLogTail)] > 0) {
      ++losses;
      const double written = static_cast<double>(result.written_off) / limit;
      lost += static_cast<double>(result.lost) / limit;
      written_off += written;
      written_off_max = std::max(written_off_max, written);
    }
    crashes += result.fired[static_cast<size_t>(Fault::kCrash)];
    stranded_max = std::max(stranded_max, static_cast<double>(result.stranded_max) / limit);
    stranded_sum += static_cast<double>(result.stranded_sum) / limit;
    const double used = static_cast<double>(result.spent) / limit;
    if (options.IsGentle()) {
      ++gentle;
      gentle_min = std::min(gentle_min, used);
      gentle_sum += used;
      gentle_calls += static_cast<double>(result.calls) / static_cast<double>(result.decisions);
    } else {
      ++rough;
      rough_min = std::min(rough_min, used);
      rough_sum += used;
    }
  }

  void Print() const {
    std::printf("figure: seeds = %d\nfigure: operations = %lld\n", seeds,
                static_cast<long long>(operations));
    std::printf("figure: over a limit = %d\n", violations);
    std::printf("figure: calls to the store = %lld\n", static_cast<long long>(calls));
    std::printf("figure: writes forgotten by failovers = %lld\n",
                static_cast<long long>(forgotten));
    std::printf("figure: replicas settled by their log = %lld\n",
                static_cast<long long>(reconciled));
    std::printf("figure: of these by a log that had lost its end = %lld\n",
                static_cast<long long>(reconciled_parts));
    std::printf("figure: logs that had to be repaired = %lld\n", static_cast<long long>(repaired));
    std::printf("figure: lost with logs, of seeds with a loss on average = %.4f of the limit\n",
                lost / std::max(losses, 1));
    std::printf("figure: written off, of seeds with a loss on average = %.4f of the limit\n",
                written_off / std::max(losses, 1));
    std::printf("figure: written off at most = %.4f of the limit\n", written_off_max);
    for (size_t i = 0; i < kFaults; ++i) {
      std::printf("figure: seeds with %s = %.1f %%\n", kFaultNames[i],
                  100.0 * fired[i] / std::max(seeds, 1));
    }
    std::printf("figure: least use without crash and failover = %.4f\n", gentle_min);
    std::printf("figure: mean use without crash and failover = %.4f\n",
                gentle_sum / std::max(gentle, 1));
    std::printf("figure: seeds of these = %d\n", gentle);
    std::printf("figure: calls per operation of these = %.3f\n",
                gentle_calls / std::max(gentle, 1));
    std::printf("figure: least use of the others = %.4f\n", rough_min);
    std::printf("figure: mean use of the others = %.4f\n", rough_sum / std::max(rough, 1));
    std::printf("figure: stranded by one crash at most = %.4f of the limit\n", stranded_max);
    std::printf("figure: stranded by one crash on average = %.4f of the limit\n",
                stranded_sum / static_cast<double>(std::max<int64_t>(crashes, 1)));
    std::printf("figure: longest return after the heal = %.2f s\n",
                static_cast<double>(returned_us_max) / 1e6);
  }
};

std::string Describe(const WorldOptions& options, const WorldResult& result) {
  return absl::StrCat(options.ToString(), "\n  at ", result.at_us, " us: ", result.violation);
}

TEST(LeaseSimulation, NothingIsOverspentAndEverythingComesBack) {
  const int seeds = FromEnvironment("FULCRUM_LEASE_SEEDS", 300);
  const int operations = FromEnvironment("FULCRUM_LEASE_OPERATIONS", 2000);
  const auto only = FromEnvironment<uint64_t>("FULCRUM_LEASE_SEED", 0);
  Tally tally;
  for (uint64_t seed = only > 0 ? only : 1;
       seed <= (only > 0 ? only : static_cast<uint64_t>(seeds)); ++seed) {
    const WorldOptions options = OptionsOf(seed, operations);
    const WorldResult result = World(options).Run();
    if (!result.violation.empty()) {
      ++tally.violations;
      ADD_FAILURE() << Describe(options, result);
      if (tally.violations >= 5) break;
    }
    tally.Add(options, result);
    if (only == 0 && options.IsGentle()) {
      const double used = static_cast<double>(result.spent) / static_cast<double>(options.limit);
      EXPECT_GE(used, 0.995) << options.ToString();
    }
  }
  tally.Print();
  if (only > 0) return;
  EXPECT_GT(tally.credited, 0) << "no refund went back with a lease";
  EXPECT_GT(tally.reconciled_parts, 0) << "nobody settled by a log that had lost its end";
  for (size_t i = 0; i < kFaults; ++i) {
    EXPECT_GE(tally.fired[i] * 20, tally.seeds) << kFaultNames[i] << " is too rare";
  }
}

TEST(LeaseSimulation, TheSameSeedIsTheSameRun) {
  const WorldOptions options = OptionsOf(7, 500);
  const WorldResult first = World(options).Run();
  const WorldResult second = World(options).Run();
  EXPECT_EQ(first.calls, second.calls);
  EXPECT_EQ(first.spent, second.spent);
  EXPECT_EQ(first.returned_us, second.returned_us);
}

// --- Planted faults have to be found.

struct Planted {
  Mutation mutation;
  const char* name;
  std::vector<Fault> faults;  // that bring it to light
};

class LeaseMutation : public ::testing::TestWithParam<Planted> {};

TEST_P(LeaseMutation, IsFound) {
  constexpr uint64_t kSeeds = 1000;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    WorldOptions options = OptionsOf(seed, 600);
    options.mutation = GetParam().mutation;
    options.reconciler = true;
    options.reconciles_every_us = kSecond / 2;
    options.reordering = 0.2;
    options.on[static_cast<size_t>(Fault::kLostLogTail)] = false;  // shows too much of itself
    for (const Fault fault : GetParam().faults) options.on[static_cast<size_t>(fault)] = true;
    const WorldResult result = World(options).Run();
    if (result.violation.empty()) continue;
    std::printf("found by seed %d: %s\n", static_cast<int>(seed), result.violation.c_str());
    return;
  }
  ADD_FAILURE() << "not found in " << kSeeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(
    Planted, LeaseMutation,
    ::testing::Values(
        Planted{Mutation::kNoGuard, "NoGuard", {Fault::kPartition}},
        Planted{Mutation::kTrustsFrozenClock,
                "TrustsFrozenClock",
                {Fault::kSteadyFreeze, Fault::kPartition}},
        Planted{Mutation::kDoubleReleasePays, "DoubleReleasePays", {Fault::kDoubling}},
        Planted{Mutation::kNoQuarantine, "NoQuarantine", {Fault::kFailover}},
        Planted{Mutation::kSameEpochAfterFailover, "SameEpochAfterFailover", {Fault::kFailover}},
        Planted{Mutation::kExpiryPaysBack, "ExpiryPaysBack", {Fault::kCrash}},
        Planted{Mutation::kReconcilesUnchecked,
                "ReconcilesUnchecked",
                {Fault::kReordering, Fault::kPartition}},
        Planted{Mutation::kRestartsWithoutLog, "RestartsWithoutLog", {Fault::kCrash}},
        Planted{Mutation::kLogsLate, "LogsLate", {Fault::kPause}},
        Planted{Mutation::kBelievesAPart, "BelievesAPart", {Fault::kLostLogTail}},
        Planted{Mutation::kForgetsLogEnds, "ForgetsLogEnds", {Fault::kLostLogTail}},
        Planted{Mutation::kForgetsWriteOffs,
                "ForgetsWriteOffs",
                {Fault::kLostLogTail, Fault::kFailover}},
        Planted{
            Mutation::kTakesCreditTwice, "TakesCreditTwice", {Fault::kRefund, Fault::kDoubling}}),
    [](const auto& planted) { return planted.param.name; });

}  // namespace
}  // namespace fulcrum::leases::testing
