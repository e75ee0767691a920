// The table of a log: duplicates, late reports, refunds, what is settled and what is still open.
#include "decision_log/joined_rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/decision_log/reward_join_fixture.h"

namespace fulcrum::decision_log {
namespace {

// The rows of a log, in the order in which they come.
std::vector<JoinedRow> RowsOf(const std::vector<LogEvent>& events, JoinedRows* rows) {
  std::vector<JoinedRow> given;
  const auto keep = [&given](const JoinedRow& row) { given.push_back(row); };
  Lsn lsn = 0;
  for (const LogEvent& event : events) rows->Apply(++lsn, event, keep);
  rows->Finish(keep);
  return given;
}

std::vector<JoinedRow> RowsOf(const std::vector<LogEvent>& events) {
  JoinedRows rows;
  return RowsOf(events, &rows);
}

TEST(JoinedRows, ASettledPositionIsFinalAndAnOpenOneInterim) {
  const auto rows = RowsOf({JoinDecision(0, 0), JoinOutcome(0, "a", 2, 5), JoinDecision(2, 100),
                            JoinOutcome(2, "b", 3, 101)});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].lsn, 1U);
  EXPECT_EQ(rows[0].id, JoinId(0));
  EXPECT_EQ(rows[0].surface, "page");
  EXPECT_EQ(rows[0].action_id, "arm-0");
  EXPECT_EQ(rows[0].reward_kind, "click");
  EXPECT_EQ(rows[0].exposure, ExposureState::kAssumed);
  EXPECT_EQ(rows[0].state, RowState::kFinal);
  EXPECT_EQ(rows[0].reward, 2);
  EXPECT_EQ(rows[1].state, RowState::kInterim);
  EXPECT_EQ(rows[1].reward, 3) << "so far";
}

TEST(JoinedRows, AnOpenWindowWithoutOutcomeIsNotYetAZero) {
  const auto rows = RowsOf({JoinDecision(0, 0), JoinDecision(2, 59)});
  EXPECT_EQ(rows[0].state, RowState::kInterim);
  EXPECT_EQ(rows[0].reward, 0);
  EXPECT_EQ(RowsOf({JoinDecision(0, 0), JoinDecision(2, 60)})[0].state, RowState::kFinal);
}

TEST(JoinedRows, OutcomesCountOnceRefundsReplaceAndLateOnesDoNot) {
  JoinedRows table;
  const auto rows =
      RowsOf({JoinDecision(0, 0), JoinOutcome(0, "sale", 10, 5), JoinOutcome(0, "sale", 10, 5),
              JoinOutcome(0, "more", 4, 6), JoinDecision(2, 70), JoinOutcome(0, "late", 100, 65),
              JoinOutcome(0, "sale", -2, 80), JoinDecision(4, 1000)},
             &table);
  EXPECT_EQ(rows[0].state, RowState::kFinal);
  EXPECT_EQ(rows[0].reward, 2) << "the refund came after the window, but its sale did not";
  EXPECT_EQ(table.stats().outcomes_repeated, 1U);
  EXPECT_EQ(table.stats().outcomes_late, 1U);
  EXPECT_EQ(table.stats().corrected, 1U);
}

TEST(JoinedRows, ExposureDecidesWhatARowIsWorth) {
  JoinedRows table;
  const UnshownRecord unshown{.decision_id = JoinId(1), .decision_lsn = 1, .positions = {2}};
  const auto rows =
      RowsOf({JoinDecision(1, 0, 3, true), JoinExposure(1, 1), JoinExposure(1, 1), unshown,
              JoinExposure(1, 2), JoinOutcome(1, "a", 1, 1, 1), JoinOutcome(1, "b", 1, 1, 2),
              JoinOutcome(1, "c", 1, 1, 3), JoinDecision(3, 200, 1, true)},
             &table);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].exposure, ExposureState::kReported);
  EXPECT_EQ(rows[0].state, RowState::kFinal);
  EXPECT_EQ(rows[0].reward, 1);
  EXPECT_EQ(rows[1].exposure, ExposureState::kMissing) << "the exposure came too late";
  EXPECT_EQ(rows[1].state, RowState::kMissing);
  EXPECT_TRUE(std::isnan(rows[1].reward));
  EXPECT_EQ(rows[2].exposure, ExposureState::kPending);
  EXPECT_EQ(rows[2].state, RowState::kInterim);
  EXPECT_EQ(rows[2].reward, 1);
  EXPECT_EQ(rows[3].position, 1U);
  EXPECT_EQ(table.stats().exposures_repeated, 1U);
  EXPECT_EQ(table.stats().exposures_late, 1U);
}

