#include "learning/learner.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_format.h"
#include "base/hash.h"
#include "base/random.h"
#include "tests/decision_log/charges_fixture.h"
#include "tests/learning/learning_fixture.h"
#include "tests/support/faulty_file_system.h"

namespace fulcrum::learning {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::_;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LearnerTest : public LearningFixture {
 protected:
  absl::Status Report(LogEvent event) {
    return learner_->Report(std::move(event), [](const absl::StatusOr<Lsn>&) {});
  }
  size_t Unshown() const {
    size_t positions = 0;
    for (const LogEvent& event : log_.events) {
      const auto* record = std::get_if<UnshownRecord>(&event);
      if (record != nullptr) positions += record->positions.size();
    }
    return positions;
  }
};

TEST_F(LearnerTest, PublishesWhatTheLogTaughtWithItsNumber) {
  Begin();
  const auto first = learner_->snapshot();
  EXPECT_EQ(first->lsn(), 0u);
  EXPECT_EQ(Trials(), 50);
  log_.Log(JoinDecision(0, 0));
  learner_->Update();
  EXPECT_EQ(learner_->snapshot(), first) << "nothing new was learned";
  log_.Log(JoinDecision(1, 60));
  EXPECT_EQ(Trials(), 50) << "not folded yet";
  EXPECT_EQ(learner_->Stats().logged_lsn, 2u);
  EXPECT_EQ(learner_->Stats().folded_lsn, 1u);
  learner_->Update();
  EXPECT_EQ(Trials(), 51);
  EXPECT_EQ(learner_->snapshot()->lsn(), 2u);
  EXPECT_EQ(learner_->Stats().folded_lsn, 2u);
  EXPECT_EQ(learner_->Stats().open_decisions, 2u);
  EXPECT_EQ(first->Find("new", "arm-0").trials, 50) << "snapshots do not change";
}

TEST_F(LearnerTest, TellsTheLogOnceWhatNobodyReported) {
  Begin();
  log_.Log(JoinDecision(0, 0, 2, true));
  EXPECT_THAT(Report(JoinExposure(0, 1)), IsOk());
  log_.Write();
  clock_.Advance(absl::Seconds(59));
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 0u);
  clock_.Advance(absl::Seconds(1));
  learner_->Update();
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 1u);
  log_.Write();
  learner_->Update();
  ASSERT_EQ(log_.events.size(), 3u);
  const auto& record = std::get<UnshownRecord>(log_.events[2]);
  EXPECT_THAT(record.positions, ElementsAre(2));
  EXPECT_EQ(learner_->Stats().join.unshown, 1u);

  EXPECT_THAT(Report(JoinExposure(0, 2)), IsOk());
  log_.Write();
  learner_->Update();
  EXPECT_EQ(learner_->Stats().join.exposures_late, 1u);
  EXPECT_EQ(Unshown(), 1u);
}

TEST_F(LearnerTest, AnExposureOnItsWayIsNotToldToBeUnshown) {
  Begin();
  log_.Log(JoinDecision(0, 0, 1, true));
  EXPECT_THAT(Report(JoinExposure(0)), IsOk());
  clock_.Advance(absl::Seconds(100));
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 1u) << "the exposure alone";
  log_.Write();
  learner_->Update();
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 0u);
  EXPECT_EQ(learner_->Stats().join.exposures, 1u);
}

TEST_F(LearnerTest, AnExposureThatTheLogDidNotTakeCountsForNothing) {
  Begin();
  log_.Log(JoinDecision(0, 0, 1, true));
  log_.Log(JoinDecision(1, 0, 1, true));
  learner_->Update();
  log_.full = true;
  EXPECT_THAT(Report(JoinExposure(0)), StatusIs(absl::StatusCode::kResourceExhausted, _));
  log_.full = false;
  bool failed = false;
  EXPECT_THAT(learner_->Report(JoinExposure(1),
                               [&](const absl::StatusOr<Lsn>& lsn) { failed = !lsn.ok(); }),
              IsOk());
  log_.Fail();
  EXPECT_TRUE(failed);
  clock_.Advance(absl::Seconds(60));
  learner_->Update();
  log_.Write();
  EXPECT_EQ(Unshown(), 2u);
}

