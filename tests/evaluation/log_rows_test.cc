#include "evaluation/log_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "decision_log/log_writer.h"
#include "domain/detail.h"
#include "evaluation/evaluate.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::evaluation {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int64_t kStart = 1574553600000000;
constexpr int64_t kSecond = 1000000;

DecisionId IdOf(uint64_t number) {
  return DecisionId::FromTimeAndRandom(absl::FromUnixMicros(kStart), number, number);
}

// Decision `number`, at that second: `hat` or `none` at 1 in 4 and 3 in 4, `coat` masked. Outcomes
// count for ten seconds; exposure is assumed, unless a window is set.
DecisionRecord Decided(uint64_t number, const std::string& action = "hat") {
  DecisionRecord record;
  record.id = IdOf(number);
  record.surface = "home";
  record.occurred_us = kStart + static_cast<int64_t>(number) * kSecond;
  record.reward_kind = "click";
  record.attribution_window_us = 10 * kSecond;
  record.candidates.resize(2);
  record.candidates[0].action_id = "coat";
  record.candidates[0].mask = MaskReason::kNoHold;
  record.candidates[1].action_id = "hat";
  record.candidates[1].alpha = 1;
  record.candidates[1].beta = 9;
  record.neutral_known = true;
  record.neutral_value = 0.05;
  PositionRecord position;
  position.action_id = action;
  position.ticks = {0, kTicksTotal / 4, kTicksTotal - kTicksTotal / 4};
  record.positions = {position};
  return record;
}

DecisionRecord WithWindow(DecisionRecord record) {
  record.exposure_required = true;
  record.exposure_window_us = 5 * kSecond;
  return record;
}

ExposureRecord Shown(uint64_t number, uint32_t position = 1) {
  return {IdOf(number), position, kStart, "tester"};
}

OutcomeRecord Clicked(uint64_t number, double value = 1, int64_t second = 1) {
  OutcomeRecord record;
  record.decision_id = IdOf(number);
  record.outcome_id = "o";
  record.kind = "click";
  record.value = value;
  record.occurred_us = kStart + (static_cast<int64_t>(number) + second) * kSecond;
  return record;
}

UnshownRecord Unshown(uint64_t number, Lsn lsn, std::vector<uint32_t> positions = {1}) {
  UnshownRecord record;
  record.decision_id = IdOf(number);
  record.decision_lsn = lsn;
  record.positions = std::move(positions);
  return record;
}

class LogRows : public ::testing::Test {
 protected:
  // Writes `events` as the log; the first has LSN 1.
  void Write(const std::vector<LogEvent>& events) {
    decision_log::LogOptions options;
    options.directory = log();
    options.clock = &clock_;
    options.sync_interval = absl::Hours(1);
    decision_log::RecoveryReport report;
    auto writer = decision_log::LogWriter::Open(std::move(options), &report);
    FULCRUM_ASSERT_OK(writer);
    (*writer)->Start();
    for (const LogEvent& event : events) {
      FULCRUM_ASSERT_OK((*writer)->Append(event, std::nullopt, [](const absl::StatusOr<Lsn>&) {}));
    }
    FULCRUM_ASSERT_OK((*writer)->Stop());
  }

  RowSet Read(const std::string& surface = "") const {
    auto rows = ReadLogRows(log(), {surface});
    EXPECT_THAT(rows, testing::IsOk());
    return rows.ok() ? std::move(*rows) : RowSet();
  }

  static std::vector<double> Rewards(const RowSet& rows) {
    std::vector<double> rewards;
    for (const Row& row : rows.rows) rewards.push_back(row.reward);
    return rewards;
  }

  std::string log() const { return directory_.path() + "/log"; }

  testing::TemporaryDirectory directory_;
  testing::SimulatedClock clock_;
};

