// Drawn = logged through Orchestrator::Select (D31): 500 random configurations x 2,000 draws with
// fresh decision ids; what was drawn is counted against the logged ticks only, never the seed.
//
// Three kinds of configuration: holds that always fail for the dearest actions (the distribution is
// frozen), holds that fail from draw to draw because others hold part of the budget, and positions
// of slates. The same draws are also counted against logs with a planted fault, which must be
// found.
#include <algorithm>

#include "base/random.h"
#include "orchestrator/orchestrator.h"
#include "tests/orchestrator/ledger_fixture.h"
#include "tests/orchestrator/selection_fixture.h"
#include "tests/support/statistics.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Window;
using domain::Wait;
using ::fulcrum::testing::DrawnAgainstLogged;
using ::fulcrum::testing::VaryingDraws;

constexpr size_t kConfigurations = 500;
constexpr size_t kSpare = 150;  // for configurations that have to be drawn anew
constexpr int kDraws = 2000;
constexpr int kCostMax = 10;

enum class Kind : uint8_t { kFrozen, kFailingHolds, kSlate };

struct Configuration {
  Kind kind = Kind::kFrozen;
  std::vector<int32_t> arms;      // actions
  std::vector<int32_t> blockers;  // actions of cost 1, 2, ... that others hold
  std::vector<policy::Posterior> posteriors;
  policy::Baseline baseline;
  config::Surface surface;
  uint32_t slate_size = 1;
  uint32_t position = 1;  // the one that is judged
};

double Uniform(base::RandomStream* random, double from, double to) {
  return from + (to - from) * random->NextUniform();
}

// All configurations share one bundle, hence one ledger: each has a campaign of its own.
std::vector<Configuration> RandomConfigurations(base::RandomStream* random,
                                                BundleBuilder* builder) {
  std::vector<Configuration> configurations;
  int32_t action = 0;
  for (size_t i = 0; i < kConfigurations + kSpare; ++i) {
    Configuration c;
    c.kind = static_cast<Kind>(i % 3);
    const bool slate = c.kind == Kind::kSlate;
    const int64_t limit = slate ? 1'000 : c.kind == Kind::kFrozen ? 7 : kCostMax + 2;
    builder->Campaign(absl::StrCat("c", i)).Cost(absl::StrCat("c", i, ".r"), Window::kTotal, limit);
    const size_t arms = 3 + random->NextBelow(3);
    for (size_t arm = 0; arm < arms; ++arm) {
      builder->Action(absl::StrCat(i, "/", arm), 1 + random->NextBelow(kCostMax));
      c.arms.push_back(action++);
      const double mean = Uniform(random, 0.03, 0.06);
      const double strength = Uniform(random, 50, 400);
      c.posteriors.push_back(policy::BetaArm{mean * strength, (1 - mean) * strength});
    }
    for (int cost = 1; c.kind == Kind::kFailingHolds && cost <= kCostMax; ++cost) {
      builder->Action(absl::StrCat(i, "/x", cost), cost);
      c.blockers.push_back(action++);
    }
    if (random->NextBelow(2) == 0) {
      c.baseline.known_value = Uniform(random, 0, 0.05);
    } else {
      c.baseline.posterior = policy::BetaArm{4, 96};
    }
    c.surface = TestSurface();
    c.surface.policy_salt = absl::StrCat("salt", i);
    c.surface.choice.exploration_floor = Uniform(random, 0.01, 0.2);
    if (slate) {
      c.slate_size = 2 + random->NextBelow(2);
      c.position = 2 + random->NextBelow(c.slate_size - 1);
    }
    configurations.push_back(std::move(c));
  }
  return configurations;
}

// One log, true or faulty, of one configuration.
class Tally {
 public:
  void Add(const std::vector<Ticks>& logged, size_t drawn) {
    if (counts_.empty()) {
      ticks_ = logged;
      counts_.assign(logged.size(), 0);
      for (uint32_t i = 0; i < logged.size(); ++i) actions_.push_back(i);
    }
    ++counts_[drawn];
    varying_.Add(actions_, logged, drawn);
  }
  bool Judge(Kind kind, DrawnAgainstLogged* judge) const {
    if (counts_.empty()) return false;
    return kind == Kind::kFrozen ? judge->AddFrozen(ticks_, counts_) : judge->AddVarying(varying_);
  }

 private:
  std::vector<uint32_t> actions_;
  std::vector<Ticks> ticks_;
  std::vector<uint64_t> counts_;
  VaryingDraws varying_;
};

// The largest propensity 5 % off, the others rescaled.
std::vector<Ticks> FivePercentOff(const std::vector<Ticks>& ticks) {
  const auto largest =
      static_cast<size_t>(std::max_element(ticks.begin(), ticks.end()) - ticks.begin());
  const auto total = static_cast<double>(kTicksTotal);
  const auto old = static_cast<double>(ticks[largest]);
  const double raised = std::min(old * 1.05, total);
  std::vector<Ticks> off(ticks.size());
  Ticks others = 0;
  for (size_t i = 0; i < ticks.size(); ++i) {
    if (i == largest) continue;
    off[i] =
        old == total
            ? 0
            : static_cast<Ticks>(static_cast<double>(ticks[i]) * (total - raised) / (total - old));
    if (ticks[i] > 0) off[i] = std::max<Ticks>(off[i], 1);
    others += off[i];
  }
  off[largest] = kTicksTotal - others;
  return off;
}

