#include "scoring/logistic_site.h"

#include <cmath>

#include "base/random.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

// What the prior and the site together believe.
Belief After(const Belief& before, const Site& site) {
  const double precision = 1 / (before.sd * before.sd) + site.weight;
  const double location = before.mean / (before.sd * before.sd) + site.reward;
  return {location / precision, 1 / std::sqrt(precision)};
}

// Mean and sd after one observation, by a sum over a fine grid.
Belief ByGrid(const Belief& before, double reward, double seen = 1) {
  constexpr int kNodes = 20'000;
  const double reach = 12 * before.sd + before.sd * before.sd;
  double total = 0;
  double first = 0;
  double second = 0;
  double top = -1e300;
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i <= kNodes; ++i) {
      const double from = reach * (2.0 * i / kNodes - 1);
      const double z = before.mean + from;
      const double softplus = z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
      const double failure = seen == 1 ? -softplus : std::log(1 - seen / (1 + std::exp(-z)));
      const double log = reward * (z - softplus) + (1 - reward) * failure -
                         from * from / (2 * before.sd * before.sd);
      if (pass == 0) {
        top = std::max(top, log);
      } else {
        const double weight = std::exp(log - top);
        total += weight;
        first += weight * from;
        second += weight * from * from;
      }
    }
  }
  first /= total;
  return {before.mean + first, std::sqrt(second / total - first * first)};
}

TEST(LogisticSite, HasTheMomentsOfThePosterior) {
  for (const double mean : {-12.0, -4.0, -0.5, 0.0, 3.0, 20.0}) {
    for (const double sd : {0.05, 0.7, 2.0, 8.0}) {
      for (const double reward : {0.0, 0.25, 1.0}) {
        const Belief before = {mean, sd};
        const Belief after = After(before, LogisticSite(before, reward));
        const Belief expected = ByGrid(before, reward);
        EXPECT_NEAR(after.mean, expected.mean, 1e-8 * (1 + std::abs(mean))) << mean << " " << sd;
        EXPECT_NEAR(after.sd, expected.sd, 1e-8 * sd) << mean << " " << sd << " " << reward;
      }
    }
  }
}

// A failure may even add to the doubt: perhaps nobody looked. That cannot be kept as a site, and
// all that is kept then is how the mean moves.
TEST(LogisticSite, HasTheMomentsWhereNotEverybodyLooks) {
  int kept = 0;
  for (const double mean : {-12.0, -4.0, -0.5, 0.0, 3.0, 20.0}) {
    for (const double sd : {0.05, 0.7, 2.0, 8.0}) {
      for (const double reward : {0.0, 0.25, 1.0}) {
        for (const double seen : {0.1, 0.5, 0.95}) {
          const Belief before = {mean, sd};
          const Site site = LogisticSite(before, reward, seen);
          const Belief expected = ByGrid(before, reward, seen);
          EXPECT_NEAR(After(before, site).mean, expected.mean, 1e-7 * (1 + std::abs(mean)))
              << mean << " " << sd << " " << reward << " " << seen;
          if (site.weight == 0) {
            EXPECT_GT(expected.sd, sd * (1 - 1e-7));
          } else {
            ++kept;
            EXPECT_NEAR(After(before, site).sd, expected.sd, 1e-7 * sd) << mean << " " << sd;
          }
        }
      }
    }
  }
  EXPECT_GT(kept, 100);
}

// Right after the observation nothing stands between it and what it is to become.
TEST(LogisticSite, AChangeOfTheLastObservationIsExact) {
  for (const double mean : {-8.0, -3.0, 0.0, 4.0}) {
    for (const double sd : {0.05, 0.7, 3.0, 8.0}) {
      for (const double seen : {0.5, 1.0}) {
        for (const double reward : {0.0, 0.25, 1.0}) {
          const Belief before = {mean, sd};
          const Belief first = After(before, LogisticSite(before, 1, seen));
          const Belief changed = After(first, LogisticChange(first, 1, reward, seen));
          const Belief expected = After(before, LogisticSite(before, reward, seen));
          EXPECT_NEAR(changed.mean, expected.mean, 1e-5 * sd) << mean << " " << sd << " " << seen;
          EXPECT_NEAR(changed.sd, expected.sd, 1e-5 * sd) << mean << " " << sd << " " << reward;
        }
      }
    }
  }
}

// A failure of what hardly ever succeeds says next to nothing, and never less than nothing.
TEST(LogisticSite, SaysLittleWhereThereIsLittleToSay) {
  const Site site = LogisticSite({-15, 0.1}, 0);
  EXPECT_NEAR(site.weight, 3.06e-7, 1e-8);
  for (const double mean : {-700.0, -40.0, 40.0, 700.0}) {
    for (const double sd : {1e-6, 1.0, kLogitSdMax}) {
      for (const double reward : {0.0, 1.0}) {
        const Belief before = {mean, sd};
        const Site any = LogisticSite(before, reward);
        EXPECT_GE(any.weight, 0);
        EXPECT_TRUE(std::isfinite(any.weight) && std::isfinite(any.reward));
        const Belief after = After(before, any);
        EXPECT_LE(after.sd, sd);
        // Rounding apart, nothing moves against the reward.
        EXPECT_GE((after.mean - mean) * (reward - 0.5), -1e-9) << mean << " " << sd;
      }
    }
  }
}

// In doubt a success moves the belief to about even odds; a step of Newton's from the prior mean,
// as the cheap form of Laplace's approximation takes it, to near certainty.
TEST(LogisticSite, DoesNotOvershoot) {
  const Belief before = {-4, 3.2};
  const Belief after = After(before, LogisticSite(before, 1));
  EXPECT_NEAR(after.mean, ByGrid(before, 1).mean, 1e-8);
  EXPECT_LT(after.mean, 1.5);
  const double p = 1 / (1 + std::exp(4.0));
  const double precision = 1 / (3.2 * 3.2) + p * (1 - p);
  EXPECT_GT(-4 + (1 - p) / precision, 4);
}

}  // namespace
}  // namespace fulcrum::scoring
