#include <cmath>

#include "decision_log/detail.h"
#include "decision_log/invariants.h"
#include "decision_log/verify.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

class DetailTest : public LogFixture {};

DecisionRecord Sampled(uint64_t number, double pass) {
  DecisionRecord record = MakeDecision(number);
  record.detail_ticks = static_cast<Ticks>(pass * static_cast<double>(kTicksTotal));
  return record;
}

// What the ledger, learning and look-ups read, with the fields of detail set to what they are
// without it.
DecisionRecord CoreOf(DecisionRecord record) {
  for (PositionRecord& position : record.positions) {
    position.drawn_ticks = DrawnTicks(record, position);
    position.ticks.clear();
  }
  record.candidates.clear();
  record.detail = Detail::kSampledOut;
  record.replayable = Replayable::kNone;
  record.replayable_reason = "detail sampled out";
  return record;
}

TEST_F(DetailTest, WhatIsSampledOutIsTheDetailAndNothingElse) {
  DetailFilter filter;
  uint64_t dropped = 0;
  for (uint64_t number = 1; number <= 2000; ++number) {
    const DecisionRecord before = Sampled(number, 0.5);
    LogEvent event = before;
    std::optional<FeatureSnapshot> snapshot = MakeSnapshot(before);
    filter.Apply(&event, &snapshot);
    const auto& after = std::get<DecisionRecord>(event);
    EXPECT_EQ(after.detail == Detail::kWhole, KeepsDetail(before.id, before.detail_ticks));
    EXPECT_EQ(snapshot.has_value(), after.detail == Detail::kWhole);
    EXPECT_EQ(after, after.detail == Detail::kWhole ? before : CoreOf(before));
    dropped += after.detail == Detail::kSampledOut ? 1 : 0;
    const DecisionRecord once = after;
    filter.Apply(&event, &snapshot);
    EXPECT_EQ(std::get<DecisionRecord>(event), once);  // again changes nothing
  }
  EXPECT_NEAR(static_cast<double>(dropped), 1000, 6 * std::sqrt(2000 * 0.25));
  EXPECT_EQ(filter.Stats().sampled_out, dropped);
}

// The draw of the detail says nothing about the draw of the action.
TEST_F(DetailTest, KeptDetailWeightedByItsProbabilityIsUnbiased) {
  constexpr uint64_t kDecisions = 100000;
  double truth = 0;
  double estimate = 0;
  double variance = 0;
  double count = 0;
  for (uint64_t number = 1; number <= kDecisions; ++number) {
    // Times of little detail have other values: without weights the mean would be far off.
    const double pass = number % 4 == 0 ? 0.05 : 0.9;
    const DecisionRecord record = Sampled(number, pass);
    const double value =
        (number % 4 == 0 ? 5 : 1) + (record.positions[0].action_id == kNeutralActionId ? 2 : 0);
    const double kept = PropensityOf(record.detail_ticks);
    truth += value;
    variance += value * value * (1 - kept) / kept;
    if (!KeepsDetail(record.id, record.detail_ticks)) continue;
    estimate += value / kept;
    count += 1 / kept;
  }
  EXPECT_NEAR(estimate, truth, 5 * std::sqrt(variance));
  EXPECT_LT(5 * std::sqrt(variance), 0.1 * truth);  // the bound above says something
  EXPECT_NEAR(count / kDecisions, 1, 0.1);
}

TEST_F(DetailTest, CertainDetailIsAlwaysKeptAndTheLeastShareHardlyEver) {
  for (uint64_t number = 1; number <= 1000; ++number) {
    EXPECT_TRUE(KeepsDetail(MakeId(number), kTicksTotal));
    EXPECT_FALSE(KeepsDetail(MakeId(number), 1));
  }
}

TEST_F(DetailTest, AnswersWithoutDetailAndOtherEventsAreLeftAlone) {
  DetailFilter filter;
  std::optional<FeatureSnapshot> none;
  DecisionRecord fallback;
  fallback.id = MakeId(1);
  fallback.detail_ticks = 1;
  for (const LogEvent& event : {LogEvent(fallback), LogEvent(ExposureRecord{})}) {
    LogEvent after = event;
    filter.Apply(&after, &none);
    EXPECT_EQ(after, event);
  }
  EXPECT_EQ(filter.Stats().whole + filter.Stats().sampled_out, 0u);
}

// Observers, readers and a recovery see the same, and the log passes all checks.
TEST_F(DetailTest, TheLogHoldsWhatItsObserversSaw) {
  DetailFilter filter;
  LogOptions options = Options();
  options.detail = &filter;
  Recorder recorder;
  {
    const auto writer = Open(std::move(options));
    writer->AddObserver(&recorder);
    writer->Start();
    for (uint64_t number = 1; number <= 200; ++number) {
      const DecisionRecord record = Sampled(number, 0.25);
      FULCRUM_ASSERT_OK(
          writer->Append(record, MakeSnapshot(record), [](const absl::StatusOr<Lsn>&) {}));
    }
    FULCRUM_ASSERT_OK(writer->Stop());
  }
  EXPECT_GT(filter.Stats().whole, 10u);
  EXPECT_GT(filter.Stats().sampled_out, 100u);
  EXPECT_EQ(Recovered(), recorder.events);
  const auto snapshots = FeatureSnapshotReader::Open(log());
  FULCRUM_ASSERT_OK(snapshots);
  FeatureEntry entry;
  uint64_t read = 0;
  while (*(*snapshots)->Next(&entry)) ++read;
  EXPECT_EQ(read, filter.Stats().whole);
}

// The queue's thresholds, with a writer that was not started: nothing leaves the queue.
TEST_F(DetailTest, TheQueueSaysHowFullItIsAndWhoWaitsForRoomIsReleasedByTheEnd) {
  LogOptions options = Options();
  options.queue_max = 4;
  const auto writer = Open(std::move(options));
  const auto append = [&] {
    return writer->Append(MakeDecision(1), std::nullopt, [](const absl::StatusOr<Lsn>&) {});
  };
  EXPECT_EQ(writer->Fill(), 0);
  FULCRUM_EXPECT_OK(append());
  writer->WaitForRoom(clock_.SteadyNow() + std::chrono::hours(1));  // there is room
  FULCRUM_EXPECT_OK(append());
  EXPECT_EQ(writer->Fill(), domain::kLogPressure);
  writer->WaitForRoom(clock_.SteadyNow());  // there is no time
  FULCRUM_EXPECT_OK(append());
  FULCRUM_EXPECT_OK(append());
  EXPECT_EQ(writer->Fill(), 1);
  EXPECT_TRUE(absl::IsResourceExhausted(append()));
  std::thread waiting(
      [&] { writer->WaitForRoom(std::chrono::steady_clock::now() + std::chrono::hours(1)); });
  FULCRUM_EXPECT_OK(writer->Stop());
  waiting.join();
}

TEST_F(DetailTest, WhoWaitsForRoomGoesOnWhenTheWriterHasMadeIt) {
  LogOptions options = Options();
  options.queue_max = 2;
  const auto writer = Open(std::move(options));
  for (int i = 0; i < 2; ++i) {
    FULCRUM_ASSERT_OK(
        writer->Append(MakeDecision(1), std::nullopt, [](const absl::StatusOr<Lsn>&) {}));
  }
  std::thread waiting(
      [&] { writer->WaitForRoom(std::chrono::steady_clock::now() + std::chrono::hours(1)); });
  writer->Start();
  waiting.join();
  EXPECT_LT(writer->Fill(), domain::kLogPressure);
}

}  // namespace
}  // namespace fulcrum::decision_log
