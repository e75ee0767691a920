// Answers that are not the policy's draw: users who are held out, apprentice and log-only modes;
// what the policy would have done is in the record all the same. And settings by region, cautious
// mode, shadows.
#include <cmath>
#include <map>

#include "decider/holdout.h"
#include "tests/decider/decider_fixture.h"
#include "tests/support/statistics.h"

namespace fulcrum::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class Diversion : public DeciderFixture {
 protected:
  // The bundle with more lines of its surface.
  void With(const std::string& page_fields) {
    TestBundle options;
    options.page_fields = page_fields;
    options.day_budget = options.total_budget = 1'000'000'000'000'000;  // nothing binds
    options.cap = 2'000'000'000;
    Build(options);
  }
  decider::Reply Ask(const std::string& user,
                     const std::vector<domain::BaselineAction>& baseline = {},
                     uint32_t slate_size = 1) {
    domain::DecisionContext context = ContextFor(user);
    context.slate_size = slate_size;
    context.baseline = baseline;
    return Decide(std::move(context));
  }
  // Of the newest decision; older ones are forgotten.
  DecisionRecord LastRecord() {
    const std::vector<LogEvent> events = log->Take();
    if (!events.empty()) last_ = std::get<DecisionRecord>(events.back());
    return last_;
  }

  // What the policy drew is whole: its distribution can be drawn again, and it takes nothing.
  void ExpectUnserved(const DecisionRecord& record) {
    ASSERT_FALSE(record.unserved.empty());
    for (const PositionRecord& position : record.unserved) {
      EXPECT_EQ(position.ticks.size(), record.candidates.size() + 1);
      EXPECT_THAT(position.debits, IsEmpty());
    }
    for (const PositionRecord& position : record.positions) {
      EXPECT_THAT(position.ticks, IsEmpty());
      EXPECT_THAT(position.debits, IsEmpty());
    }
  }

  DecisionRecord last_;
};

TEST_F(Diversion, HeldOutUsersGetNothingAndAreLogged) {
  With("    holdout: {share: 0.3, experiment: total}\n");
  int held_out = 0;
  constexpr int kUsers = 2000;
  for (int i = 0; i < kUsers; ++i) {
    const decider::Reply reply = Ask(absl::StrCat("user-", i), {}, 2);
    const DecisionRecord record = LastRecord();
    EXPECT_EQ(record.holdout_ticks,
              static_cast<Ticks>(std::llround(0.3 * static_cast<double>(kTicksTotal))));
    EXPECT_EQ(reply.degradation, Degradation::kNone);
    if (record.answer != Answer::kHeldOut) {
      EXPECT_EQ(record.answer, Answer::kFull);
      EXPECT_THAT(record.unserved, IsEmpty());
      const bool neutral = reply.actions[0].action_id == kNeutralActionId;
      EXPECT_NEAR(reply.actions[0].marginal,
                  0.7 * PropensityOf(reply.actions[0].ticks) + (neutral ? 0.3 : 0), 1e-9);
      if (reply.actions.size() > 1) {
        EXPECT_EQ(reply.actions[1].marginal, PropensityOf(reply.actions[1].ticks));
      }
      continue;
    }
    ++held_out;
    ASSERT_THAT(reply.actions, SizeIs(1));
    EXPECT_EQ(reply.actions[0].action_id, kNeutralActionId);
    EXPECT_EQ(reply.actions[0].ticks, kTicksTotal);  // given that the user is held out
    EXPECT_NEAR(reply.actions[0].marginal,
                0.3 + 0.7 * PropensityOf(record.unserved[0].ticks.back()), 1e-9);
    ExpectUnserved(record);
    // The same at every visit.
    EXPECT_TRUE(held_out >= 20 || Ask(absl::StrCat("user-", i)).answer == Answer::kHeldOut);
  }
  EXPECT_NEAR(held_out, 0.3 * kUsers, 5 * std::sqrt(kUsers * 0.3 * 0.7));
}

TEST_F(Diversion, ExperimentsHoldOutIndependentUsers) {
  config::Surface one, same, other;
  one.holdout = config::Holdout{kTicksTotal / 4, "a"};
  same.holdout = config::Holdout{kTicksTotal / 2, "a"};
  other.holdout = config::Holdout{kTicksTotal / 4, "b"};
  int both = 0, first = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string user = absl::StrCat("u", i);
    const bool held = decider::IsHeldOut(one, user);
    first += held ? 1 : 0;
    both += held && decider::IsHeldOut(other, user) ? 1 : 0;
    // A larger share holds the same users out, and more.
    EXPECT_TRUE(!held || decider::IsHeldOut(same, user));
  }
  EXPECT_NEAR(first, 5000, 5 * std::sqrt(20000 * 0.25 * 0.75));
  EXPECT_NEAR(both, 1250, 5 * std::sqrt(20000 / 16.0));
  EXPECT_FALSE(decider::IsHeldOut(config::Surface(), "u"));
}