TEST_F(LearnerTest, UnshownIsToldAgainIfTheLogHadNoRoom) {
  Begin();
  log_.Log(JoinDecision(0, 0, 1, true));
  clock_.Advance(absl::Seconds(60));
  log_.full = true;
  learner_->Update();
  log_.full = false;
  EXPECT_EQ(log_.waiting(), 0u);
  learner_->Update();
  learner_->Update();
  log_.Write();
  EXPECT_EQ(Unshown(), 1u);
}

TEST_F(LearnerTest, WithTheClockOfRequestsOnlySettleMovesTime) {
  request_clock_ = true;
  Begin();
  log_.Log(JoinDecision(0, 0));
  log_.Log(JoinDecision(1, 60));
  clock_.Advance(absl::Hours(1));
  learner_->Update();
  EXPECT_EQ(Trials(), 50);
  learner_->Settle(absl::FromUnixMicros(kStartUs) + absl::Seconds(60));
  EXPECT_EQ(Trials(), 51);
}

TEST_F(LearnerTest, AfterSettleWhatWasUnshownIsInTheLogAndFolded) {
  request_clock_ = true;
  Begin();
  log_.Log(JoinDecision(0, 0, 1, true));
  std::thread writer([this] {
    while (log_.events.size() < 2) log_.Write();
  });
  learner_->Settle(absl::FromUnixMicros(kStartUs) + absl::Seconds(60));
  writer.join();
  EXPECT_EQ(learner_->Stats().join.unshown, 1u);
  EXPECT_EQ(learner_->Stats().folded_lsn, 2u);
}

// --- What was taken under terms.

DecisionRecord Charged(uint64_t number, int64_t second) {
  return decision_log::ChargedDecision(number, second, decision_log::OnClick());
}

TEST_F(LearnerTest, TellsTheLogOnceWhatIsOwed) {
  Begin();
  log_.Log(Charged(0, 0));
  log_.Log(Charged(1, 0));
  EXPECT_THAT(Report(decision_log::Click(1, "a", 5, 4)), IsOk());
  log_.Write();
  clock_.Advance(absl::Seconds(59));
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 0u);
  clock_.Advance(absl::Seconds(1));
  learner_->Update();
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 2u);
  log_.Write();
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 0u);
  ASSERT_EQ(log_.events.size(), 5u);
  EXPECT_EQ(std::get<SettlementRecord>(log_.events[3]).refunds[0].amount, 10);
  EXPECT_EQ(std::get<SettlementRecord>(log_.events[4]).refunds[0].amount, 6);
  EXPECT_EQ(learner_->Stats().charges.window_closed, 2u);
  EXPECT_EQ(learner_->Stats().open_charges, 2u);
}

TEST_F(LearnerTest, AnOutcomeOnItsWayIsNotTakenForMissing) {
  Begin();
  log_.Log(Charged(0, 0));
  EXPECT_THAT(Report(decision_log::Click(0, "a", 5, 4)), IsOk());
  clock_.Advance(absl::Seconds(60));
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 1u) << "the outcome alone";
  log_.Write();
  learner_->Update();
  log_.Write();
  ASSERT_EQ(log_.events.size(), 3u);
  EXPECT_EQ(std::get<SettlementRecord>(log_.events[2]).refunds[0].amount, 6);
}

TEST_F(LearnerTest, WhatIsOwedIsToldAgainIfTheLogHadNoRoomOrTheProcessDied) {
  Begin();
  log_.Log(Charged(0, 0));
  clock_.Advance(absl::Seconds(60));
  log_.full = true;
  learner_->Update();
  log_.full = false;
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 1u);
  log_.Fail();  // killed
  learner_.reset();
  Begin();
  learner_->Update();
  log_.Write();
  learner_->Update();
  EXPECT_EQ(log_.waiting(), 0u);
  EXPECT_EQ(log_.events.size(), 2u);
}

