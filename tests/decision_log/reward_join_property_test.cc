// The join against the plain definition of a reward, over random decisions and reports in random
// places of the log.
#include <cmath>
#include <set>
#include <tuple>

#include "tests/decision_log/reward_join_fixture.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::decision_log {
namespace {

constexpr int kWorlds = 300;
constexpr int kDecisions = 40;

struct Placed {
  size_t after = 0;  // stands behind this decision, before the next
  LogEvent event;
};

// Decisions a few seconds apart, and what is reported of them.
struct World {
  std::vector<DecisionRecord> decisions;
  std::vector<Placed> reports;
};

// `late`: reports may stand anywhere until their decision is forgotten, else only within its
// window.
World MakeWorld(base::RandomStream& random, bool late) {
  World world;
  int64_t second = 0;
  for (int i = 0; i < kDecisions; ++i) {
    second += random.NextBelow(8);
    world.decisions.push_back(JoinDecision(static_cast<uint64_t>(i), second,
                                           1 + random.NextBelow(3), random.NextBelow(2) == 0));
  }
  for (size_t i = 0; i < world.decisions.size(); ++i) {
    const DecisionRecord& decision = world.decisions[i];
    const int64_t until_us = decision.occurred_us + (late ? 120 : 60) * kSecondUs;
    size_t places = 0;
    while (i + places + 1 < world.decisions.size() &&
           world.decisions[i + places + 1].occurred_us < until_us) {
      ++places;
    }
    const auto place = [&] { return i + random.NextBelow(static_cast<uint32_t>(places + 1)); };
    const int64_t at = (decision.occurred_us - kStartUs) / kSecondUs;
    for (uint32_t position = 1; position <= decision.positions.size(); ++position) {
      if (random.NextBelow(3) != 0) {
        const LogEvent exposure = JoinExposure(i, position);
        for (uint32_t n = 0; n <= random.NextBelow(2); ++n) {
          world.reports.push_back({place(), exposure});
        }
      }
      for (uint32_t id = 0; id < random.NextBelow(3); ++id) {
        // A few values and instants, so that repeats, refunds and ties come about.
        for (uint32_t n = 0; n <= random.NextBelow(3); ++n) {
          OutcomeRecord outcome = JoinOutcome(i, absl::StrCat("o", id), 0.1 * random.NextBelow(4),
                                              at + 20 * int64_t{random.NextBelow(5)}, position);
          if (random.NextBelow(10) == 0) outcome.kind = "other";
          if (random.NextBelow(10) == 0) outcome.position = 0;
          world.reports.push_back({place(), outcome});
        }
      }
    }
  }
  return world;
}

// The log: decisions in order, reports behind theirs in the order of `reports`; in the end all
// windows are closed.
std::vector<LogEvent> LogOf(const World& world) {
  std::vector<LogEvent> log;
  for (size_t i = 0; i < world.decisions.size(); ++i) {
    log.push_back(world.decisions[i]);
    for (const Placed& report : world.reports) {
      if (report.after == i) log.push_back(report.event);
    }
  }
  log.push_back(JoinDecision(kDecisions, 100000));
  return log;
}

void Shuffle(base::RandomStream& random, std::vector<Placed>* reports) {
  for (size_t i = reports->size(); i > 1; --i) {
    std::swap((*reports)[i - 1], (*reports)[random.NextBelow(static_cast<uint32_t>(i))]);
  }
}

// What every shown position has earned, by the definition in the header and nothing else.
std::map<JoinRun::Key, double> RewardsByDefinition(const World& world) {
  std::map<JoinRun::Key, double> rewards;
  for (size_t i = 0; i < world.decisions.size(); ++i) {
    const DecisionRecord& decision = world.decisions[i];
    for (size_t position = 0; position < decision.positions.size(); ++position) {
      bool shown = !decision.exposure_required;
      std::map<std::string, std::vector<OutcomeRecord>> by_id;
      for (const Placed& report : world.reports) {
        if (const auto* exposure = std::get_if<ExposureRecord>(&report.event)) {
          shown =
              shown || (exposure->decision_id == decision.id && exposure->position == position + 1);
        } else if (const auto* outcome = std::get_if<OutcomeRecord>(&report.event)) {
          const bool whole = outcome->position == 0 && decision.positions.size() == 1;
          if (outcome->decision_id != decision.id || outcome->kind != "click") continue;
          if (outcome->position != position + 1 && !whole) continue;
          by_id[outcome->outcome_id].push_back(*outcome);
        }
      }
      if (!shown) continue;
      double sum = 0;
      for (auto& [id, reports] : by_id) {
        std::sort(reports.begin(), reports.end(), [](const auto& a, const auto& b) {
          return std::tuple(a.occurred_us, -a.value) < std::tuple(b.occurred_us, -b.value);
        });
        const int64_t window_end = decision.occurred_us + decision.attribution_window_us;
        if (reports.front().occurred_us <= window_end) sum += reports.back().value;
      }
      rewards[{decision.id, position}] = sum;
    }
  }
  return rewards;
}

void ExpectRewards(const JoinRun& run, const std::map<JoinRun::Key, double>& wanted) {
  ASSERT_EQ(run.rewards().size(), wanted.size());
  for (const auto& [key, reward] : run.rewards()) {
    const auto found = wanted.find(key);
    ASSERT_NE(found, wanted.end());
    EXPECT_EQ(reward.now, found->second);
    EXPECT_EQ(reward.settled, 1);
    EXPECT_FALSE(reward.broken);
    EXPECT_NEAR(reward.sum, found->second, 1e-12);
  }
  EXPECT_EQ(run.unshown_settled(), 0);
}

TEST(RewardJoinProperty, EveryOrderOfTheReportsWithinTheWindowSettlesTheSameReward) {
  base::RandomStream random(1);
  size_t rewarded = 0, overridden = 0, late = 0;
  for (int n = 0; n < kWorlds; ++n) {
    World world = MakeWorld(random, /*late=*/false);
    const auto wanted = RewardsByDefinition(world);
    for (int order = 0; order < 3; ++order) {
      Shuffle(random, &world.reports);
      JoinRun run;
      run.ApplyAll(LogOf(world));
      ExpectRewards(run, wanted);
      for (const auto& [key, reward] : run.rewards()) {
        EXPECT_EQ(reward.corrected, 0);
        rewarded += reward.now != 0;
      }
      overridden += run.join().stats().outcomes_repeated;
      late += run.join().stats().outcomes_late;
    }
  }
  EXPECT_GT(rewarded, 1000u);
  EXPECT_GT(overridden, 1000u);
  EXPECT_GT(late, 1000u);
}

TEST(RewardJoinProperty, ReportsAfterTheWindowCorrectToTheSameReward) {
  base::RandomStream random(2);
  uint64_t corrected = 0;
  for (int n = 0; n < kWorlds; ++n) {
    World world = MakeWorld(random, /*late=*/true);
    const auto wanted = RewardsByDefinition(world);
    for (int order = 0; order < 3; ++order) {
      Shuffle(random, &world.reports);
      JoinRun run;
      run.ApplyAll(LogOf(world));
      ExpectRewards(run, wanted);
      corrected += run.join().stats().corrected;
    }
  }
  EXPECT_GT(corrected, 1000u);
}

// The log with `unshown` records as a service would write them: at random moments, of what is due.
std::vector<LogEvent> WithUnshown(base::RandomStream& random, const std::vector<LogEvent>& plain) {
  std::vector<LogEvent> log;
  JoinRun run;
  int64_t now_us = kStartUs;
  const auto add = [&](const LogEvent& event) {
    log.push_back(event);
    run.Apply(event);
  };
  for (const LogEvent& event : plain) {
    if (const auto* decision = std::get_if<DecisionRecord>(&event)) now_us = decision->occurred_us;
    if (random.NextBelow(4) == 0) {
      for (const UnshownRecord& record : run.join().TakeUnshown(now_us, 3, NothingReported)) {
        add(record);
      }
    }
    add(event);
  }
  return log;
}

TEST(RewardJoinProperty, WhereverTheRunIsCutTheRestIsTheSame) {
  base::RandomStream random(3);
  uint64_t unshown = 0, late = 0;
  for (int n = 0; n < kWorlds / 3; ++n) {
    const auto log = WithUnshown(random, LogOf(MakeWorld(random, /*late=*/true)));
    JoinRun whole, cut;
    whole.ApplyAll(log);
    for (const LogEvent& event : log) {
      if (random.NextBelow(4) == 0) {
        FULCRUM_ASSERT_OK(cut.Restart());
      }
      cut.Apply(event);
    }
    EXPECT_EQ(whole.join().Serialise(), cut.join().Serialise());
    EXPECT_EQ(whole.join().stats(), cut.join().stats());
    ASSERT_EQ(whole.rewards().size(), cut.rewards().size());
    for (const auto& [key, reward] : whole.rewards()) {
      EXPECT_EQ(reward.now, cut.rewards().at(key).now);
      EXPECT_EQ(reward.settled, cut.rewards().at(key).settled);
    }
    unshown += whole.join().stats().unshown;
    late += whole.join().stats().exposures_late;
  }
  EXPECT_GT(unshown, 100u);
  EXPECT_GT(late, 10u);
}

TEST(RewardJoinProperty, AMissingPositionNeverSettlesAndNothingSettlesTwice) {
  base::RandomStream random(4);
  size_t missing = 0;
  for (int n = 0; n < kWorlds; ++n) {
    const auto log = WithUnshown(random, LogOf(MakeWorld(random, /*late=*/true)));
    JoinRun run;
    run.ApplyAll(log);
    // By the order of the log alone: which of the two came first.
    std::set<JoinRun::Key> exposed, unshown;
    for (const LogEvent& event : log) {
      if (const auto* exposure = std::get_if<ExposureRecord>(&event)) {
        const JoinRun::Key key(exposure->decision_id, exposure->position - 1);
        if (!unshown.contains(key)) exposed.insert(key);
      } else if (const auto* record = std::get_if<UnshownRecord>(&event)) {
        for (const uint32_t position : record->positions) {
          EXPECT_FALSE(exposed.contains({record->decision_id, position - 1}));
          EXPECT_TRUE(unshown.insert({record->decision_id, position - 1}).second) << "told twice";
        }
      }
    }
    for (const auto& [key, reward] : run.rewards()) {
      EXPECT_FALSE(unshown.contains(key));
      EXPECT_EQ(reward.settled, 1);
    }
    EXPECT_EQ(run.unshown_settled(), 0);
    missing += unshown.size();
  }
  EXPECT_GT(missing, 500u);
}

}  // namespace
}  // namespace fulcrum::decision_log