TEST(JoinedRows, WhatWasNotServedIsNoEvidenceAndWhatWasLoggedTwiceHasOneRow) {
  DecisionRecord fallback = JoinDecision(2, 1);
  fallback.answer = Answer::kEditorial;
  JoinedRows table;
  const auto rows = RowsOf(
      {JoinDecision(0, 0), fallback, SupersededRecord{.decision_id = JoinId(0), .decision_lsn = 1},
       JoinOutcome(0, "a", 1, 5), JoinDecision(4, 2), JoinDecision(4, 3)},
      &table);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].state, RowState::kSuperseded);
  EXPECT_EQ(rows[1].state, RowState::kFallback);
  EXPECT_TRUE(std::isnan(rows[0].reward) && std::isnan(rows[1].reward));
  EXPECT_EQ(rows[2].lsn, 5U);
  EXPECT_EQ(table.repeated(), 1U);
}

// Random decisions, late, doubled and refunded reports: each position has one row in order, and
// what is final is what the join settles and corrects to.
TEST(JoinedRows, HoldEveryPositionOnceInOrderWithTheJoinsReward) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    base::RandomStream random(seed);
    std::vector<LogEvent> events;
    std::map<uint64_t, size_t> slates;
    const auto second_of = [](uint64_t number) { return static_cast<int64_t>(number) * 7; };
    for (uint64_t number = 0; number < 200; ++number) {
      const size_t slate = 1 + random.NextBelow(3);
      slates[number] = slate;
      events.push_back(JoinDecision(number, second_of(number), slate, number % 2 == 1));
      for (uint32_t reports = random.NextBelow(8); reports > 0; --reports) {
        const uint64_t about = number - std::min<uint64_t>(number, random.NextBelow(25));
        const auto position = static_cast<uint32_t>(1 + random.NextBelow(3));
        switch (random.NextBelow(4)) {
          case 0:
            events.push_back(JoinExposure(about, position));
            break;
          case 1:
            events.push_back(UnshownRecord{
                .decision_id = JoinId(about), .decision_lsn = 1, .positions = {position}});
            break;
          default:
            events.push_back(JoinOutcome(about, random.NextBelow(2) == 0 ? "a" : "b",
                                         static_cast<double>(random.NextBelow(9)) - 2,
                                         second_of(about) + random.NextBelow(90), position));
        }
      }
    }
    JoinRun run;
    run.ApplyAll(events);
    JoinedRows table;
    size_t waiting_max = 0;
    std::vector<JoinedRow> rows;
    const auto keep = [&rows](const JoinedRow& row) { rows.push_back(row); };
    Lsn lsn = 0;
    for (const LogEvent& event : events) {
      table.Apply(++lsn, event, keep);
      waiting_max = std::max(waiting_max, table.waiting());
    }
    table.Finish(keep);
    size_t at = 0;
    for (uint64_t number = 0; number < 200; ++number) {
      for (uint32_t position = 1; position <= slates[number]; ++position, ++at) {
        ASSERT_LT(at, rows.size());
        const JoinedRow& row = rows[at];
        ASSERT_EQ(row.id, JoinId(number));
        ASSERT_EQ(row.position, position);
        const auto reward = run.rewards().find({row.id, position - 1});
        ASSERT_EQ(row.state == RowState::kFinal, reward != run.rewards().end());
        if (row.state == RowState::kFinal) {
          ASSERT_EQ(row.reward, reward->second.now);
          ASSERT_NE(row.exposure, ExposureState::kPending);
        }
        ASSERT_EQ(row.state == RowState::kMissing, row.exposure == ExposureState::kMissing);
      }
    }
    EXPECT_EQ(at, rows.size());
    EXPECT_EQ(table.stats(), run.join().stats());
    EXPECT_GT(waiting_max, 10U);
  }
}

// Only what is within twice the windows waits.
TEST(JoinedRows, MemoryDoesNotGrowWithTheLog) {
  JoinedRows table;
  size_t given = 0;
  for (uint64_t number = 0; number < 20'000; number += 2) {
    table.Apply(number + 1, JoinDecision(number, static_cast<int64_t>(number)),
                [&given](const JoinedRow&) { ++given; });
    ASSERT_LE(table.waiting(), 62U);
  }
  EXPECT_GE(given, 9'900U);
}

}  // namespace
}  // namespace fulcrum::decision_log
