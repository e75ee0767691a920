// What the leases of 64 replicas cost over an hour (campaign_hour.h): how much of a limit nobody
// can spend, for how long, and how often the store is asked. docs/leases.md has the figures of the
// long form. FULCRUM_STRANDING_UNITS is the largest limit, FULCRUM_STRANDING_SEEDS the hours per
// setting.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/leases/campaign_hour.h"
#include "tests/support/environment.h"

namespace fulcrum::leases::testing {
namespace {

using ::fulcrum::testing::FromEnvironment;

constexpr double kCrashes = 0.5;  // of each replica, in the hour: a harsh rate

double Ratio(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

// Hours of the same limit, demand and rate of crashes.
struct Tally {
  int64_t units = 0;
  int hours = 0;
  Phase early, late;
  double spent_sum = 0, spent_min = 1;  // this and what else is a double: shares of the limit
  int overspent = 0;
  int64_t refused_early = 0, admitted = 0, waited = 0, waited_for_slice = 0, longest_wait_us = 0;
  double leased_sum = 0, leased_max = 0;
  int64_t crashes = 0;
  double stranded_sum = 0, stranded_hour_max = 0, stranded_max = 0, stranded_time = 0;
  double stranded_at_end_max = 0;
  int64_t longest_stranded_us = 0, all_back_us = 0;

  double ShareOf(double amount) const { return amount / static_cast<double>(units * kUnit); }

  void Add(const HourResult& hour) {
    ++hours;
    early.Add(hour.early);
    late.Add(hour.late);
    spent_sum += ShareOf(hour.spent);
    spent_min = std::min(spent_min, ShareOf(hour.spent));
    overspent += hour.overspent ? 1 : 0;
    refused_early += hour.refused_early;
    admitted += hour.admitted;
    waited += hour.waited;
    waited_for_slice += hour.waited_for_slice;
    longest_wait_us = std::max(longest_wait_us, hour.longest_wait_us);
    leased_sum += Ratio(ShareOf(hour.leased_sum), hour.looks);
    leased_max = std::max(leased_max, ShareOf(hour.leased_max));
    crashes += hour.crashes;
    stranded_sum += ShareOf(hour.stranded_sum);
    stranded_hour_max = std::max(stranded_hour_max, ShareOf(hour.stranded_sum));
    stranded_max = std::max(stranded_max, ShareOf(hour.stranded_max));
    stranded_time += ShareOf(hour.stranded_unit_us) / (3600.0 * kSecond);
    stranded_at_end_max = std::max(stranded_at_end_max, ShareOf(hour.stranded_at_end));
    longest_stranded_us = std::max(longest_stranded_us, hour.longest_stranded_us);
    all_back_us = std::max(all_back_us, hour.all_back_us);
  }
};

// What must hold in every hour, whatever the limit.
void Judge(const HourOptions& options, const HourResult& hour) {
  SCOPED_TRACE(absl::StrCat(options.units, " units, demand ", options.demand, ", crashes ",
                            options.crashes, ", seed ", options.seed));
  EXPECT_FALSE(hour.overspent);
  EXPECT_LE(hour.longest_wait_us, 20 * kMillisecond);  // five round trips
  // Time to live, guard, the period of who settles, and the network.
  EXPECT_LE(hour.longest_stranded_us, (30 + 2 + 5 + 1) * kSecond);
  EXPECT_LE(hour.all_back_us, (30 + 2 + 10) * kSecond);
  if (options.demand < 1) return;
  // Of a small limit a remainder that no later request is small enough for may be more than 0.5 %.
  const int64_t limit = options.units * kUnit;
  EXPECT_GE(hour.spent, limit - std::max(limit / 200, kLargest - 1));
}

Tally RunHours(int64_t units, double demand, double crashes) {
  Tally tally;
  tally.units = units;
  const auto seeds = FromEnvironment<uint64_t>("FULCRUM_STRANDING_SEEDS", 1);
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    HourOptions options;
    options.seed = seed;
    options.units = units;
    options.demand = demand;
    options.crashes = crashes;
    const HourResult hour = CampaignHour(options).Run();
    Judge(options, hour);
    tally.Add(hour);
  }
  return tally;
}

// Lines of the report: shares in per cent, times in seconds.
class Figures {
 public:
  explicit Figures(int64_t units) : prefix_(absl::StrCat("figure: ", units, " units, ")) {}

  template <typename... Values>
  void Print(const absl::FormatSpec<Values...>& format, const Values&... values) const {
    std::printf("%s%s\n", prefix_.c_str(), absl::StrFormat(format, values...).c_str());
  }