// D31 with holdouts: what all users got against the marginal that was told.
TEST_F(Diversion, ServedFollowsTheMarginal) {
  With("    holdout: {share: 0.2, experiment: total}\n");
  std::vector<uint64_t> counts;
  std::vector<Ticks> marginal;
  for (int i = 0; i < 4000; ++i) {
    Ask(absl::StrCat("visitor-", i));
    const DecisionRecord record = LastRecord();
    const auto& drawn_by_policy = record.unserved.empty() ? record.positions : record.unserved;
    const std::vector<Ticks>& ticks = drawn_by_policy[0].ticks;
    counts.resize(ticks.size());
    if (marginal.empty()) {
      Ticks sum = 0;
      for (size_t k = 0; k + 1 < ticks.size(); ++k) {
        marginal.push_back(static_cast<Ticks>(0.8 * static_cast<double>(ticks[k])));
        sum += marginal.back();
      }
      marginal.push_back(kTicksTotal - sum);
    }
    size_t drawn = 0;
    while (drawn < record.candidates.size() &&
           record.candidates[drawn].action_id != record.positions[0].action_id) {
      ++drawn;
    }
    ++counts[drawn];
  }
  EXPECT_GT(FrozenPValue(marginal, counts), 1e-6);
  std::vector<Ticks> conditional = marginal;  // as if nobody were held out: found
  conditional.back() -= kTicksTotal / 5;
  conditional.front() += kTicksTotal / 5;
  EXPECT_LT(FrozenPValue(conditional, counts), 1e-6);
}

TEST_F(Diversion, AnApprenticeServesWhatTheCallerWouldHaveDone) {
  With("    mode: apprentice\n");
  const decider::Reply reply =
      Ask("ann", {{"paid-2", kTicksTotal / 4}, {"free-1", 0}, {"free-2", 0}}, 2);
  EXPECT_EQ(reply.answer, Answer::kBaseline);
  EXPECT_EQ(reply.degradation, Degradation::kNone);
  ASSERT_THAT(reply.actions, SizeIs(2));  // as asked for
  EXPECT_EQ(reply.actions[0].action_id, "paid-2");
  EXPECT_EQ(reply.actions[0].ticks, kTicksTotal / 4);
  EXPECT_EQ(reply.actions[1].ticks, 0u);  // it did not tell
  const DecisionRecord record = LastRecord();
  EXPECT_EQ(record.mode, Mode::kApprentice);
  ExpectUnserved(record);
  // Nothing named: the fallback.
  EXPECT_EQ(Ask("ann").actions[0].action_id, kNeutralActionId);
  EXPECT_EQ(LastRecord().answer, Answer::kNeutral);
  ExpectUnserved(LastRecord());
}

TEST_F(Diversion, AnApprenticeWhoIsLateServesItToo) {
  With("    mode: apprentice\n");
  budget = absl::Milliseconds(20);
  features.on_disk = features.stalled = true;
  domain::DecisionContext context = ContextFor("ann");
  context.baseline = {{"free-3", 0}};
  const decider::Reply reply = Decide(std::move(context));
  EXPECT_EQ(reply.degradation, Degradation::kDeadline);
  EXPECT_EQ(reply.answer, Answer::kBaseline);
  EXPECT_EQ(reply.actions[0].action_id, "free-3");
}

TEST_F(Diversion, WhatTheCallerCannotHaveDoneIsRefused) {
  With("    mode: apprentice\n");
  for (const auto& [baseline, told] :
       {std::pair<std::vector<domain::BaselineAction>, std::string>{
            {{"fre-1", 0}}, "baseline_actions: surface 'page' has no action 'fre-1'"},
        {{{"none", 0}, {"free-1", 0}}, "baseline_actions: nothing may follow 'none'"}}) {
    domain::DecisionContext context = ContextFor("ann");
    context.baseline = baseline;
    const absl::Status status =
        decider->Decide({bundle, nullptr, std::make_shared<scoring::Posteriors>()},
                        bundle->surfaces[0], context, [](const decider::Reply&) {});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), told);
  }
}

TEST_F(Diversion, LiveSurfacesDoNotReadIt) {
  EXPECT_EQ(Ask("ann", {{"paid-2", 0}}).answer, Answer::kFull);
  EXPECT_THAT(LastRecord().unserved, IsEmpty());
}

