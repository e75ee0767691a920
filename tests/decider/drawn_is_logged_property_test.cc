// Drawn = logged through the whole decider: what it serves follows what it logs. 500 random
// configurations (candidates, counts, floors, kinds of baseline, masks, slates) x 2,000 decisions
// with fresh ids on frozen state, judged from logged actions against logged ticks alone: the judge
// knows neither seeds nor posteriors. Once with Beta and once with linear posteriors, and once with
// any policy instead of Thompson sampling.
// draw_property_test does the same for the draw by itself.
#include <algorithm>
#include <cstdio>
#include <numeric>

#include "base/random.h"
#include "tests/decider/decider_fixture.h"
#include "tests/support/made_policy.h"
#include "tests/support/statistics.h"

namespace fulcrum::testing {
namespace {

constexpr size_t kConfigurations = 500;
constexpr int kDraws = 2000;

enum class Family : uint8_t { kBeta, kLinear, kAnyPolicy };  // kAnyPolicy: of either

// One frozen state of the world and one question put to it.
struct Configuration {
  decider::Snapshot snapshot;
  std::vector<std::string> candidates;
  base::StringMap<domain::FeatureValue> context;
  uint32_t slate_size = 1;
  size_t judged = 0;  // position, from 0
};

// Judges what was served, and the same as if the log had told it wrongly.
struct Judges {
  DrawnAgainstLogged honest;
  DrawnAgainstLogged off;      // the largest propensity was logged 5 % too small
  DrawnAgainstLogged redrawn;  // 6 % of the draws were refused and drawn again, unlogged
  size_t slates = 0;
  size_t masked = 0;
};

size_t LargestOf(absl::Span<const Ticks> ticks) {
  return static_cast<size_t>(std::max_element(ticks.begin(), ticks.end()) - ticks.begin());
}

// Ticks whose largest entry is 5 % smaller; the others keep their proportions.
std::vector<Ticks> Misreported(const std::vector<Ticks>& ticks) {
  const size_t largest = LargestOf(ticks);
  const Ticks value = ticks[largest] / 100 * 95;
  const Ticks others = kTicksTotal - ticks[largest];
  if (others == 0) return ticks;
  const double factor = PropensityOf(kTicksTotal - value) / PropensityOf(others);
  std::vector<Ticks> result(ticks.size());
  for (size_t i = 0; i < ticks.size(); ++i) {
    result[i] = static_cast<Ticks>(static_cast<double>(ticks[i]) * factor);
  }
  result[largest] = value;
  return result;
}

// What a redraw after a refusal would have served instead of `drawn`.
size_t Redrawn(absl::Span<const Ticks> ticks, size_t drawn, base::RandomStream* coin) {
  const size_t largest = LargestOf(ticks);
  if (drawn != largest || coin->NextUniform() >= 0.06 / PropensityOf(ticks[largest])) return drawn;
  for (size_t i = 0; i < ticks.size(); ++i) {
    if (i != largest && ticks[i] > 0) return i;
  }
  return drawn;
}

class DrawnIsLogged : public DeciderFixture {
 protected:
  void SetUp() override {
    TestBundle rich;  // so rich that nothing binds: the state stays frozen
    rich.day_budget = rich.total_budget = 1'000'000'000'000'000;
    rich.cap = 2'000'000'000;
    Build(rich);
  }

  Configuration RandomConfiguration(Family family) {
    Configuration made;
    auto changed = std::make_shared<config::Bundle>(*bundle);
    config::Surface& surface = changed->surfaces[0];
    if (family == Family::kAnyPolicy) {
      const uint64_t kind = random_.NextBelow(kPolicyKinds);
      surface.choice.policy = MadePolicy(kind, random_.NextUniform());
      SetShares(*changed, &surface);
      family = random_.NextBelow(2) == 0 ? Family::kBeta : Family::kLinear;
    }
    surface.choice.exploration_floor = random_.NextBelow(3) == 0 ? 0 : 0.3 * random_.NextUniform();
    surface.policy_salt = "salt-" + std::to_string(random_.NextBelow(1000));
    if (random_.NextBelow(2) == 0) surface.baseline_value = 0.2 * random_.NextUniform();
    auto posteriors = std::make_shared<scoring::Posteriors>();
    if (family == Family::kLinear) MakeLinear(&surface, &made, posteriors.get());
    const auto learn = [&](const std::string& action_id) {
      if (family == Family::kBeta) return posteriors->Set("", action_id, RandomCounts());
      LearnLine(surface, action_id, posteriors.get());
    };
    learn(kNeutralActionId);
    for (const config::Action& action : changed->actions) {
      if (random_.NextBelow(8) != 0) learn(action.id);
      if (random_.NextBelow(5) != 0) made.candidates.push_back(action.id);
    }
    // A campaign that is over is masked.
    if (random_.NextBelow(5) == 0) {
      changed->campaigns[random_.NextBelow(3)].end = absl::UnixEpoch();
    }
    made.snapshot = {std::move(changed), nullptr, std::move(posteriors)};
    if (random_.NextBelow(3) == 0) {
      made.slate_size = 2 + random_.NextBelow(2);
      made.judged = 1 + random_.NextBelow(made.slate_size - 1);
    }
    return made;
  }