 private:
  const std::string prefix_;
};

double CallsPerRequest(const Phase& phase) {
  return Ratio(phase.CallsOf<AcquireRequest, RenewRequest, ReleaseRequest>(), phase.requests);
}

void PrintCalm(const Tally& calm, const Figures& figures) {
  figures.Print("spent = %.3f %%, at least %.3f %%", 100 * calm.spent_sum / calm.hours,
                100 * calm.spent_min);
  Phase all = calm.early;
  all.Add(calm.late);
  figures.Print("calls per request = %.3f (%.3f Acquire, %.3f Renew, %.3f Release)",
                CallsPerRequest(all), Ratio(all.CallsOf<AcquireRequest>(), all.requests),
                Ratio(all.CallsOf<RenewRequest>(), all.requests),
                Ratio(all.CallsOf<ReleaseRequest>(), all.requests));
  figures.Print("calls per request until 99.5 %% are spent = %.3f, then %.3f",
                CallsPerRequest(calm.early), CallsPerRequest(calm.late));
  figures.Print(
      "calls per second that no request causes = %.1f",
      Ratio(all.CallsOf<RegisterRequest, ReportRequest, ExpireRequest>(), 3600.0 * calm.hours));
  figures.Print("admitted after a wait = %.1f %%, for a slice %.1f %%, at most %.1f ms",
                100 * Ratio(calm.waited, calm.admitted),
                100 * Ratio(calm.waited_for_slice, calm.admitted), calm.longest_wait_us / 1e3);
  figures.Print("unspent in leases = %.3f %%, at most %.3f %%", 100 * calm.leased_sum / calm.hours,
                100 * calm.leased_max);
}

void PrintCrashes(const Tally& crashing, const Figures& figures) {
  figures.Print("stranded by the %.1f crashes of an hour = %.3f %%, at most %.3f %%",
                Ratio(crashing.crashes, crashing.hours),
                100 * crashing.stranded_sum / crashing.hours, 100 * crashing.stranded_hour_max);
  figures.Print("stranded by the worst crash = %.3f %%", 100 * crashing.stranded_max);
  figures.Print("stranded at a time = %.5f %%", 100 * crashing.stranded_time / crashing.hours);
  figures.Print("stranded when the hour ends = at most %.3f %%",
                100 * crashing.stranded_at_end_max);
}

TEST(StrandingStudy, NothingIsOverspentLittleIsStrandedAndAllComesBack) {
  const auto units_max = FromEnvironment<int64_t>("FULCRUM_STRANDING_UNITS", 10'000);
  for (int64_t units = 100; units <= units_max; units *= 10) {
    const Tally calm = RunHours(units, 1.5, 0);
    const Tally crashing = RunHours(units, 1.5, kCrashes);
    const Tally scarcely = RunHours(units, 1.2, kCrashes);
    const Tally unspent = RunHours(units, 0.9, kCrashes);  // leases are open when the hour ends
    const Figures figures(units);
    PrintCalm(calm, figures);
    PrintCrashes(crashing, figures);
    figures.Print("spent at demand 1.2 with crashes = at least %.3f %%", 100 * scarcely.spent_min);
    int overspent = 0;
    int64_t refused_early = 0, longest_us = 0;
    for (const Tally* tally : {&calm, &crashing, &scarcely, &unspent}) {
      overspent += tally->overspent;
      refused_early += tally->refused_early;
      longest_us = std::max(longest_us, tally->longest_stranded_us);
    }
    figures.Print("overspent = %d of %d hours", overspent, 4 * calm.hours);
    figures.Print("refused while 0.5 %% could be had = %d requests", refused_early);
    figures.Print("longest until a crash's money was back = %.1f s", longest_us / 1e6);
    figures.Print("longest until all was back after the hour = %.1f s", unspent.all_back_us / 1e6);
    if (units >= 10'000) {
      EXPECT_GT(crashing.stranded_sum, 0);  // or the times above say nothing
      EXPECT_GT(unspent.all_back_us, 0);
    }
  }
}

// --- The study would notice.

TEST(StrandingStudy, IdleLeasesThatAreKeptAreMissing) {
  HourOptions options;
  const HourResult usual = CampaignHour(options).Run();
  options.local.idle = absl::Hours(2);
  const HourResult kept = CampaignHour(options).Run();
  EXPECT_FALSE(kept.overspent);
  EXPECT_GT(Ratio(kept.leased_sum, kept.looks), 4 * Ratio(usual.leased_sum, usual.looks));
  EXPECT_EQ(usual.refused_early, 0);
  EXPECT_GT(kept.refused_early, 0);
}

TEST(StrandingStudy, WithoutAnybodyWhoSettlesMoneyComesBackWithTheProcess) {
  HourOptions options;
  options.units = 10'000;
  options.crashes = kCrashes;
  options.settles_every_us = 0;
  const HourResult hour = CampaignHour(options).Run();
  EXPECT_FALSE(hour.overspent);
  EXPECT_GT(hour.stranded_sum, 0);
  EXPECT_GE(hour.longest_stranded_us, options.away_us);
  EXPECT_LT(hour.longest_stranded_us, options.away_us + kSecond);
}

}  // namespace
}  // namespace fulcrum::leases::testing
