#include "orchestrator/orchestrator.h"

#include <numeric>
#include <set>

#include "tests/orchestrator/ledger_fixture.h"
#include "tests/orchestrator/selection_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Window;
using domain::Wait;
using ::fulcrum::testing::StatusIs;
using policy::BetaArm;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::SizeIs;

std::shared_ptr<config::Bundle> Shop(int64_t limit) {
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.total", Window::kTotal, limit).Cap("c.user", Window::kDay, 1000);
  for (const char* id : {"a", "b", "c", "d"}) builder.Action(id, 10);
  return builder.Build();
}

std::vector<Contender> FourContenders() {
  return {{0, MaskReason::kNone, BetaArm{2, 50}},
          {1, MaskReason::kNone, BetaArm{3, 50}},
          {2, MaskReason::kNone, BetaArm{2, 60}},
          {3, MaskReason::kNone, BetaArm{4, 50}}};
}

Ticks SumOf(const PositionRecord& position) {
  return std::accumulate(position.ticks.begin(), position.ticks.end(), Ticks{0});
}

TEST(Select, PositionsAreDrawnFromWhatIsLeft) {
  LedgerHome home;
  const auto bundle = Shop(1'000'000'000);
  const auto ledger = home.Start(bundle);
  Orchestrator orchestrator(ledger.get());
  const config::Surface surface = TestSurface();
  int full = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    std::vector<Contender> contenders = FourContenders();
    const policy::Baseline baseline{0.0, {}};
    const domain::DecisionContext context = TestContext(home.now(), i, 3);
    const auto selection =
        orchestrator.Select(*bundle, surface, surface.choice, context, {}, User(1), baseline,
                            absl::MakeSpan(contenders), Wait::kMayWait);
    FULCRUM_ASSERT_OK(selection);
    std::set<std::string> seen;
    std::vector<bool> left(4, true);
    uint32_t rank = 1;
    for (const PositionRecord& position : selection->positions) {
      EXPECT_THAT(position.ticks, SizeIs(5));
      EXPECT_EQ(SumOf(position), kTicksTotal);
      EXPECT_EQ(position.seed, policy::DrawSeed(surface.policy_salt, rank++));
      EXPECT_TRUE(seen.insert(position.action_id).second) << "drawn twice";
      // The distribution is that of the remaining arms alone.
      std::vector<policy::Posterior> arms;
      for (size_t j = 0; j < 4; ++j) {
        if (left[j]) arms.push_back(contenders[j].posterior);
        EXPECT_EQ(position.ticks[j] > 0, left[j]);
      }
      const auto probabilities = policy::ChoiceProbabilities(arms, baseline);
      size_t arm = 0;
      const double floor = surface.choice.exploration_floor;
      for (size_t j = 0; j < 5; ++j) {
        if (j < 4 && !left[j]) continue;
        const double expected =
            (1 - floor) * probabilities[arm++] + floor / static_cast<double>(arms.size() + 1);
        EXPECT_NEAR(PropensityOf(position.ticks[j]), expected, 1e-8);
      }
      const size_t drawn = policy::Draw(position.ticks, context.decision_id, position.seed);
      if (drawn == 4) {
        EXPECT_EQ(position.action_id, kNeutralActionId);
        EXPECT_TRUE(position.debits.empty());
        EXPECT_EQ(&position, &selection->positions.back()) << "nothing follows the neutral action";
        continue;
      }
      EXPECT_EQ(position.action_id, bundle->actions[drawn].id);
      EXPECT_THAT(position.debits, SizeIs(2));
      left[drawn] = false;
    }
    full += selection->positions.size() == 3 ? 1 : 0;
  }
  EXPECT_GT(full, 100);
}

