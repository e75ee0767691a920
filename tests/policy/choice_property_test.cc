#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "base/math.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "policy/beta_quadrature.h"
#include "policy/choice.h"
#include "tests/policy/beta_choice.h"

namespace fulcrum::policy {
namespace {

using testing::BetaChoice;

constexpr double kAccuracy = 2e-6;

BetaArm RandomArm(base::RandomStream& random) {
  const double trials = base::Exp(random.NextUniform() * base::Log(2000));
  const double rate = random.NextUniform();
  return {0.3 + trials * rate, 0.3 + trials * (1 - rate)};
}

std::vector<BetaArm> RandomArms(base::RandomStream& random, uint32_t most) {
  std::vector<BetaArm> arms(1 + random.NextBelow(most));
  for (BetaArm& arm : arms) arm = RandomArm(random);
  return arms;
}

// Any size that a count can have, and beyond.
BetaArm ExtremeArm(base::RandomStream& random) {
  const auto count = [&] { return base::Exp(90 * random.NextUniform() - 30); };
  return {count(), count()};
}

Baseline RandomBaseline(base::RandomStream& random) {
  Baseline baseline;
  if (random.NextBelow(2) == 0) baseline.known_value = random.NextUniform();
  baseline.posterior = RandomArm(random);
  return baseline;
}

// The definition, slowly: Simpson's rule on one very fine even grid for densities, cdfs and the
// integral alike, in long double.
class SlowReference {
 public:
  static std::vector<double> Choose(const std::vector<BetaArm>& arms, const Baseline& baseline) {
    std::vector<BetaArm> all = arms;
    if (!baseline.known_value) all.push_back(std::get<BetaArm>(baseline.posterior));
    long double low = -70;
    if (baseline.known_value) {
      low = std::log(*baseline.known_value / (1 - *baseline.known_value));
    }
    std::vector<Curve> curves;
    for (const BetaArm& arm : all) curves.emplace_back(arm);
    std::vector<double> result;
    for (size_t a = 0; a < all.size(); ++a) result.push_back(Win(curves, a, low));
    if (baseline.known_value) {
      long double all_below = 1;
      for (const Curve& curve : curves) all_below *= curve.CdfAt(low);
      result.push_back(static_cast<double>(all_below));
    }
    return result;
  }

 private:
  static constexpr long double kLeft = -70;
  static constexpr long double kStep = 0.0025L;
  static constexpr int kCells = 56000;

  struct Curve {
    explicit Curve(const BetaArm& arm) : density(2 * kCells + 1), cdf(2 * kCells + 1) {
      const long double norm = std::lgamma(static_cast<long double>(arm.alpha + arm.beta)) -
                               std::lgamma(static_cast<long double>(arm.alpha)) -
                               std::lgamma(static_cast<long double>(arm.beta));
      for (int i = 0; i <= 2 * kCells; ++i) {
        const long double y = kLeft + kStep / 2 * i;
        density[i] = std::exp(norm - arm.alpha * std::log1p(std::exp(-y)) -
                              arm.beta * std::log1p(std::exp(y)));
      }
      // Both halves of a cell from the parabola through its three points.
      for (int i = 0; i < 2 * kCells; i += 2) {
        const long double l = density[i];
        const long double m = density[i + 1];
        const long double r = density[i + 2];
        cdf[i + 1] = cdf[i] + kStep * (5 * l + 8 * m - r) / 24;
        cdf[i + 2] = cdf[i] + kStep * (l + 4 * m + r) / 6;
      }
    }
    long double CdfAt(long double y) const {
      const long double position = (y - kLeft) / (kStep / 2);
      const int cell = static_cast<int>(position);
      const long double share = position - cell;
      return cdf[cell] +
             kStep / 2 * share * (density[cell] + share / 2 * (density[cell + 1] - density[cell]));
    }
    std::vector<long double> density, cdf;
  };

  // Integrand of P(a is largest) at grid point i.
  static long double Integrand(const std::vector<Curve>& curves, size_t a, int i) {
    long double value = curves[a].density[i];
    for (size_t b = 0; b < curves.size(); ++b) {
      if (b != a) value *= curves[b].cdf[i];
    }
    return value;
  }