struct Judges {
  DrawnAgainstLogged truth;
  DrawnAgainstLogged mask_ignored;
  DrawnAgainstLogged five_percent;
  DrawnAgainstLogged redraw;
  int64_t draws = 0;
  int64_t refused_holds = 0;
  int64_t redrawn = 0;
};

class Subject {
 public:
  Subject(Ledger* ledger, const config::Bundle* bundle, absl::Time now)
      : ledger_(ledger), bundle_(bundle), now_(now), orchestrator_(ledger) {}

  // False: too little was random, the next configuration takes its place.
  bool Run(const Configuration& c, base::RandomStream* random, Judges* judges) {
    const std::vector<Ticks> unmasked = Unmasked(c);
    Tally truth, mask_ignored, five_percent, redraw;
    for (int i = 0; i < kDraws; ++i) {
      Hold others;
      if (!c.blockers.empty()) {
        const int32_t blocker =
            c.blockers[random->NextBelow(static_cast<uint32_t>(c.blockers.size()))];
        others = std::move(*ledger_->Acquire({blocker}, 1, User(2), now_, Wait::kMayWait));
      }
      const domain::DecisionContext context = TestContext(now_, ++decisions_, c.slate_size);
      std::vector<Contender> contenders;
      for (size_t arm = 0; arm < c.arms.size(); ++arm) {
        contenders.push_back({c.arms[arm], MaskReason::kNone, c.posteriors[arm]});
      }
      absl::StatusOr<Selection> selection =
          orchestrator_.Select(*bundle_, c.surface, c.surface.choice, context, {}, User(1),
                               c.baseline, absl::MakeSpan(contenders), Wait::kMayWait);
      EXPECT_THAT(selection, ::fulcrum::testing::IsOk());
      if (!selection.ok()) return false;
      ++judges->draws;
      for (const Contender& contender : contenders) {
        judges->refused_holds += contender.mask == MaskReason::kNoHold ? 1 : 0;
      }
      if (selection->positions.size() < c.position) continue;
      const PositionRecord& record = selection->positions[c.position - 1];
      const size_t drawn = IndexOf(c, record.action_id);
      truth.Add(record.ticks, drawn);
      mask_ignored.Add(unmasked, drawn);
      five_percent.Add(FivePercentOff(record.ticks), drawn);
      Redraw(c, context.decision_id, unmasked, contenders, &redraw, judges);
    }
    if (!truth.Judge(c.kind, &judges->truth)) return false;
    mask_ignored.Judge(c.kind, &judges->mask_ignored);
    five_percent.Judge(c.kind, &judges->five_percent);
    redraw.Judge(c.kind, &judges->redraw);
    return true;
  }

 private:
  std::vector<Ticks> Unmasked(const Configuration& c) const {
    const std::vector<double> probabilities = policy::ChoiceProbabilities(c.posteriors, c.baseline);
    const absl::InlinedVector<bool, 16> all(probabilities.size(), true);
    return policy::ToTicks(probabilities, all, c.surface.choice.exploration_floor);
  }

  size_t IndexOf(const Configuration& c, const std::string& action_id) const {
    for (size_t i = 0; i < c.arms.size(); ++i) {
      if (bundle_->actions[c.arms[i]].id == action_id) return i;
    }
    EXPECT_EQ(action_id, kNeutralActionId);
    return c.arms.size();
  }

  // The planted fault: draw first, look whether it can be had, draw again if not.
  static void Redraw(const Configuration& c, DecisionId id, const std::vector<Ticks>& unmasked,
                     const std::vector<Contender>& contenders, Tally* tally, Judges* judges) {
    uint32_t attempt = 1;
    size_t drawn = policy::Draw(unmasked, id, policy::DrawSeed(c.surface.policy_salt, attempt));
    while (drawn < contenders.size() && contenders[drawn].mask != MaskReason::kNone) {
      drawn = policy::Draw(unmasked, id, policy::DrawSeed(c.surface.policy_salt, ++attempt));
    }
    judges->redrawn += attempt > 1 ? 1 : 0;
    tally->Add(unmasked, drawn);
  }

  Ledger* const ledger_;
  const config::Bundle* const bundle_;
  const absl::Time now_;
  Orchestrator orchestrator_;
  uint64_t decisions_ = 0;
};

TEST(SelectionProperty, DrawnIsLogged) {
  base::RandomStream random(20191124);
  BundleBuilder builder;
  const std::vector<Configuration> configurations = RandomConfigurations(&random, &builder);
  const auto bundle = builder.Build();
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(bundle);
  Subject subject(ledger.get(), bundle.get(), home.now());
  Judges judges;
  for (const Configuration& c : configurations) {
    if (judges.truth.configurations() == kConfigurations) break;
    subject.Run(c, &random, &judges);
    ASSERT_FALSE(HasFailure());
  }
  ASSERT_EQ(judges.truth.configurations(), kConfigurations);
  EXPECT_TRUE(judges.truth.Passes()) << judges.truth.Report();
  EXPECT_FALSE(judges.mask_ignored.Passes()) << judges.mask_ignored.Report();
  EXPECT_FALSE(judges.five_percent.Passes()) << judges.five_percent.Report();
  EXPECT_FALSE(judges.redraw.Passes()) << judges.redraw.Report();
  // The faults were really there.
  EXPECT_GT(judges.refused_holds, judges.draws / 5);
  EXPECT_GE(judges.redrawn, judges.draws / 20);
  RecordProperty("truth", judges.truth.Report());
  RecordProperty("redrawn_per_mille", static_cast<int>(1000 * judges.redrawn / judges.draws));
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