  // Weights and bounds, some caution, and sometimes cautious mode.
  void SetShares(const config::Bundle& changed, config::Surface* surface) {
    surface->choice.policy.uncertainty =
        random_.NextBelow(2) == 0 ? 0 : 2 * random_.NextUniform() - 1;
    if (random_.NextBelow(4) == 0) surface->actions_max = 1 + random_.NextBelow(4);
    if (random_.NextBelow(2) == 0) surface->diversity = config::Diversity{random_.NextUniform(), 2};
    for (int32_t i = -1; i < static_cast<int32_t>(changed.actions.size()); ++i) {
      Share share{random_.NextUniform(), 0, 1};
      if (random_.NextBelow(3) == 0) share.min = 0.05 * random_.NextUniform();
      if (random_.NextBelow(3) == 0)
        share.max = share.min + 0.6 * random_.NextUniform() * (1 - share.min);
      surface->choice.shares.emplace_back(i, share);
    }
  }

  scoring::ArmCounts RandomCounts() {
    const double trials = random_.NextBelow(400);
    return {trials, trials * 0.2 * random_.NextUniform()};
  }

  void MakeLinear(config::Surface* surface, Configuration* made, scoring::Posteriors* posteriors) {
    surface->linear = config::LinearPosterior{.noise_sd = 0.1 + random_.NextUniform(),
                                              .prior_sd = 0.02 + 0.2 * random_.NextUniform(),
                                              .context_keys = {"hour"}};
    posteriors->SetLinear(surface->id, scoring::SpecOf(*surface->linear, false));
    made->context["hour"] = 2 * random_.NextUniform() - 1;
  }

  // Few observations around a small value: the arms overlap.
  void LearnLine(const config::Surface& surface, const std::string& action_id,
                 scoring::Posteriors* posteriors) {
    for (uint32_t i = random_.NextBelow(60); i > 0; --i) {
      const double hour = 2 * random_.NextUniform() - 1;
      posteriors->Observe({.surface = surface.id,
                           .action_id = action_id,
                           .basis = scoring::TermsOf(0, {hour}),
                           .reward = random_.NextUniform() - 0.5});
    }
  }

  // The records of `kDraws` decisions on one state.
  std::vector<LogEvent> Serve(const Configuration& configuration) {
    BuildDecider();
    for (int i = 0; i < kDraws; ++i) {
      domain::DecisionContext context = ContextFor("ann", configuration.candidates);
      millis_ += 1 + random_.NextBelow(3);
      const uint64_t high = random_.Next64();
      context.decision_id =
          DecisionId::FromTimeAndRandom(absl::FromUnixMillis(millis_), high, random_.Next64());
      context.slate_size = configuration.slate_size;
      context.values = configuration.context;
      std::atomic<bool> answered{false};
      FULCRUM_EXPECT_OK(decider->Decide(configuration.snapshot,
                                        configuration.snapshot.bundle->surfaces[0],
                                        std::move(context), [&](const decider::Reply& reply) {
                                          EXPECT_FALSE(reply.log_pending);
                                          answered = true;
                                        }));
      while (!answered) std::this_thread::yield();
    }
    return log->Take();
  }

  // The index into a record's candidates, or their number for the neutral action.
  static size_t DrawnIn(const DecisionRecord& record, const PositionRecord& position) {
    size_t index = 0;
    while (index < record.candidates.size() &&
           record.candidates[index].action_id != position.action_id) {
      ++index;
    }
    EXPECT_TRUE(index < record.candidates.size() || position.action_id == kNeutralActionId);
    return index;
  }