  static double Win(const std::vector<Curve>& curves, size_t a, long double low) {
    int first = static_cast<int>(std::ceil((low - kLeft) / (kStep / 2)));
    first += first % 2;
    long double sum = 0;
    // The piece of a cell between `low` and the grid.
    const long double gap = kLeft + kStep / 2 * first - low;
    if (gap > 0) sum += gap * Integrand(curves, a, first);
    for (int i = first; i + 2 <= 2 * kCells; i += 2) {
      sum +=
          kStep / 6 *
          (Integrand(curves, a, i) + 4 * Integrand(curves, a, i + 1) + Integrand(curves, a, i + 2));
    }
    return static_cast<double>(sum);
  }
};

TEST(ChoiceProperty, AgreesWithTheDefinition) {
  base::RandomStream random(21);
  for (int round = 0; round < 12; ++round) {
    const std::vector<BetaArm> arms = RandomArms(random, 6);
    Baseline baseline = RandomBaseline(random);
    if (baseline.known_value) {  // on the slow grid, so that no piece of a cell remains
      const double y = std::round(base::Logit(*baseline.known_value) / 0.0025) * 0.0025;
      baseline.known_value = base::Sigmoid(y);
    }
    const std::vector<double> fast = BetaChoice(arms, baseline);
    const std::vector<double> slow = SlowReference::Choose(arms, baseline);
    ASSERT_EQ(fast.size(), slow.size());
    for (size_t i = 0; i < fast.size(); ++i) {
      EXPECT_NEAR(fast[i], slow[i], kAccuracy) << "round " << round << " entry " << i;
    }
  }
}

TEST(ChoiceProperty, IsADistribution) {
  base::RandomStream random(1);
  for (int round = 0; round < 3000; ++round) {
    const bool extreme = round % 2 == 0;
    std::vector<BetaArm> arms = RandomArms(random, 30);
    if (extreme) {
      for (BetaArm& arm : arms) arm = ExtremeArm(random);
    }
    const std::vector<double> p = BetaChoice(arms, RandomBaseline(random));
    ASSERT_EQ(p.size(), arms.size() + 1);
    for (const double value : p) {
      ASSERT_GE(value, 0);
      ASSERT_LE(value, 1);
    }
    ASSERT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1, 1e-12);
  }
}

TEST(ChoiceProperty, FollowsAPermutationBitForBit) {
  base::RandomStream random(2);
  for (int round = 0; round < 500; ++round) {
    std::vector<BetaArm> arms = RandomArms(random, 20);
    if (arms.size() > 2) arms[1] = arms[0];  // equal arms are kept together
    const Baseline baseline = RandomBaseline(random);
    std::vector<size_t> order(arms.size());
    std::iota(order.begin(), order.end(), size_t{0});
    for (size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[random.NextBelow(static_cast<uint32_t>(i))]);
    }
    std::vector<BetaArm> shuffled;
    for (const size_t i : order) shuffled.push_back(arms[i]);
    const std::vector<double> p = BetaChoice(arms, baseline);
    const std::vector<double> q = BetaChoice(shuffled, baseline);
    for (size_t i = 0; i < order.size(); ++i) ASSERT_EQ(q[i], p[order[i]]);
    ASSERT_EQ(q.back(), p.back());
  }
}

TEST(ChoiceProperty, EqualArmsGetEqualShares) {
  base::RandomStream random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<BetaArm> arms = RandomArms(random, 10);
    const BetaArm twin = arms.front();
    for (uint32_t i = 0; i < 1 + random.NextBelow(5); ++i) arms.push_back(twin);
    const std::vector<double> p = BetaChoice(arms, RandomBaseline(random));
    for (size_t i = 0; i < arms.size(); ++i) {
      const bool equal = arms[i].alpha == twin.alpha && arms[i].beta == twin.beta;
      ASSERT_TRUE(!equal || p[i] == p[0]);
    }
  }
}

TEST(ChoiceProperty, ASuccessRaisesTheOwnShareAndAFailureLowersIt) {
  base::RandomStream random(4);
  for (int round = 0; round < 1000; ++round) {
    std::vector<BetaArm> arms = RandomArms(random, 12);
    const Baseline baseline = RandomBaseline(random);
    const size_t own = random.NextBelow(static_cast<uint32_t>(arms.size()));
    const std::vector<double> before = BetaChoice(arms, baseline);
    arms[own].alpha += 1;
    const std::vector<double> better = BetaChoice(arms, baseline);
    arms[own].alpha -= 1;
    arms[own].beta += 1;
    const std::vector<double> worse = BetaChoice(arms, baseline);
    ASSERT_GE(better[own], before[own] - kAccuracy);
    ASSERT_LE(worse[own], before[own] + kAccuracy);
    for (size_t i = 0; i < before.size(); ++i) {
      if (i == own) continue;
      ASSERT_LE(better[i], before[i] + kAccuracy);
      ASSERT_GE(worse[i], before[i] - kAccuracy);
    }
  }
}

