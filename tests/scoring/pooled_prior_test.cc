#include "scoring/pooled_prior.h"

#include <cmath>

#include "base/random.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

// Campaigns `shoes` and `hats`, of `each` actions.
struct Shop {
  explicit Shop(int each) {
    bundle.campaigns.resize(2);
    surface.id = "page";
    for (int campaign = 0; campaign < 2; ++campaign) {
      for (int i = 0; i < each; ++i) {
        surface.actions.push_back(static_cast<int32_t>(bundle.actions.size()));
        bundle.actions.push_back(
            {.id = (campaign == 0 ? "shoe-" : "hat-") + std::to_string(i), .campaign = campaign});
      }
    }
  }
  BetaPosterior Prior(size_t action, const config::Pooling& pooling,
                      std::string_view segment = "") const {
    const config::Action& of = bundle.actions[action];
    return PooledPriors(bundle, surface, pooling, book, segment).Of(of, book.Find(segment, of.id));
  }

  config::Bundle bundle;
  config::Surface surface;
  ArmBook book;
};

double Mean(const BetaPosterior& beta) {
  return beta.alpha / (beta.alpha + beta.beta);
}
double Trials(const BetaPosterior& beta) {
  return beta.alpha + beta.beta;
}

// Mean and variance of a new member's rate by brute force: the shared rate on a grid, the member
// around it.
BetaPosterior MemberByGrid(const BetaPosterior& shared, double strength) {
  double weight = 0;
  double first = 0;
  double second = 0;
  constexpr int kNodes = 200'000;
  for (int i = 0; i < kNodes; ++i) {
    const double rate = (i + 0.5) / kNodes;
    const double density =
        std::exp((shared.alpha - 1) * std::log(rate) + (shared.beta - 1) * std::log1p(-rate));
    weight += density;
    first += density * rate;
    second += density * (rate * rate + rate * (1 - rate) / (strength + 1));
  }
  first /= weight;
  second /= weight;
  const double trials = first * (1 - first) / (second - first * first) - 1;
  return {first * trials, (1 - first) * trials};
}

TEST(PooledPrior, WithoutDataItIsTwoMembersAwayFromUniform) {
  const Shop shop(3);
  const BetaPosterior prior = shop.Prior(0, {.strength = 20});
  const BetaPosterior campaign = MemberByGrid({1, 1}, 20);
  EXPECT_NEAR(Trials(prior), 20 * Trials(campaign) / (Trials(campaign) + 21), 1e-4);
  EXPECT_EQ(Mean(prior), 0.5);
}

// Of one campaign, whose rate is known by the trials of one other action, worth at most 21.
TEST(PooledPrior, ANewActionStartsFromItsCampaignsRate) {
  Shop shop(2);
  shop.book.Set("", "shoe-0", {1000, 50});
  const BetaPosterior prior = shop.Prior(1, {.strength = 20});
  const BetaPosterior campaign = MemberByGrid({1, 1}, 20);
  const double told = 1000.0 * 21 / 1020;
  const BetaPosterior expected =
      MemberByGrid({campaign.alpha + told * 0.05, campaign.beta + told * 0.95}, 20);
  EXPECT_NEAR(prior.alpha, expected.alpha, 1e-3);
  EXPECT_NEAR(prior.beta, expected.beta, 1e-3);
  // The other campaign hears as much as two steps let through: 10.65 trials, .53 of them successes.
  EXPECT_NEAR(Mean(shop.Prior(2, {.strength = 20})), 1.5326 / 12.652, 1e-4);
  EXPECT_NEAR(Mean(shop.Prior(0, {.strength = 20})), 0.5, 1e-12)
      << "an action says nothing of its own prior";
}

TEST(PooledPrior, ManyActionsMakeTheRateCertainAndTheStrengthTheWholeOfIt) {
  Shop shop(400);
  for (const config::Action& action : shop.bundle.actions) {
    if (action.id != "shoe-7") {
      shop.book.Set("", action.id, {1000, action.campaign == 0 ? 30.0 : 90.0});
    }
  }
  const BetaPosterior prior = shop.Prior(7, {.strength = 20});
  EXPECT_NEAR(Mean(prior), 0.03, 0.0005);
  EXPECT_NEAR(Trials(prior), 20, 0.1);
}