TEST_F(LogRows, OnePerSettledPosition) {
  Write({Decided(1), Decided(2, "none"), Clicked(2), Decided(30)});
  const RowSet rows = Read();
  EXPECT_THAT(Rewards(rows), ElementsAre(0, 1));
  EXPECT_THAT(rows.excluded, ElementsAre(Pair("pending", 1)));
  EXPECT_EQ(rows.positions, 3u);
  EXPECT_EQ(rows.fallbacks, 0u);
  EXPECT_THAT(rows.warnings, IsEmpty());
  const Row& first = rows.rows[0];
  EXPECT_EQ(rows.actions.Name(first.action), "hat");
  EXPECT_EQ(first.propensity, 0.25);
  EXPECT_EQ(first.position, 1u);
  EXPECT_EQ(rows.rows[1].propensity, 0.75);
  EXPECT_EQ(rows.rows[1].logged, first.logged);  // kept once
  const Distribution drawable = rows.distributions.Get(first.logged);
  ASSERT_EQ(drawable.actions.size(), 2u);
  EXPECT_EQ(rows.actions.Name(drawable.actions[0]), "hat");
  EXPECT_EQ(rows.actions.Name(drawable.actions[1]), "none");
  EXPECT_THAT(drawable.probabilities, ElementsAre(0.25, 0.75));
}

TEST_F(LogRows, CorrectionsReplaceTheReward) {
  Write({Decided(1), Clicked(1, 20), Decided(12), Clicked(1, -3, 2), Decided(30)});
  EXPECT_THAT(Rewards(Read()), ElementsAre(-3, 0));  // the refund came after it had settled
}

TEST_F(LogRows, GreedyIsTheLargestMeanThatCouldBeDrawn) {
  DecisionRecord known = Decided(1);  // 1 / 10 against the known 0.05
  DecisionRecord beta = Decided(2);
  beta.neutral_known = false;
  beta.neutral_alpha = 2;
  beta.neutral_beta = 8;
  DecisionRecord gaussian = Decided(3);
  gaussian.neutral_known = false;
  gaussian.neutral_mean = -2;
  gaussian.neutral_sd = 1;
  gaussian.candidates[1].mean = -1;
  gaussian.candidates[1].sd = 0.5;
  DecisionRecord masked = Decided(4);
  masked.candidates[0].alpha = 99;  // the best, but it could not be drawn
  masked.candidates[0].beta = 1;
  Write({known, beta, gaussian, masked, Decided(30)});
  std::vector<std::string> greedy;
  const RowSet rows = Read();
  for (const Row& row : rows.rows) greedy.push_back(rows.actions.Name(row.greedy));
  EXPECT_THAT(greedy, ElementsAre("hat", "none", "hat", "hat"));
}

TEST_F(LogRows, FallbacksAndSupersededDecisionsAreLeftOutAndCounted) {
  DecisionRecord fallback = Decided(1);
  fallback.answer = Answer::kEditorial;
  fallback.positions[0].ticks.clear();
  SupersededRecord superseded;
  superseded.decision_id = IdOf(2);
  superseded.decision_lsn = 2;
  Write({fallback, Decided(2), superseded, Decided(3), Decided(30)});
  const RowSet rows = Read();
  EXPECT_EQ(rows.rows.size(), 1u);
  EXPECT_THAT(rows.excluded,
              ElementsAre(Pair("fallback", 1), Pair("pending", 1), Pair("superseded", 1)));
  EXPECT_EQ(rows.fallbacks, 2u);
  EXPECT_EQ(rows.positions, 4u);
}

TEST_F(LogRows, WhatIsSupersededAfterItSettledGoesToo) {
  SupersededRecord superseded;
  superseded.decision_id = IdOf(1);
  superseded.decision_lsn = 1;
  Write({Decided(1), Decided(15), superseded});
  const RowSet rows = Read();
  EXPECT_THAT(rows.rows, IsEmpty());
  EXPECT_THAT(rows.excluded, ElementsAre(Pair("pending", 1), Pair("superseded", 1)));
}

TEST_F(LogRows, WhatWasNotShownIsMissing) {
  Write({WithWindow(Decided(1)), WithWindow(Decided(2)), WithWindow(Decided(3)), Shown(1),
         Unshown(2, 2), Shown(2), Clicked(2), Decided(30)});
  const RowSet rows = Read();
  EXPECT_THAT(Rewards(rows), ElementsAre(0));  // the exposure of 2 came too late
  EXPECT_THAT(rows.excluded, ElementsAre(Pair("missing", 1), Pair("pending", 2)));
}

