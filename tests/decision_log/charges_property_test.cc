// What is taken and given back, over random decisions, reports, window ends and crashes: nothing is
// lost, nothing is given back twice, and a restart changes nothing.
#include <map>
#include <set>

#include "base/random.h"
#include "tests/decision_log/charges_fixture.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::decision_log {
namespace {

constexpr int kWorlds = 300;
constexpr int kSteps = 120;

DebitTerms AnyTerms(base::RandomStream& random) {
  DebitTerms terms;
  if (random.NextBelow(3) != 0) terms.charged_on = random.NextBelow(2) == 0 ? "click" : "purchase";
  if (random.NextBelow(2) == 0) {
    terms.returned_on = {"return"};
    terms.return_window_us = (30 + int64_t{random.NextBelow(300)}) * kSecondUs;
  }
  terms.in_cost = !terms.charged_on.empty() && random.NextBelow(2) == 0;
  terms.kept_unshown = random.NextBelow(4) == 0;
  return terms;
}

DecisionRecord AnyDecision(base::RandomStream& random, uint64_t number, int64_t second) {
  DecisionRecord record = JoinDecision(number, second, 1 + random.NextBelow(3),
                                       /*exposure_required=*/random.NextBelow(2) == 0);
  for (PositionRecord& position : record.positions) {
    position.debits.clear();
    for (uint32_t row = 0; row < random.NextBelow(4); ++row) {
      position.debits.push_back({.row = absl::StrCat("row-", row),
                                 .window_start_us = int64_t{random.NextBelow(2)},
                                 .amount = 1 + int64_t{random.NextBelow(9)},
                                 .limit = 1000,
                                 .per_user = random.NextBelow(2) == 0,
                                 .terms = AnyTerms(random)});
    }
  }
  return record;
}

OutcomeRecord AnyReport(base::RandomStream& random, const DecisionRecord& decision,
                        int64_t second) {
  static const char* const kKinds[] = {"click", "purchase", "return", "other"};
  OutcomeRecord record = JoinOutcome(
      0, absl::StrCat("o", random.NextBelow(3)), 1, second - int64_t{random.NextBelow(40)},
      random.NextBelow(static_cast<uint32_t>(decision.positions.size() + 1)));
  record.decision_id = decision.id;
  record.kind = kKinds[random.NextBelow(4)];
  if (random.NextBelow(2) == 0) record.cost_micros = random.NextBelow(12);
  return record;
}

// What each position took from each row, and what came back of it, by the log alone.
struct Books {
  using Key = std::tuple<DecisionId, uint32_t, std::string, int64_t, bool>;
  std::map<Key, int64_t> taken, back;

  explicit Books(const std::vector<LogEvent>& log) {
    for (const LogEvent& event : log) {
      if (const auto* const decision = std::get_if<DecisionRecord>(&event)) {
        for (uint32_t i = 0; i < decision->positions.size(); ++i) {
          Add(decision->id, i + 1, decision->positions[i].debits, &taken);
        }
      } else if (const auto* const settlement = std::get_if<SettlementRecord>(&event)) {
        Add(settlement->decision_id, settlement->position, settlement->refunds, &back);
      }
    }
  }