TEST_F(LearnerTest, AfterSettleWhatWasOwedIsInTheLogAndFolded) {
  request_clock_ = true;
  Begin();
  log_.Log(Charged(0, 0));
  std::thread writer([this] {
    while (log_.events.size() < 2) log_.Write();
  });
  learner_->Settle(absl::FromUnixMicros(kStartUs) + absl::Seconds(60));
  writer.join();
  EXPECT_EQ(learner_->Stats().charges.window_closed, 1u);
  EXPECT_EQ(learner_->Stats().folded_lsn, 2u);
}

// The log's beginning may have been deleted up to the checkpoint.
TEST_F(LearnerTest, AnotherModelTakesOverWhatIsOwed) {
  Begin();
  log_.Log(Charged(0, 0));
  FULCRUM_ASSERT_OK(learner_->Stop());
  learner_.reset();
  log_.events[0] = AuditRecord{"ann", "gone", "", {}, kStartUs};
  Begin(LearningStart(8));
  EXPECT_TRUE(report_.used.empty());
  EXPECT_EQ(learner_->Stats().open_charges, 1u);
  clock_.Advance(absl::Seconds(60));
  learner_->Update();
  log_.Write();
  EXPECT_TRUE(std::holds_alternative<SettlementRecord>(log_.events.back()));
}

// --- Restarts.

TEST_F(LearnerTest, ARestartGoesOnWhereTheCheckpointEnds) {
  Begin();
  log_.Log(JoinDecision(0, 0));
  log_.Log(LinedDecision(1, 1));
  log_.Log(JoinOutcome(1, "a", 1, 10));
  FULCRUM_ASSERT_OK(learner_->Stop());
  EXPECT_THAT(ReadSnapshot(3), IsOk());

  Begin();
  EXPECT_EQ(report_.used, Snapshot(3));
  log_.Log(JoinDecision(2, 61));
  FULCRUM_ASSERT_OK(learner_->Stop());
  EXPECT_EQ(Trials(), 51);
  EXPECT_EQ(*ReadSnapshot(4), Offline());
}

TEST_F(LearnerTest, WhateverIsLostAtRestartsTheStateIsTheFoldOfTheLog) {
  base::RandomStream random(5);
  int from_checkpoint = 0, from_start = 0;
  for (int run = 0; run < 60; ++run) {
    Begin();
    ++(report_.used.empty() ? from_start : from_checkpoint);
    for (int n = 0; n < 20; ++n) {
      const uint64_t number = 1000 * static_cast<uint64_t>(run) + static_cast<uint64_t>(n);
      const int64_t second = 20 * int64_t{20 * run + n};
      log_.Log(random.NextBelow(3) == 0 ? LinedDecision(number, second)
                                        : JoinDecision(number, second, 2, n % 2 == 0));
      const uint64_t of = number - random.NextBelow(5);
      if (random.NextBelow(2) == 0) {
        FULCRUM_EXPECT_OK(Report(JoinExposure(of, 1)));
      }
      if (random.NextBelow(2) == 0) {
        FULCRUM_EXPECT_OK(Report(JoinOutcome(of, "a", random.NextBelow(2), second)));
      }
      if (random.NextBelow(2) == 0) log_.Log(Charged(number + 500, second));
      clock_.Advance(absl::Seconds(20));
      if (random.NextBelow(2) == 0) learner_->Update();
      if (random.NextBelow(4) == 0) log_.Write();
      if (random.NextBelow(10) == 0) {
        FULCRUM_EXPECT_OK(learner_->Checkpoint());
      }
    }
    // Killed: what waits for the log is gone, and so is all memory.
    log_.Fail();
    learner_.reset();
    if (random.NextBelow(5) == 0) {
      for (const std::string& file : Files()) {
        std::filesystem::remove(directory_.path() + "/" + file);
      }
    }
  }
  Begin();
  FULCRUM_ASSERT_OK(learner_->Stop());
  EXPECT_EQ(*ReadSnapshot(log_.events.size()), Offline());
  EXPECT_GT(learner_->Stats().join.settled, 500u);
  EXPECT_GT(learner_->Stats().join.unshown, 100u);
  EXPECT_GT(learner_->Stats().charges.window_closed, 100u);
  decision_log::Charges charges;
  for (Lsn lsn = 1; lsn <= log_.events.size(); ++lsn) {
    const auto* const settlement = std::get_if<SettlementRecord>(&log_.events[lsn - 1]);
    if (settlement != nullptr) {
      EXPECT_EQ(charges.ProblemOf(*settlement), "");
    }
    charges.Apply(lsn, log_.events[lsn - 1]);
  }
  EXPECT_GT(from_checkpoint, 30);
  EXPECT_GT(from_start, 5);
}