TEST_F(Diversion, LogOnlyServesTheFallback) {
  TestBundle options;
  options.page_fields = "    mode: log_only\n    fallback_action: free-2\n";
  Build(options);
  std::map<std::string, int> drawn;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(Ask("ann", {{"paid-2", 0}}).actions[0].action_id, "free-2");
    EXPECT_EQ(LastRecord().answer, Answer::kEditorial);
    EXPECT_FALSE(LastRecord().log_pending);
    ExpectUnserved(LastRecord());
    ++drawn[LastRecord().unserved[0].action_id];
  }
  EXPECT_GT(drawn.size(), 4u);
  // A cap of 3 exposures a day would bind; but none was shown.
  for (const CandidateRecord& candidate : LastRecord().candidates) {
    EXPECT_EQ(candidate.mask, MaskReason::kNone) << candidate.action_id;
  }
}

TEST_F(Diversion, RegionsHaveTheirOwnSettings) {
  TestBundle options;
  options.page_fields =
      "    region_key: context.country\n    regions:\n"
      "      - {region: FR, policy: {kind: greedy, uncertainty: -1}, exploration_floor: 0,\n"
      "         bands: [{action: free-1, min: 0.25}, {action: none, min: 0.1, max: 0.1}]}\n";
  Build(options);
  const auto ask = [&](const std::string& country) {
    domain::DecisionContext context = ContextFor("ann");
    if (!country.empty()) context.values["country"] = country;
    Decide(std::move(context));
    return LastRecord();
  };
  const DecisionRecord french = ask("FR");
  EXPECT_EQ(french.region, "FR");
  EXPECT_EQ(french.policy, (Policy{PolicyKind::kGreedy, 0, -1}));
  EXPECT_EQ(french.exploration_floor, 0);
  EXPECT_EQ(french.neutral_share, (Share{0, 0.1, 0.1}));
  EXPECT_NEAR(PropensityOf(french.positions[0].ticks.back()), 0.1, 1e-9);
  for (size_t i = 0; i < french.candidates.size(); ++i) {
    if (french.candidates[i].action_id != "free-1") continue;
    EXPECT_EQ(french.candidates[i].share.min, 0.25);
    EXPECT_GE(PropensityOf(french.positions[0].ticks[i]), 0.25 - 1e-9);
  }
  for (const char* elsewhere : {"DE", ""}) {
    EXPECT_EQ(ask(elsewhere).region, "");
    EXPECT_EQ(LastRecord().policy, Policy{});
    EXPECT_EQ(LastRecord().neutral_share, Share{});
  }
}

TEST_F(Diversion, CautiousModeNarrows) {
  With(
      "    mode: cautious\n    caution: {actions_max: 2, exploration_floor: 0.01, uncertainty: "
      "-2}\n");
  Ask("ann");
  const DecisionRecord record = LastRecord();
  EXPECT_EQ(record.mode, Mode::kCautious);
  EXPECT_EQ(record.exploration_floor, 0.01);
  EXPECT_EQ(record.policy.uncertainty, -2);
  int left_out = 0;
  for (const CandidateRecord& candidate : record.candidates) {
    left_out += candidate.mask == MaskReason::kCautious ? 1 : 0;
  }
  EXPECT_EQ(left_out, static_cast<int>(record.candidates.size()) - 2);
}

TEST_F(Diversion, ShadowsAreComputedBesideWhatIsServed) {
  With(
      "    shadows:\n      - {id: even, exploration_floor: 1}\n"
      "      - {id: best, policy: {kind: greedy}, exploration_floor: 0}\n");
  Ask("ann", {}, 3);
  const DecisionRecord record = LastRecord();
  ASSERT_THAT(record.shadows, SizeIs(2));
  EXPECT_EQ(record.shadows[1], (ShadowRecord{"best", {PolicyKind::kGreedy, 0}, 0}));
  for (const PositionRecord& position : record.positions) {
    ASSERT_THAT(position.shadow_ticks, SizeIs(2));
    for (size_t i = 0; i < position.ticks.size(); ++i) {
      // What cannot be drawn cannot be drawn by a shadow either.
      EXPECT_EQ(position.ticks[i] > 0, position.shadow_ticks[0][i] > 0);
      EXPECT_EQ(position.ticks[i] > 0, position.shadow_ticks[1][i] > 0);
    }
  }
  // Evenly over nine actions and the neutral one.
  EXPECT_NEAR(PropensityOf(record.positions[0].shadow_ticks[0][0]), 0.1, 1e-8);
}

}  // namespace
}  // namespace fulcrum::testing