TEST(Select, EndsWithTheNeutralActionWhenNothingIsLeft) {
  LedgerHome home;
  const auto bundle = Shop(1'000'000'000);
  const auto ledger = home.Start(bundle);
  Orchestrator orchestrator(ledger.get());
  for (uint64_t i = 0; i < 50; ++i) {
    std::vector<Contender> contenders = FourContenders();
    const auto selection = orchestrator.Select(
        *bundle, TestSurface(), TestSurface().choice, TestContext(home.now(), i, 9), {}, User(1),
        {0.0, {}}, absl::MakeSpan(contenders), Wait::kMayWait);
    FULCRUM_ASSERT_OK(selection);
    EXPECT_LE(selection->positions.size(), 5u);
    EXPECT_EQ(selection->positions.back().action_id, kNeutralActionId);
    if (selection->positions.size() == 5u) {
      EXPECT_THAT(selection->positions.back().ticks, ElementsAre(0, 0, 0, 0, kTicksTotal));
    }
  }
}

TEST(Select, AllMaskedIsTheNeutralActionForSure) {
  LedgerHome home;
  const auto bundle = Shop(9);  // no action fits
  const auto ledger = home.Start(bundle);
  Orchestrator orchestrator(ledger.get());
  std::vector<Contender> contenders = FourContenders();
  contenders[1].mask = MaskReason::kInvalidScore;
  const auto selection = orchestrator.Select(*bundle, TestSurface(), TestSurface().choice,
                                             TestContext(home.now(), 1, 2), {}, User(1), {0.0, {}},
                                             absl::MakeSpan(contenders), Wait::kMayWait);
  FULCRUM_ASSERT_OK(selection);
  ASSERT_THAT(selection->positions, SizeIs(1));
  EXPECT_EQ(selection->positions[0].action_id, kNeutralActionId);
  EXPECT_THAT(selection->positions[0].ticks, ElementsAre(0, 0, 0, 0, kTicksTotal));
  EXPECT_EQ(contenders[0].mask, MaskReason::kNoHold);
  EXPECT_EQ(contenders[1].mask, MaskReason::kInvalidScore);
}

TEST(Select, NoContenders) {
  LedgerHome home;
  const auto bundle = Shop(9);
  const auto ledger = home.Start(bundle);
  Orchestrator orchestrator(ledger.get());
  const auto selection = orchestrator.Select(*bundle, TestSurface(), TestSurface().choice,
                                             TestContext(home.now(), 1, 2), {}, std::nullopt,
                                             {0.0, {}}, {}, Wait::kNoWait);
  FULCRUM_ASSERT_OK(selection);
  EXPECT_THAT(selection->positions, SizeIs(1));
  EXPECT_THAT(selection->positions[0].ticks, ElementsAre(kTicksTotal));
}

TEST(Select, MasksByDatesScoreAndUser) {
  LedgerHome home;
  const absl::Time now = home.now();
  BundleBuilder builder;
  builder.Campaign("early").Dates(absl::InfinitePast(), now).Action("a", 0);
  builder.Campaign("late")
      .Dates(now + absl::Microseconds(1), absl::InfiniteFuture())
      .Action("b", 0);
  builder.Campaign("on").Dates(now, now + absl::Microseconds(1)).Action("c", 0).Action("d", 0);
  builder.Campaign("capped").Cap("capped.user", Window::kDay, 1).Action("e", 0);
  const auto bundle = builder.Build();
  const auto ledger = home.Start(bundle);
  Orchestrator orchestrator(ledger.get());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<Contender> contenders = {{0, MaskReason::kNone, BetaArm{1, 1}},
                                       {1, MaskReason::kNone, BetaArm{1, 1}},
                                       {2, MaskReason::kNone, BetaArm{1, 1}},
                                       {3, MaskReason::kNone, BetaArm{nan, 1}},
                                       {4, MaskReason::kNone, BetaArm{1, 1}}};
  const auto selection =
      orchestrator.Select(*bundle, TestSurface(), TestSurface().choice, TestContext(now, 1, 1), {},
                          std::nullopt, {0.0, {}}, absl::MakeSpan(contenders), Wait::kMayWait);
  FULCRUM_ASSERT_OK(selection);
  EXPECT_EQ(contenders[0].mask, MaskReason::kCampaignInactive);
  EXPECT_EQ(contenders[1].mask, MaskReason::kCampaignInactive);
  EXPECT_EQ(contenders[2].mask, MaskReason::kNone);
  EXPECT_EQ(contenders[3].mask, MaskReason::kInvalidScore);
  EXPECT_EQ(contenders[4].mask, MaskReason::kNoUserRef);
  const auto& ticks = selection->positions[0].ticks;
  EXPECT_EQ(ticks[0] + ticks[1] + ticks[3] + ticks[4], 0u);
  EXPECT_GT(ticks[2], 0u);
}

TEST(Select, NoWaitReportsAndHoldsNothing) {
  LedgerHome home;
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.day", Window::kDay, 1000).Action("a", 10).Action("b", 10);
  const auto bundle = builder.Build();
  const auto ledger = home.Start(bundle);
  Orchestrator orchestrator(ledger.get());
  const absl::Time tomorrow = home.now() + absl::Hours(24);  // no lease yet
  std::vector<Contender> contenders = {{0, MaskReason::kNone, BetaArm{2, 50}},
                                       {1, MaskReason::kNone, BetaArm{3, 50}}};
  const auto select = [&](Wait wait) {
    return orchestrator.Select(*bundle, TestSurface(), TestSurface().choice,
                               TestContext(tomorrow, 1, 1), {}, User(1), {0.0, {}},
                               absl::MakeSpan(contenders), wait);
  };
  EXPECT_THAT(select(Wait::kNoWait), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_EQ(ledger->Status(tomorrow)[0].held, 0);
  for (const Contender& contender : contenders) EXPECT_EQ(contender.mask, MaskReason::kNone);
  FULCRUM_EXPECT_OK(select(Wait::kMayWait));
  FULCRUM_EXPECT_OK(select(Wait::kNoWait));
}

// `from` to `to` by the campaign's clock, over midnight too.
TEST(Select, QuietHoursMaskTheCampaign) {
  struct Case {
    const char* now;  // UTC; the campaign is in Berlin
    bool quiet;
  };
  const Case cases[] = {{"2024-01-15T20:59:59Z", false}, {"2024-01-15T21:00:00Z", true},
                        {"2024-01-16T06:29:59Z", true},  {"2024-01-16T06:30:00Z", false},
                        {"2024-07-15T20:00:00Z", true},  {"2024-07-15T19:59:59Z", false}};
  config::Campaign campaign;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &campaign.time_zone));
  campaign.quiet_hours = {{22 * 60, 7 * 60 + 30}};
  for (const Case& one : cases) {
    absl::Time now;
    ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, one.now, &now, nullptr));
    EXPECT_EQ(CampaignMask(campaign, now), one.quiet ? MaskReason::kQuietHours : MaskReason::kNone)
        << one.now;
  }
  campaign.quiet_hours = {{9 * 60, 10 * 60}};
  const absl::Time nine = absl::FromCivil(absl::CivilMinute(2024, 1, 15, 9, 0), campaign.time_zone);
  EXPECT_EQ(CampaignMask(campaign, nine - absl::Seconds(1)), MaskReason::kNone);
  EXPECT_EQ(CampaignMask(campaign, nine), MaskReason::kQuietHours);
  EXPECT_EQ(CampaignMask(campaign, nine + absl::Hours(1)), MaskReason::kNone);
  campaign.end = nine;
  EXPECT_EQ(CampaignMask(campaign, nine), MaskReason::kCampaignInactive);
}

