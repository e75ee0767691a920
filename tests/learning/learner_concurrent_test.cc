// The learner between a real log and callers that report while windows end: no position is told to
// be unshown that the log has an exposure of, nothing is given back that an outcome before that in
// the log makes due, and what is published is the fold of the log.
#include <atomic>
#include <set>
#include <thread>

#include "decision_log/log_writer.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/decision_log/charges_fixture.h"
#include "tests/learning/learning_fixture.h"

namespace fulcrum::learning {
namespace {

using ::fulcrum::testing::IsOk;

constexpr uint64_t kDecisionsPerThread = 1500;
constexpr int kThreads = 2;

class LearnerConcurrent : public ::testing::Test {
 protected:
  void SetUp() override {
    decision_log::LogOptions log;
    log.directory = directory_.path() + "/log";
    log.clock = &clock_;
    decision_log::RecoveryReport recovery;
    auto writer = decision_log::LogWriter::Open(std::move(log), &recovery);
    FULCRUM_ASSERT_OK(writer);
    LearnerOptions options;
    options.directory = directory_.path();
    options.clock = &clock_;
    options.interval = absl::Microseconds(200);
    options.queue_max = 64;  // so that the log's writer has to wait at times
    SnapshotReport report;
    auto learner = Learner::Open(std::move(options), LearningStart(), 0, &report);
    FULCRUM_ASSERT_OK(learner);
    learner_ = *std::move(learner);
    log_ = *std::move(writer);
    FULCRUM_ASSERT_OK(learner_->Start(log_.get()));
    log_->AddObserver(learner_.get());
    log_->Start();
  }
  // Decides and reports; the clock passes each window at about the time of its report.
  void Traffic(uint64_t first) {
    base::RandomStream random(first);
    for (uint64_t number = first; number < first + kDecisionsPerThread; ++number) {
      DecisionRecord decision = JoinDecision(number, 0, 1, true);
      decision.occurred_us = absl::ToUnixMicros(clock_.Now());
      decision.exposure_window_us = decision.attribution_window_us = 1000;
      decision.positions[0].debits[0].terms = decision_log::OnClick();
      EXPECT_THAT(log_->Append(decision, std::nullopt, [](const absl::StatusOr<Lsn>&) {}), IsOk());
      clock_.Advance(absl::Microseconds(100));
      if (random.NextBelow(8) == 0) continue;
      const uint64_t of = number - std::min<uint64_t>(number - first, random.NextBelow(40));
      EXPECT_THAT(learner_->Report(JoinExposure(of), [](const absl::StatusOr<Lsn>&) {}), IsOk());
      OutcomeRecord click = decision_log::Click(of, "a", 0, 1);
      if (random.NextBelow(2) == 0) {
        EXPECT_THAT(learner_->Report(click, [](const absl::StatusOr<Lsn>&) {}), IsOk());
      }
      EXPECT_NE(learner_->snapshot(), nullptr);
      if (number % 16 == 0) {
        FULCRUM_EXPECT_OK(log_->Flush());  // or all would be over before the learner's second round
      }
    }
  }

  testing::TemporaryDirectory directory_;
  testing::SimulatedClock clock_{absl::FromUnixMicros(kStartUs)};
  std::unique_ptr<Learner> learner_;  // outlives the log's threads
  std::unique_ptr<decision_log::LogWriter> log_;
};

TEST_F(LearnerConcurrent, NoExposureInTheLogIsFollowedByItsRefund) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i] { Traffic(1 + 100000 * static_cast<uint64_t>(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  FULCRUM_ASSERT_OK(log_->Flush());
  clock_.Advance(absl::Seconds(1));
  learner_->Update();
  FULCRUM_ASSERT_OK(log_->Flush());
  FULCRUM_ASSERT_OK(log_->Stop());
  FULCRUM_ASSERT_OK(learner_->Stop());

  OutcomeFold offline(LearningStart());
  std::set<DecisionId> exposed, unshown, decided;
  size_t late = 0;
  const auto reader = DecisionLogReader::Open(directory_.path() + "/log");
  FULCRUM_ASSERT_OK(reader);
  LogEntry entry;
  while (*(*reader)->Next(&entry)) {
    const auto* const settlement = std::get_if<SettlementRecord>(&entry.event);
    if (settlement != nullptr) {
      EXPECT_EQ(offline.charges().ProblemOf(*settlement), "") << "LSN " << entry.lsn;
    }
    offline.Apply(entry.lsn, entry.event);
    if (const auto* decision = std::get_if<DecisionRecord>(&entry.event)) {
      decided.insert(decision->id);
    } else if (const auto* exposure = std::get_if<ExposureRecord>(&entry.event)) {
      late += unshown.contains(exposure->decision_id);
      exposed.insert(exposure->decision_id);
    } else if (const auto* record = std::get_if<UnshownRecord>(&entry.event)) {
      EXPECT_FALSE(exposed.contains(record->decision_id)) << "LSN " << entry.lsn;
      EXPECT_TRUE(unshown.insert(record->decision_id).second) << "told twice";
    }
  }
  const auto bytes = base::ReadWholeFile(
      base::PosixFileSystem(),
      directory_.path() + "/posterior-" + absl::StrCat(absl::Dec(offline.lsn(), absl::kZeroPad20)),
      1 << 30);
  FULCRUM_ASSERT_OK(bytes);
  EXPECT_TRUE(*bytes == offline.Serialise());
  EXPECT_EQ(decided.size(), kThreads * kDecisionsPerThread);
  for (const DecisionId& id : decided) EXPECT_TRUE(exposed.contains(id) || unshown.contains(id));
  // The race was really run: both came, and both first.
  EXPECT_GT(unshown.size(), 100u);
  EXPECT_GT(late, 10u);
  EXPECT_GT(offline.join().stats().exposures, 100u);
  const decision_log::ChargeStats& charges = offline.charges().stats();
  EXPECT_GT(charges.window_closed + charges.unshown, 100u);
  EXPECT_GT(charges.outcomes, 100u);  // how many come late hangs on the machine's load
}

}  // namespace
}  // namespace fulcrum::learning
