#include <gtest/gtest.h>

#include "tests/decider/decider_fixture.h"

namespace fulcrum::testing {
namespace {

using ::testing::HasSubstr;

class LogPressureTest : public DeciderFixture {
 protected:
  void BuildWith(const std::string& fields, const std::string& fallback = "") {
    TestBundle options;
    options.fallback = fallback;
    options.page_fields = fields;
    Build(options);
  }
  // A fallback is answered before it is logged, maybe by a thread that waited for a lease.
  DecisionRecord Last() {
    while (log->events().empty()) std::this_thread::yield();
    return std::get<DecisionRecord>(log->events().back());
  }
};

TEST_F(LogPressureTest, TheSurfaceSaysWhichShareKeepsItsDetail) {
  BuildWith("    detail_share: 0.25\n");
  EXPECT_EQ(Decide(ContextFor("ann")).answer, Answer::kFull);
  EXPECT_EQ(Last().detail_ticks, kTicksTotal / 4);
  EXPECT_EQ(Last().detail, Detail::kWhole);  // the log's thread decides, not the request's
  BuildWith("    detail_share: 0\n");
  Decide(ContextFor("ann"));
  EXPECT_EQ(Last().detail_ticks, 1u);
}

TEST_F(LogPressureTest, DetailGoesFirstUnlessTheSurfaceSaysOtherwise) {
  BuildWith("    detail_share: 0.5\n");
  const std::pair<double, Ticks> steps[] = {{0.49, kTicksTotal / 2},
                                            {0.5, kTicksTotal / 2},
                                            {0.75, kTicksTotal / 4},
                                            {0.875, kTicksTotal / 8},
                                            {1, kTicksTotal / 128}};
  for (const auto& [fill, ticks] : steps) {
    log->fill = fill;
    EXPECT_EQ(Decide(ContextFor("ann")).answer, Answer::kFull);
    EXPECT_EQ(Last().detail_ticks, ticks) << fill;
    EXPECT_EQ(Last().candidates.size(), 9u);
  }
  EXPECT_THAT(metrics->Text(),
              HasSubstr("fulcrum_log_pressure_total{policy=\"drop_detail\",surface=\"page\"} 4"));
}

TEST_F(LogPressureTest, DegradingAnswersWithTheFallbackAndHoldsNothing) {
  BuildWith("    log_pressure: degrade\n", "free-1");
  log->fill = 0.5;
  const decider::Reply reply = Decide(ContextFor("ann"));
  EXPECT_EQ(reply.answer, Answer::kEditorial);
  EXPECT_EQ(reply.degradation, Degradation::kShed);
  EXPECT_TRUE(reply.log_pending);
  EXPECT_EQ(reply.actions[0].action_id, "free-1");
  EXPECT_EQ(Last().answer, Answer::kEditorial);  // the core is written
  EXPECT_TRUE(Last().positions[0].debits.empty());
  EXPECT_EQ(HeldSum() + SpentSum(), 0);
  EXPECT_THAT(metrics->Text(),
              HasSubstr("fulcrum_log_pressure_total{policy=\"degrade\",surface=\"page\"} 1"));
  log->fill = 0.4;
  EXPECT_EQ(Decide(ContextFor("ann")).answer, Answer::kFull);
}

TEST_F(LogPressureTest, BlockingWaitsForRoomAndThenDecidesInFull) {
  BuildWith("    log_pressure: block\n");
  log->fill = 1;
  log->room_comes = true;
  const decider::Reply reply = Decide(ContextFor("ann"));
  EXPECT_EQ(reply.answer, Answer::kFull);
  EXPECT_EQ(log->waits, 1);
  EXPECT_EQ(Last().detail_ticks, kTicksTotal);  // waiting is its price, not detail
  EXPECT_THAT(metrics->Text(),
              HasSubstr("fulcrum_log_pressure_total{policy=\"block\",surface=\"page\"} 1"));
}

TEST_F(LogPressureTest, BlockingEndsWithTheFallbackWhenNoRoomComes) {
  BuildWith("    log_pressure: block\n");
  log->fill = 1;
  const decider::Reply reply = Decide(ContextFor("ann"));
  EXPECT_EQ(reply.answer, Answer::kNeutral);
  EXPECT_EQ(reply.degradation, Degradation::kShed);
  EXPECT_EQ(HeldSum() + SpentSum(), 0);
}

// Whatever the surface says: a full queue takes no record, and an answer without one spends
// nothing.
TEST_F(LogPressureTest, AFullQueueLeavesTheFallbackWithoutBudgets) {
  for (const std::string policy : {"block", "degrade", "drop_detail"}) {
    BuildWith("    log_pressure: " + policy + "\n", "free-1");
    log->fill = 1;
    log->refuse = true;
    const decider::Reply reply = Decide(ContextFor("ann"));
    EXPECT_EQ(reply.answer, Answer::kEditorial) << policy;
    EXPECT_TRUE(reply.log_pending) << policy;
    EXPECT_EQ(HeldSum() + SpentSum(), 0) << policy;
    EXPECT_THAT(metrics->Text(), HasSubstr("fulcrum_unlogged_answers_total 1")) << policy;
  }
}

}  // namespace
}  // namespace fulcrum::testing