TEST_F(LogRows, PositionsOfASlateShareTheirDecision) {
  DecisionRecord slate = WithWindow(Decided(1));
  slate.positions.push_back(slate.positions[0]);
  slate.positions[1].action_id = "none";
  slate.positions[1].ticks = {0, 0, kTicksTotal};
  slate.positions.push_back(slate.positions[1]);
  OutcomeRecord second = Clicked(1);
  second.position = 2;
  Write({slate, Shown(1, 1), Shown(1, 2), second, Unshown(1, 1, {3}), Decided(8), Decided(30)});
  const RowSet rows = Read();
  EXPECT_THAT(Rewards(rows), ElementsAre(0, 1, 0));
  EXPECT_EQ(rows.rows[1].position, 2u);
  EXPECT_EQ(rows.rows[1].propensity, 1);
  EXPECT_EQ(rows.rows[0].decision, rows.rows[1].decision);
  EXPECT_NE(rows.rows[1].decision, rows.rows[2].decision);
  EXPECT_THAT(rows.excluded, ElementsAre(Pair("missing", 1), Pair("pending", 1)));
}

TEST_F(LogRows, OneSurfaceOrAWarning) {
  DecisionRecord other = Decided(2);
  other.surface = "basket";
  Write({Decided(1), other, Clicked(2), Decided(30)});
  EXPECT_THAT(Rewards(Read("basket")), ElementsAre(1));
  EXPECT_THAT(Read("home").warnings, IsEmpty());
  EXPECT_EQ(Read("home").positions, 2u);
  const RowSet both = Read();
  EXPECT_THAT(Rewards(both), ElementsAre(0, 1));
  ASSERT_EQ(both.warnings.size(), 1u);
  EXPECT_EQ(both.warnings[0].code, "several_surfaces");
  EXPECT_THAT(Read("attic").rows, IsEmpty());
}

TEST_F(LogRows, RecordsWithoutTheirPropensityAreSaid) {
  // No candidate, and one that could not be drawn.
  Write({Decided(2, "scarf"), Decided(3, "coat"), Decided(4), Decided(30)});
  const RowSet rows = Read();
  EXPECT_EQ(rows.rows.size(), 1u);
  EXPECT_THAT(rows.excluded, ElementsAre(Pair("invalid", 2), Pair("pending", 1)));
  ASSERT_EQ(rows.warnings.size(), 1u);
  EXPECT_EQ(rows.warnings[0].code, "invalid_records");
}

DecisionRecord WithoutDetail(DecisionRecord record, Detail why) {
  domain::DropDetail(why, "", &record);
  return record;
}

TEST_F(LogRows, WithoutDetailTheCoreIsARow) {
  DecisionRecord half = Decided(1);
  half.detail_ticks = kTicksTotal / 2;
  Write({half, WithoutDetail(Decided(2), Detail::kSampledOut),
         WithoutDetail(Decided(3, "none"), Detail::kWithheld), Clicked(3),
         WithoutDetail(Decided(30), Detail::kSampledOut)});
  const RowSet rows = Read();
  EXPECT_THAT(Rewards(rows), ElementsAre(0, 0, 1));
  EXPECT_THAT(rows.excluded, ElementsAre(Pair("pending", 1)));
  EXPECT_EQ(rows.withheld, 1u);
  EXPECT_THAT(rows.warnings, IsEmpty());
  EXPECT_EQ(rows.rows[0].kept, 0.5);
  const Row& core = rows.rows[2];
  EXPECT_EQ(core.kept, 0);
  EXPECT_EQ(rows.actions.Name(core.action), "none");
  EXPECT_EQ(core.propensity, 0.75);
  EXPECT_EQ(core.logged, kNoDistribution);
  EXPECT_EQ(core.greedy, kNoAction);
}

// A target that needs no detail uses every row; one that does says what it leaves out.
TEST_F(LogRows, TheTargetSaysWhetherDetailIsNeeded) {
  std::vector<LogEvent> events;
  for (uint64_t i = 1; i <= 900; ++i) {
    const DecisionRecord record = Decided(i, i % 4 == 0 ? "hat" : "none");
    if (i % 3 == 0) events.emplace_back(record);
    if (i % 3 == 1) events.emplace_back(WithoutDetail(record, Detail::kSampledOut));
    if (i % 3 == 2) events.emplace_back(WithoutDetail(record, Detail::kWithheld));
  }
  events.emplace_back(Decided(3000));
  Write(events);
  const RowSet rows = Read();
  const auto logged = Evaluate(rows, Target::Logged(), {});
  FULCRUM_ASSERT_OK(logged);
  EXPECT_EQ(logged->rows, 900u);
  EXPECT_FALSE(logged->excluded.contains("without_detail"));
  EXPECT_THAT(logged->warnings, Each(Field(&Warning::code, "low_sample_size")));
  const auto uniform = Evaluate(rows, Target::Uniform(), {});
  FULCRUM_ASSERT_OK(uniform);
  EXPECT_EQ(uniform->rows, 300u);
  EXPECT_EQ(uniform->excluded.at("without_detail"), 600u);
  EXPECT_THAT(uniform->warnings, Contains(Field(&Warning::code, "detail_withheld")));
}

