// Whatever the service tells of itself, the folds over the log are as if it had not.
#include <gtest/gtest.h>

#include "base/random.h"
#include "decider/request_index.h"
#include "orchestrator/ledger.h"
#include "tests/learning/learning_fixture.h"
#include "tests/orchestrator/ledger_fixture.h"
#include "training/log_fold.h"

namespace fulcrum {
namespace {

using decision_log::JoinDecision;
using decision_log::JoinExposure;
using decision_log::JoinId;
using decision_log::JoinOutcome;

LogEvent SomeServiceRecord(base::RandomStream* random) {
  const auto number = static_cast<int64_t>(random->NextBelow(1000));
  switch (random->NextBelow(4)) {
    case 0:
      return AuditRecord{.actor = kServiceActor, .action = "service.start", .occurred_us = number};
    case 1:
      return LeaseRecord{.row = "day", .amount = 1 + number, .leased = 1 + number, .limit = 9999};
    case 2:
      return PosteriorUpdateRecord{.folded_lsn = static_cast<Lsn>(number), .bundle = 1, .model = 7};
    default:
      return PriceUpdateRecord{.version = 1, .prices = {{"day", 0, 0.5}}, .occurred_us = number};
  }
}

// Decisions and what is heard of them, and the service's own records between them.
std::vector<LogEvent> SomeLog(uint64_t seed, size_t count) {
  base::RandomStream random(seed);
  std::vector<LogEvent> log;
  std::vector<std::pair<uint64_t, Lsn>> decisions;
  while (log.size() < count) {
    const uint64_t number = decisions.size();
    const auto second = static_cast<int64_t>(7 * number);
    const uint32_t kind = random.NextBelow(8);
    if (kind < 3 || decisions.empty()) {
      DecisionRecord record = JoinDecision(number, second, 2, random.NextBelow(2) == 0);
      record.request_id = absl::StrCat("r-", number);
      log.emplace_back(record);
      decisions.emplace_back(number, log.size());
      continue;
    }
    const auto [of, lsn] =
        decisions[decisions.size() - 1 -
                  random.NextBelow(std::min<uint32_t>(static_cast<uint32_t>(number), 9))];
    if (kind == 3) log.emplace_back(JoinExposure(of, 1 + random.NextBelow(2)));
    if (kind == 4) log.emplace_back(JoinOutcome(of, "o", random.NextBelow(2), second));
    if (kind == 5 && random.NextBelow(4) == 0) {
      log.emplace_back(SupersededRecord{
          .decision_id = JoinId(of), .decision_lsn = lsn, .served_action_id = kNeutralActionId});
    }
    if (kind > 5) log.push_back(SomeServiceRecord(&random));
  }
  log.emplace_back(JoinDecision(decisions.size(), static_cast<int64_t>(7 * decisions.size())));
  return log;
}

// What a fold that heard all, and one that heard of decisions only, end with.
template <typename Make, typename Describe>
void ExpectSameFold(const std::vector<LogEvent>& log, const Make& make, const Describe& describe) {
  auto all = make();
  auto decisions_only = make();
  for (size_t i = 0; i < log.size(); ++i) {
    all(i + 1, log[i]);
    if (EventDecisionId(log[i]).has_value()) decisions_only(i + 1, log[i]);
  }
  EXPECT_EQ(describe(all), describe(decisions_only));
}

TEST(ServiceRecordsProperty, FoldsAreAsIfTheyWereNotThere) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const std::vector<LogEvent> log = SomeLog(seed, 200);
    ASSERT_GT(std::count_if(log.begin(), log.end(),
                            [](const LogEvent& event) { return !EventDecisionId(event); }),
              20);

    struct Learning {
      learning::OutcomeFold fold{learning::LearningStart()};
      void operator()(Lsn lsn, const LogEvent& event) { fold.Apply(lsn, event); }
    };
    ExpectSameFold(
        log, [] { return Learning(); }, [](const Learning& one) { return one.fold.Serialise(); });

    struct Requests {
      std::unique_ptr<decider::RequestIndex> index =
          std::make_unique<decider::RequestIndex>(absl::Minutes(10), 1000);
      void operator()(Lsn lsn, const LogEvent& event) const { index->OnLogged(lsn, event); }
    };
    ExpectSameFold(
        log, [] { return Requests(); },
        [](const Requests& one) {
          one.index->FinishRecovery();
          return one.index->Stats().remembered;
        });

    struct Training {
      training::LogFold fold;
      void operator()(Lsn lsn, const LogEvent& event) { fold.Apply(lsn, event); }
    };
    ExpectSameFold(
        log, [] { return Training(); },
        [](Training& one) {
          std::string text = absl::StrCat(one.fold.decisions(), " ", one.fold.fallbacks(), " ",
                                          one.fold.superseded());
          for (const auto& decision : one.fold.TakeDecisions()) {
            absl::StrAppend(&text, " ", decision.lsn);
            for (const auto& position : decision.positions) {
              absl::StrAppend(&text, "/", position.reward, "/", static_cast<int>(position.state));
            }
          }
          return text;
        });
  }
}

TEST(ServiceRecordsProperty, TheLedgersBooksAreToo) {
  using orchestrator::testing::BundleBuilder;
  using orchestrator::testing::LedgerHome;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    std::vector<LogEvent> log = SomeLog(seed, 200);
    for (LogEvent& event : log) {
      auto* const decision = std::get_if<DecisionRecord>(&event);
      if (decision == nullptr) continue;
      for (PositionRecord& position : decision->positions) {
        for (Debit& debit : position.debits) debit.window_start_us = INT64_MIN;
      }
    }
    const auto spent = [&](bool with_service_records) {
      BundleBuilder builder;
      builder.Campaign("c").Cost("day", config::Window::kTotal, 1'000'000).Action("a", 1);
      LedgerHome home;
      const auto ledger = home.Start(builder.Build());
      for (size_t i = 0; i < log.size(); ++i) {
        if (!with_service_records && !EventDecisionId(log[i])) continue;
        ledger->OnLogged(i + 1, log[i]);
      }
      const auto row = ledger->Status(home.now())[0];
      EXPECT_EQ(row.held, 0);
      return std::pair(row.spent, row.leased);
    };
    EXPECT_GT(spent(true).first, 0);
    EXPECT_EQ(spent(true), spent(false));
  }
}

}  // namespace
}  // namespace fulcrum