  void JudgeFrozen(const std::vector<LogEvent>& events, Judges* judges) {
    const std::vector<Ticks> ticks = std::get<DecisionRecord>(events[0]).positions[0].ticks;
    std::vector<uint64_t> counts(ticks.size());
    std::vector<uint64_t> redrawn(ticks.size());
    for (const LogEvent& event : events) {
      const auto& record = std::get<DecisionRecord>(event);
      ASSERT_EQ(record.positions[0].ticks, ticks) << "the state was not frozen";
      const size_t drawn = DrawnIn(record, record.positions[0]);
      ++counts[drawn];
      ++redrawn[Redrawn(ticks, drawn, &coin_)];
    }
    if (!judges->honest.AddFrozen(ticks, counts)) return;
    judges->off.AddFrozen(Misreported(ticks), counts);
    judges->redrawn.AddFrozen(ticks, redrawn);
  }

  void JudgeSlates(const Configuration& configuration, const std::vector<LogEvent>& events,
                   Judges* judges) {
    VaryingDraws honest, off, redrawn;
    std::vector<uint32_t> actions;
    for (const LogEvent& event : events) {
      const auto& record = std::get<DecisionRecord>(event);
      if (record.positions.size() <= configuration.judged) continue;  // the neutral action came up
      const PositionRecord& position = record.positions[configuration.judged];
      for (size_t before = 0; before < configuration.judged; ++before) {
        const size_t taken = DrawnIn(record, record.positions[before]);
        ASSERT_EQ(position.ticks[taken], 0u) << "an action can be drawn twice";
      }
      actions.resize(position.ticks.size());
      std::iota(actions.begin(), actions.end(), 0u);
      const size_t drawn = DrawnIn(record, position);
      honest.Add(actions, position.ticks, drawn);
      off.Add(actions, Misreported(position.ticks), drawn);
      redrawn.Add(actions, position.ticks, Redrawn(position.ticks, drawn, &coin_));
    }
    if (!judges->honest.AddVarying(honest)) return;
    ++judges->slates;
    judges->off.AddVarying(off);
    judges->redrawn.AddVarying(redrawn);
  }

  void CheckMasks(const std::vector<LogEvent>& events, Judges* judges) {
    const auto& first = std::get<DecisionRecord>(events[0]);
    bool masked = false;
    for (size_t i = 0; i < first.candidates.size(); ++i) {
      if (first.candidates[i].mask == MaskReason::kNone) continue;
      masked = true;
      EXPECT_EQ(first.positions[0].ticks[i], 0u);
    }
    judges->masked += masked ? 1 : 0;
  }

  void JudgeConfigurations(Family family);

  base::RandomStream random_{20260301};
  base::RandomStream coin_{7};
  int64_t millis_ = 1'700'000'000'000;
};

void DrawnIsLogged::JudgeConfigurations(Family family) {
  Judges judges;
  while (judges.honest.configurations() < kConfigurations && !HasFailure()) {
    const Configuration configuration = RandomConfiguration(family);
    const std::vector<LogEvent> events = Serve(configuration);
    ASSERT_EQ(events.size(), static_cast<size_t>(kDraws));
    CheckMasks(events, &judges);
    const auto& first = std::get<DecisionRecord>(events[0]);
    const bool linear = configuration.snapshot.bundle->surfaces[0].linear.has_value();
    ASSERT_EQ(first.positions[0].basis.size(), linear ? 3u : 0u);
    ASSERT_EQ(first.policy, configuration.snapshot.bundle->surfaces[0].choice.policy);
    if (configuration.slate_size == 1) {
      JudgeFrozen(events, &judges);
    } else {
      JudgeSlates(configuration, events, &judges);
    }
  }
  std::printf("drawn against logged: %s; %zu slates\n", judges.honest.Report().c_str(),
              judges.slates);
  EXPECT_TRUE(judges.honest.Passes()) << judges.honest.Report();
  EXPECT_GT(judges.slates, kConfigurations / 5);
  EXPECT_GT(judges.masked, kConfigurations / 10);
  // The judge finds what it is there to find, in the same draws.
  EXPECT_FALSE(judges.off.Passes()) << judges.off.Report();
  EXPECT_FALSE(judges.redrawn.Passes()) << judges.redrawn.Report();
}

TEST_F(DrawnIsLogged, OverRandomConfigurations) {
  JudgeConfigurations(Family::kBeta);
}

TEST_F(DrawnIsLogged, OverRandomLinearConfigurations) {
  JudgeConfigurations(Family::kLinear);
}

TEST_F(DrawnIsLogged, OverRandomPolicies) {
  JudgeConfigurations(Family::kAnyPolicy);
}

}  // namespace
}  // namespace fulcrum::testing