 private:
  static void Add(const DecisionId& id, uint32_t position, const std::vector<Debit>& debits,
                  std::map<Key, int64_t>* sums) {
    for (const Debit& one : debits) {
      (*sums)[{id, position, one.row, one.window_start_us, one.per_user}] += one.amount;
    }
  }
};

// The same reports twice: once in one life, once with restarts and with crashes that take what was
// given out before the log had it.
TEST(ChargesProperty, NothingIsLostOrGivenBackTwiceWhereverTheProcessDies) {
  uint64_t settlements = 0, late = 0, crashes = 0;
  for (uint64_t seed = 0; seed < kWorlds; ++seed) {
    base::RandomStream random(seed);
    base::RandomStream deaths(seed + 1'000'000);
    ChargesRun one, dying;
    std::vector<DecisionRecord> decisions;
    RewardJoin join;  // tells what is unshown
    int64_t second = 0;
    const auto both = [&](const LogEvent& event) {
      one.Apply(event);
      dying.Apply(event);
      join.Apply(join.lsn() + 1, event, [](const RewardChange&) {});
    };
    const auto tell = [&] {
      for (const UnshownRecord& unshown : join.TakeUnshown(kStartUs + second * kSecondUs)) {
        both(unshown);
      }
      if (deaths.NextBelow(3) == 0) {
        ++crashes;
        dying.charges().TakeDue(kStartUs + second * kSecondUs, deaths.NextBelow(3),
                                [](const DecisionId&) { return false; });
        FULCRUM_ASSERT_OK(dying.Restart());
      }
      const auto told = one.Tell(second);
      ASSERT_EQ(dying.Tell(second), told) << "seed " << seed;
      settlements += told.size();
    };
    for (int step = 0; step < kSteps; ++step) {
      second += random.NextBelow(6);
      const uint32_t what = random.NextBelow(10);
      if (decisions.empty() || what < 2) {
        decisions.push_back(AnyDecision(random, decisions.size(), second));
        both(decisions.back());
        continue;
      }
      const DecisionRecord& decision =
          decisions[random.NextBelow(static_cast<uint32_t>(decisions.size()))];
      if (what < 3) {
        both(ExposureRecord{decision.id, 1 + random.NextBelow(3), kStartUs, "tester"});
      } else if (what < 8) {
        const OutcomeRecord report = AnyReport(random, decision, second);
        for (uint32_t n = 0; n <= random.NextBelow(2); ++n) both(report);
      } else {
        ASSERT_NO_FATAL_FAILURE(tell());
      }
    }
    second += 10'000;
    ASSERT_NO_FATAL_FAILURE(tell());
    ASSERT_NO_FATAL_FAILURE(tell());
    EXPECT_EQ(one.charges().Serialise(), dying.charges().Serialise()) << "seed " << seed;
    EXPECT_EQ(one.problems() + dying.problems(), "") << "seed " << seed;
    EXPECT_FALSE(one.went_below_zero()) << "seed " << seed;
    EXPECT_EQ(one.charges().NextDue(), INT64_MAX) << "seed " << seed << ": something is still owed";
    const Books books(one.log());
    for (const auto& [key, amount] : books.back) {
      const auto taken = books.taken.find(key);
      ASSERT_NE(taken, books.taken.end()) << "seed " << seed;
      EXPECT_LE(amount, taken->second) << "seed " << seed;
    }
    late += one.charges().stats().outcomes_late;
  }
  EXPECT_GT(settlements, 3000u);
  EXPECT_GT(late, 1000u);
  EXPECT_GT(crashes, 500u);
}

// What stands if all is reported before the window closes, by the definition alone.
int64_t StandsByDefinition(const DecisionRecord& decision, uint32_t position, const Debit& debit,
                           const std::vector<OutcomeRecord>& reports) {
  const auto about = [&](const OutcomeRecord& one) {
    return one.position == 0 || one.position == position;
  };
  const int64_t attributed_us = decision.occurred_us + decision.attribution_window_us;
  std::optional<int64_t> returned_us;
  for (const OutcomeRecord& one : reports) {
    if (!about(one) || debit.terms.returned_on.empty() || one.kind != "return") continue;
    if (one.occurred_us > decision.occurred_us + debit.terms.return_window_us) continue;
    returned_us = std::max(returned_us.value_or(INT64_MIN), one.occurred_us);
  }
  if (debit.terms.charged_on.empty()) return returned_us.has_value() ? 0 : debit.amount;
  struct Standing {
    int64_t first_us, occurred_us, cost;
  };
  std::map<std::pair<uint32_t, std::string>, Standing> standing;
  for (const OutcomeRecord& one : reports) {
    if (!about(one) || one.kind != debit.terms.charged_on) continue;
    // A slate of one has no other position.
    const uint32_t at = decision.positions.size() == 1 ? 1 : one.position;
    const int64_t cost = one.cost_micros.value_or(INT64_MAX);
    const auto [place, fresh] = standing.try_emplace(
        {at, one.outcome_id}, Standing{one.occurred_us, one.occurred_us, cost});
    Standing& known = place->second;
    known.first_us = std::min(known.first_us, one.occurred_us);
    if (fresh || one.occurred_us < known.occurred_us) continue;
    known.cost = one.occurred_us > known.occurred_us ? cost : std::min(known.cost, cost);
    known.occurred_us = one.occurred_us;
  }
  int64_t due = 0;
  for (const auto& [key, one] : standing) {
    if (one.first_us > attributed_us) continue;
    if (returned_us.has_value() && one.occurred_us <= *returned_us) continue;
    due += debit.terms.in_cost ? std::min(one.cost, debit.amount) : debit.amount;
  }
  return std::min(due, debit.amount);
}

TEST(ChargesProperty, WhatStandsIsWhatTheDefinitionSaysInAnyOrderOfReports) {
  uint64_t some = 0, all = 0, none = 0;
  for (uint64_t seed = 0; seed < uint64_t{4} * kWorlds; ++seed) {
    base::RandomStream random(seed);
    DecisionRecord decision = AnyDecision(random, 0, 0);
    decision.exposure_required = false;
    std::vector<OutcomeRecord> reports;
    for (uint32_t i = random.NextBelow(8); i > 0; --i) {
      reports.push_back(AnyReport(random, decision, int64_t{random.NextBelow(120)}));
    }
    std::string bytes;
    for (int order = 0; order < 3; ++order) {
      ChargesRun run;
      run.Apply(decision);
      for (const OutcomeRecord& report : reports) run.Apply(report);
      run.Tell(60);
      EXPECT_EQ(run.problems(), "");
      Books books(run.log());
      for (uint32_t position = 1; position <= decision.positions.size(); ++position) {
        for (const Debit& debit : decision.positions[position - 1].debits) {
          const Books::Key key{decision.id, position, debit.row, debit.window_start_us,
                               debit.per_user};
          const int64_t stands = books.taken[key] - books.back[key];
          EXPECT_EQ(stands, StandsByDefinition(decision, position, debit, reports))
              << "seed " << seed << " position " << position << " " << debit.row;
          ++(stands == 0 ? none : stands == debit.amount ? all : some);
        }
      }
      for (size_t i = reports.size(); i > 1; --i) {
        std::swap(reports[i - 1], reports[random.NextBelow(static_cast<uint32_t>(i))]);
      }
    }
  }
  EXPECT_GT(some, 100u);
  EXPECT_GT(all, 1000u);
  EXPECT_GT(none, 1000u);
}

}  // namespace
}  // namespace fulcrum::decision_log