TEST(ChoiceProperty, AHigherKnownValueWinsMoreOften) {
  base::RandomStream random(5);
  for (int round = 0; round < 300; ++round) {
    const std::vector<BetaArm> arms = RandomArms(random, 12);
    double before = 0;
    for (int step = 0; step <= 20; ++step) {
      Baseline baseline;
      baseline.known_value = step / 20.0;
      const double now = BetaChoice(arms, baseline).back();
      ASSERT_GE(now, before - kAccuracy);
      before = now;
    }
    ASSERT_EQ(before, 1);
  }
}

// Mirrored arms: the probability that a is the larger of two is that its mirror is the smaller.
TEST(ChoiceProperty, IsSymmetricUnderExchangeOfSuccessAndFailure) {
  base::RandomStream random(6);
  for (int round = 0; round < 1000; ++round) {
    const BetaArm a = RandomArm(random);
    Baseline b;
    const BetaArm other = RandomArm(random);
    b.posterior = other;
    Baseline mirrored;
    mirrored.posterior = BetaArm{other.beta, other.alpha};
    const double larger = BetaChoice({a}, b)[0];
    const double smaller = BetaChoice({{a.beta, a.alpha}}, mirrored)[1];
    ASSERT_NEAR(larger, smaller, kAccuracy);
  }
}

// The largest of Beta(a_i, 1) is arm i with probability a_i / sum a: any number of arms, any size.
TEST(ChoiceProperty, FollowsTheClosedFormOfPowers) {
  base::RandomStream random(9);
  for (int round = 0; round < 1000; ++round) {
    std::vector<BetaArm> arms(2 + random.NextBelow(60));
    double sum = 0;
    const double width = round % 2 == 0 ? 3 : 20;
    for (BetaArm& arm : arms) {
      arm = {base::Exp(width * (random.NextUniform() - 0.8)), 1};
      sum += arm.alpha;
    }
    Baseline baseline;
    baseline.known_value = 0;
    const std::vector<double> p = BetaChoice(arms, baseline);
    for (size_t i = 0; i < arms.size(); ++i) {
      ASSERT_NEAR(p[i], arms[i].alpha / sum, kAccuracy) << "round " << round;
    }
  }
}

TEST(ChoiceProperty, NeverNeedsThePanelCapAndHasASmallDefect) {
  base::RandomStream random(7);
  BetaQuadrature quadrature;
  int most = 0;
  for (int round = 0; round < 5000; ++round) {
    std::vector<BetaArm> arms(2 + random.NextBelow(40));
    for (BetaArm& arm : arms) arm = round % 2 == 0 ? ExtremeArm(random) : RandomArm(random);
    std::vector<double> p(arms.size());
    const QuadratureReport report = quadrature.Compute(arms, kNoKnownLogit, absl::MakeSpan(p));
    most = std::max(most, report.panels);
    ASSERT_FALSE(report.capped);
    ASSERT_LT(report.defect, 1e-3) << "round " << round;
  }
  std::printf("most panels: %d\n", most);
}

// ln f at y, less its value at the mode, in long double.
long double Fall(const BetaArm& arm, const LogitPoint& mode, long double y) {
  const long double t = y - mode.y;
  const long double rate = static_cast<long double>(arm.alpha) / (arm.alpha + arm.beta);
  if (std::abs(t) < 1) {
    return arm.alpha * t - (arm.alpha + arm.beta) * std::log1p(rate * std::expm1(t));
  }
  const auto softplus = [](long double z) {
    return std::max(z, 0.0L) + std::log1p(std::exp(-std::abs(z)));
  };
  const long double m = mode.y;
  return arm.alpha * (softplus(-m) - softplus(-y)) + arm.beta * (softplus(m) - softplus(y));
}

TEST(ChoiceProperty, SupportEndsWhereTheDensityIsNegligible) {
  base::RandomStream random(8);
  for (int round = 0; round < 100000; ++round) {
    const BetaArm arm =
        Clamped(round % 2 == 0 ? RandomArm(random)
                               : BetaArm{base::Exp(50 * random.NextUniform() - 25),
                                         base::Exp(50 * random.NextUniform() - 25)});
    for (const double drop : {15.0, 25.0}) {
      const BetaShape shape = ShapeOf(arm, drop);
      for (const double end : {shape.low, shape.high}) {
        const auto fall = static_cast<double>(-Fall(arm, shape.mode, end));
        ASSERT_GE(fall, 0.999 * drop) << arm.alpha << ' ' << arm.beta;
        ASSERT_LE(fall, 1.5 * drop) << arm.alpha << ' ' << arm.beta;
      }
    }
  }
}

}  // namespace
}  // namespace fulcrum::policy