TEST_F(LearnerTest, ASnapshotAheadOfTheLogIsRemovedBeforeTheLogGrows) {
  Begin();
  for (uint64_t i = 0; i < 4; ++i) log_.Log(JoinDecision(i, 60 * static_cast<int64_t>(i)));
  FULCRUM_ASSERT_OK(learner_->Stop());
  learner_.reset();
  log_.events.resize(2);  // the power took the tail
  Begin();
  ASSERT_EQ(report_.removed.size(), 1u);
  EXPECT_EQ(report_.removed[0].path, Snapshot(4));
  EXPECT_EQ(report_.removed[0].lsn, 4u);
  EXPECT_EQ(learner_->lsn(), 2u);
  for (uint64_t i = 0; i < 3; ++i) log_.Log(JoinDecision(10 + i, 600));
  FULCRUM_ASSERT_OK(learner_->Stop());
  EXPECT_EQ(*ReadSnapshot(5), Offline());
}

TEST_F(LearnerTest, KeepsTheNewestTwo) {
  Begin();
  for (uint64_t i = 0; i < 5; ++i) {
    log_.Log(JoinDecision(i, 60 * static_cast<int64_t>(i)));
    learner_->Update();
    FULCRUM_EXPECT_OK(learner_->Checkpoint());
    FULCRUM_EXPECT_OK(learner_->Checkpoint());
  }
  EXPECT_THAT(Files(),
              ElementsAre("posterior-00000000000000000004", "posterior-00000000000000000005"));
}

TEST_F(LearnerTest, OneOfTheTwoIsOfWhatThePowerCannotTake) {
  Begin();
  const auto log_and_keep = [this](uint64_t number, Lsn synced) {
    log_.Log(JoinDecision(number, 60 * static_cast<int64_t>(number)));
    learner_->Update();
    FULCRUM_EXPECT_OK(learner_->Checkpoint(synced));
  };
  const auto kept = [](Lsn lsn) { return absl::StrFormat("posterior-%020d", lsn); };
  log_and_keep(1, 0);
  EXPECT_THAT(Files(), ElementsAre(kept(0), kept(1)));
  log_and_keep(2, 0);
  EXPECT_THAT(Files(), ElementsAre(kept(0), kept(1))) << "1 may still go with the power";
  log_and_keep(3, 1);
  EXPECT_THAT(Files(), ElementsAre(kept(1), kept(3)));
  log_.Log(JoinDecision(4, 240));
  FULCRUM_EXPECT_OK(learner_->Stop());  // after the log, which has synced all
  EXPECT_THAT(Files(), ElementsAre(kept(3), kept(4)));
}

TEST_F(LearnerTest, ADamagedSnapshotIsNamedAndTheOneBeforeItServes) {
  Begin();
  for (uint64_t i = 0; i < 3; ++i) {
    log_.Log(JoinDecision(i, 60 * static_cast<int64_t>(i)));
    learner_->Update();
    FULCRUM_EXPECT_OK(learner_->Checkpoint());
  }
  learner_.reset();
  std::filesystem::resize_file(Snapshot(3), 40);
  std::ofstream(directory_.path() + "/posterior-00000000000000000009.tmp") << "unfinished";
  std::ofstream(directory_.path() + "/notes.txt") << "not ours";
  Begin();
  EXPECT_EQ(report_.used, Snapshot(2));
  ASSERT_EQ(report_.skipped.size(), 1u);
  EXPECT_THAT(report_.skipped[0], HasSubstr(Snapshot(3)));
  FULCRUM_ASSERT_OK(learner_->Stop());
  EXPECT_EQ(*ReadSnapshot(3), Offline());
}