TEST(PooledPrior, TheSegmentCounts) {
  Shop shop(3);
  shop.book.Set("", "shoe-0", {1000, 50});
  shop.book.Set("young", "shoe-0", {1000, 300});
  EXPECT_GT(Mean(shop.Prior(1, {.strength = 20}, "young")), 0.25);
  EXPECT_LT(Mean(shop.Prior(1, {.strength = 20}, "old")), 0.1) << "as over all segments";
}

// Ten thousand actions whose rates are Beta(2, 38), with 5 to 500 trials each.
TEST(PooledPrior, TheStrengthIsFoundByMoments) {
  base::RandomStream random(4);
  const auto gamma = [&](int shape) {
    double sum = 0;
    for (int i = 0; i < shape; ++i) sum -= std::log1p(-random.NextUniform());
    return sum;
  };
  std::vector<std::vector<ArmCounts>> campaigns(200);
  for (auto& campaign : campaigns) {
    for (int i = 0; i < 50; ++i) {
      const double a = gamma(2);
      const double rate = a / (a + gamma(38));
      ArmCounts counts;
      counts.trials = 5 + random.NextBelow(496);
      for (int j = 0; j < counts.trials; ++j) counts.successes += random.NextUniform() < rate;
      campaign.push_back(counts);
    }
  }
  const auto strength = StrengthByMoments(campaigns);
  ASSERT_TRUE(strength.has_value());
  EXPECT_NEAR(*strength, 40, 4);
}

TEST(PooledPrior, NoStrengthWhereNothingDiffers) {
  EXPECT_FALSE(StrengthByMoments({}).has_value());
  EXPECT_FALSE(StrengthByMoments({{{100, 10}}, {{0, 0}, {50, 20}}}).has_value())
      << "one action each";
  EXPECT_FALSE(StrengthByMoments({{{100, 10}, {100, 10}}}).has_value());
  EXPECT_FALSE(StrengthByMoments({{{100, 0}, {100, 0}}}).has_value());
  EXPECT_EQ(StrengthByMoments({{{100, 0}, {100, 100}}}), 1) << "no less";
  Shop shop(2);
  EXPECT_EQ(
      PooledPriors(shop.bundle, shop.surface, {.strength = 7, .estimate = true}, shop.book, "")
          .strength(),
      7);
  for (const auto& [id, successes] : {std::pair("shoe-0", 10.0), std::pair("shoe-1", 60.0)}) {
    shop.book.Set("", id, {100, successes});
  }
  EXPECT_LT(
      PooledPriors(shop.bundle, shop.surface, {.strength = 7, .estimate = true}, shop.book, "")
          .strength(),
      3);
}

// A new action among many alike costs less to try, and is still tried: squared error of its
// posterior mean after few trials against that of the uniform prior.
TEST(PooledPrior, IsNearerToTheTruthThanTheUniform) {
  base::RandomStream random(9);
  double pooled = 0;
  double uniform = 0;
  for (int world = 0; world < 300; ++world) {
    Shop shop(6);
    std::vector<double> rates;
    for (const config::Action& action : shop.bundle.actions) {
      rates.push_back(0.01 + 0.04 * random.NextUniform() + (action.campaign == 0 ? 0.1 : 0));
      ArmCounts counts;
      counts.trials = &action == shop.bundle.actions.data() ? 10 : 300;
      for (int j = 0; j < counts.trials; ++j) {
        counts.successes += random.NextUniform() < rates.back();
      }
      shop.book.Set("", action.id, counts);
    }
    const ArmCounts own = shop.book.Find("", "shoe-0");
    const BetaPosterior prior = shop.Prior(0, {.strength = 50, .estimate = true});
    const double mean = (prior.alpha + own.successes) / (Trials(prior) + own.trials);
    pooled += (mean - rates[0]) * (mean - rates[0]);
    const double flat = (1 + own.successes) / (2 + own.trials);
    uniform += (flat - rates[0]) * (flat - rates[0]);
  }
  EXPECT_LT(pooled, uniform / 5);
}

}  // namespace
}  // namespace fulcrum::scoring