TEST_F(LogRows, NoLogIsAnError) {
  EXPECT_THAT(ReadLogRows(log(), {}),
              testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr(log())));
}

TEST_F(LogRows, DamageIsSkippedAndSaid) {
  Write({Decided(1), Decided(2), Decided(3), Decided(30)});
  const std::string segment = log() + "/decisions/00000000000000000001.fulcrumlog";
  std::string bytes = *base::ReadWholeFile(base::PosixFileSystem(), segment, 1 << 30);
  const size_t second = bytes.find("home", bytes.find("home") + 1);
  ASSERT_NE(second, std::string::npos);
  bytes[second] ^= 1;
  std::ofstream(segment, std::ios::binary | std::ios::trunc) << bytes;
  const RowSet rows = Read();
  EXPECT_TRUE(rows.damaged);
  ASSERT_FALSE(rows.warnings.empty());
  EXPECT_EQ(rows.warnings[0].code, "corrupt");
  EXPECT_THAT(rows.warnings[0].message, HasSubstr("LSN 2"));
  EXPECT_EQ(rows.rows.size(), 2u);
}

// A surface that needs exposures; six in ten positions are seen. The actions earn 0.8 and 0.4 when
// seen. Reports follow when all is decided, so the attribution window is that long.
std::vector<LogEvent> WindowedTraffic(uint64_t count) {
  base::RandomStream random(11);
  std::vector<LogEvent> events;
  std::vector<LogEvent> later;
  for (uint64_t i = 1; i <= count; ++i) {
    const bool hat = random.NextUniform() < 0.25;
    events.emplace_back(WithWindow(Decided(i, hat ? "hat" : "none")));
    if (random.NextUniform() < 0.6) {
      later.emplace_back(Shown(i));
      if (random.NextUniform() < (hat ? 0.8 : 0.4)) later.emplace_back(Clicked(i));
    } else {
      later.emplace_back(Unshown(i, i));
    }
  }
  for (LogEvent& event : events) {
    std::get<DecisionRecord>(event).attribution_window_us = static_cast<int64_t>(count) * kSecond;
  }
  events.insert(events.end(), later.begin(), later.end());
  events.emplace_back(Decided(3 * count));
  return events;
}

// The mistake of counting what nobody saw as a failure.
TEST_F(LogRows, CountingTheMissingAsZeroWouldBeSeen) {
  std::vector<LogEvent> events = WindowedTraffic(3000);
  Write(events);
  const RowSet rows = Read();
  const auto right = Evaluate(rows, Target::Uniform(), {});
  FULCRUM_ASSERT_OK(right);
  EXPECT_TRUE(right->verdict.ok) << right->verdict.reason;
  const double truth = (0.8 + 0.4) / 2;
  const Estimate& ips = *right->Find(Estimator::kIps);
  EXPECT_NEAR(ips.value, truth, 4 * ips.se);
  EXPECT_NEAR(static_cast<double>(rows.excluded.at("missing")), 1200, 110);

  for (LogEvent& event : events) {
    if (auto* const record = std::get_if<DecisionRecord>(&event)) {
      record->exposure_required = false;  // as if everything had been shown
    }
  }
  std::filesystem::remove_all(log());
  Write(events);
  const auto wrong = Evaluate(Read(), Target::Uniform(), {});
  FULCRUM_ASSERT_OK(wrong);
  EXPECT_EQ(wrong->rows, 3000u);
  const Estimate& off = *wrong->Find(Estimator::kIps);
  EXPECT_NEAR(off.value, 0.6 * truth, 4 * off.se);
  EXPECT_LT(off.value, truth - 8 * off.se);
}

}  // namespace
}  // namespace fulcrum::evaluation