TEST_F(LearnerTest, AnotherModelBeginsAnewAndLearnsTheWholeLog) {
  Begin();
  log_.Log(JoinDecision(0, 0));
  log_.Log(JoinDecision(1, 60));
  FULCRUM_ASSERT_OK(learner_->Stop());
  Begin(LearningStart(8));
  EXPECT_TRUE(report_.used.empty());
  EXPECT_THAT(report_.skipped, Each(HasSubstr("another model")));
  EXPECT_EQ(Trials(), 51);
}

TEST_F(LearnerTest, ACheckpointIsToldWithTheDigestOfItsFile) {
  tells_checkpoints_ = true;
  Begin();
  log_.Write();
  log_.Log(JoinDecision(0, 0));
  log_.Log(JoinDecision(1, 60));
  learner_->Update();
  FULCRUM_ASSERT_OK(learner_->Checkpoint());
  log_.Write();
  ASSERT_EQ(log_.events.size(), 4u) << "the first checkpoint, two decisions, the second one";
  EXPECT_EQ(std::get<PosteriorUpdateRecord>(log_.events[0]).folded_lsn, 0u);
  const auto& record = std::get<PosteriorUpdateRecord>(log_.events[3]);
  EXPECT_EQ(record.folded_lsn, 3u);
  EXPECT_EQ(record.bundle, 5u);
  EXPECT_EQ(record.model, 7u);
  EXPECT_EQ(record.digest, base::ShortDigest(base::Sha256(*ReadSnapshot(3))));
  EXPECT_EQ(record.occurred_us, kStartUs);
}

// A record about a checkpoint must not be the reason for another one.
TEST_F(LearnerTest, WhatTellsOfTheServiceAloneIsNotWorthACheckpoint) {
  tells_checkpoints_ = true;
  Begin();
  log_.Log(JoinDecision(0, 0));
  for (int round = 0; round < 10; ++round) {
    learner_->Update();
    FULCRUM_ASSERT_OK(learner_->Checkpoint());
    log_.Log(AuditRecord{.actor = kServiceActor, .action = "log.segments_retired"});
  }
  const auto told = std::count_if(
      log_.events.begin(), log_.events.end(),
      [](const LogEvent& event) { return std::holds_alternative<PosteriorUpdateRecord>(event); });
  EXPECT_EQ(told, 2) << "that of the start and that of the decision";
  EXPECT_EQ(learner_->Stats().checkpoint_lsn, 2u);
  const Lsn last = log_.events.size();
  FULCRUM_ASSERT_OK(learner_->Stop());
  EXPECT_EQ(*ReadSnapshot(last), Offline()) << "the last one is of the whole log";
  // Nor is a start that finds it.
  Begin();
  EXPECT_EQ(report_.used, Snapshot(last));
  EXPECT_EQ(log_.waiting(), 1u) << "the record that the stopped log did not take";
}

TEST_F(LearnerTest, ACheckpointThatFailsIsToldAndTriedAgain) {
  testing::FaultyFileSystem files;
  LearnerOptions options;
  options.files = &files;
  options.directory = directory_.path();
  options.clock = &clock_;
  options.interval = absl::InfiniteDuration();
  auto learner = Learner::Open(std::move(options), LearningStart(), 0, &report_);
  FULCRUM_ASSERT_OK(learner);
  files.AddFault({.operation = testing::FileOperation::kSync});
  EXPECT_THAT((*learner)->Start(&log_), StatusIs(absl::StatusCode::kDataLoss, _));
  EXPECT_NE((*learner)->snapshot(), nullptr) << "serves all the same";
  FULCRUM_EXPECT_OK((*learner)->Checkpoint());
  EXPECT_THAT(ReadSnapshot(0), IsOk());
}

}  // namespace
}  // namespace fulcrum::learning