TEST(Select, WhatWasDrawnExcludesTheOthersOfItsList) {
  LedgerHome home;
  const auto bundle = Shop(1'000'000'000);
  bundle->exclusions = {{"x", {0, 1, 2}}};
  for (const size_t i : {0, 1, 2}) bundle->actions[i].exclusions = {0};
  const auto ledger = home.Start(bundle);
  Orchestrator orchestrator(ledger.get());
  int both = 0;
  int excluded = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    std::vector<Contender> contenders = FourContenders();
    const auto selection = orchestrator.Select(
        *bundle, TestSurface(), TestSurface().choice, TestContext(home.now(), i, 4), {}, User(1),
        {0.0, {}}, absl::MakeSpan(contenders), Wait::kMayWait);
    FULCRUM_ASSERT_OK(selection);
    int listed = 0;
    for (const PositionRecord& position : selection->positions) {
      for (const uint32_t index : position.excluded) EXPECT_EQ(position.ticks[index], 0u);
      excluded += position.excluded.empty() ? 0 : 1;
      EXPECT_EQ(SumOf(position), kTicksTotal);
      listed += position.action_id == "a" || position.action_id == "b" || position.action_id == "c";
    }
    EXPECT_LE(listed, 1);
    both += listed == 1 && selection->positions.size() > 2 ? 1 : 0;
  }
  EXPECT_GT(both, 20) << "with the fourth action beside it";
  EXPECT_GT(excluded, 100);
}

// `b` is a cheaper form of `a`.
TEST(Select, ACheaperFormStandsInWhereThereIsNoRoom) {
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.total", Window::kTotal, 25);
  const auto bundle = builder.Action("a", 10).Action("b", 2).Build();
  bundle->actions[1].variant_of = 0;
  LedgerHome home;
  const auto ledger = home.Start(bundle);
  Orchestrator orchestrator(ledger.get());
  const auto masks = [&](std::vector<Contender> contenders) {
    const auto selection = orchestrator.Select(
        *bundle, TestSurface(), TestSurface().choice, TestContext(home.now(), 1, 1), {}, User(1),
        {0.0, {}}, absl::MakeSpan(contenders), Wait::kMayWait);
    FULCRUM_EXPECT_OK(selection);
    return std::pair(contenders[0].mask, contenders.back().mask);
  };
  const Contender a = {0, MaskReason::kNone, BetaArm{2, 50}};
  const Contender b = {1, MaskReason::kNone, BetaArm{2, 50}};
  EXPECT_EQ(masks({a, b}), std::pair(MaskReason::kNone, MaskReason::kVariant));
  EXPECT_EQ(masks({b}).first, MaskReason::kNone) << "what it stands in for is not asked for";
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  EXPECT_EQ(masks({a, b}), std::pair(MaskReason::kNoHold, MaskReason::kNone));
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
