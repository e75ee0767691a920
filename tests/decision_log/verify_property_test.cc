#include <filesystem>
#include <random>

#include "decision_log/verify.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

using ::testing::HasSubstr;

class VerifyTest : public LogFixture {
 protected:
  VerifyReport Verify() {
    auto report = VerifyLog(base::PosixFileSystem(), log());
    EXPECT_THAT(report, testing::IsOk());
    // Whatever is found, any number of threads finds the same.
    threads_ = threads_ == 2 ? 5 : 2;
    const auto again = VerifyLog(base::PosixFileSystem(), log(), {.threads = threads_});
    EXPECT_THAT(again, testing::IsOk());
    EXPECT_TRUE(report.ok() && again.ok() && *report == *again) << threads_ << " threads";
    return report.ok() ? *report : VerifyReport{};
  }
  static Invariant Named(const VerifyReport& report, const std::string& name) {
    for (const Invariant& one : report.invariants) {
      if (one.name == name) return one;
    }
    ADD_FAILURE() << "no invariant " << name;
    return {};
  }
  // Appends one decision and reads the log's verdict on invariant `name`.
  Invariant Judge(const DecisionRecord& decision, const std::string& name, bool snapshot = true) {
    std::filesystem::remove_all(log());
    const std::unique_ptr<LogWriter> writer = Open(Options());
    writer->Start();
    std::optional<FeatureSnapshot> features;
    if (snapshot) features = MakeSnapshot(decision);
    EXPECT_THAT(writer->Append(decision, features, nullptr), testing::IsOk());
    EXPECT_THAT(writer->Stop(), testing::IsOk());
    return Named(Verify(), name);
  }

 private:
  size_t threads_ = 5;
};

TEST_F(VerifyTest, ASoundLogIsClean) {
  LogOptions options = Options();
  options.segment_bytes = 2048;
  WriteLog(40, std::move(options));
  const VerifyReport report = Verify();
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.records, 40u);
  EXPECT_EQ(report.snapshots, 40u);
  EXPECT_EQ(Named(report, "ticks_sum").checked, 40u);
  EXPECT_EQ(Named(report, "draw_matches").checked, 40u);
  EXPECT_EQ(Named(report, "lsn_consecutive").checked, 39u);
  EXPECT_EQ(Named(report, "features_match").checked, 40u);
}

// Many batches, with findings of each kind in several of them: the first of each must be named.
TEST_F(VerifyTest, FindingsOfManyBatchesComeInTheLogsOrder) {
  LogOptions options = Options();
  options.segment_bytes = 64 << 10;
  {
    const std::unique_ptr<LogWriter> writer = Open(std::move(options));
    writer->Start();
    for (uint64_t i = 1; i <= 1000; ++i) {
      DecisionRecord decision = MakeDecision(i, 1 + i % 4);
      if (i % 211 == 0) decision.positions[0].action_id = "another";
      if (i % 173 == 0) decision.times.scoring_us = 1'000'000;
      if (i % 3 == 0) decision.positions[0].debits = {{"budget", 0, 1, 300, false}};
      std::optional<FeatureSnapshot> snapshot = MakeSnapshot(decision);
      if (i % 97 == 0) snapshot.reset();
      FULCRUM_ASSERT_OK(writer->Append(decision, snapshot, nullptr));
    }
    FULCRUM_ASSERT_OK(writer->Stop());
  }
  const auto expect_same = [&] {
    const VerifyReport one = VerifyLog(base::PosixFileSystem(), log()).value();
    for (const size_t threads : {2, 3, 5, 16}) {
      EXPECT_TRUE(VerifyLog(base::PosixFileSystem(), log(), {.threads = threads}).value() == one)
          << threads << " threads";
    }
    return one;
  };
  const VerifyReport report = expect_same();
  EXPECT_EQ(report.records, 1000U);
  EXPECT_EQ(Named(report, "draw_matches").violated, 4U);
  EXPECT_THAT(Named(report, "draw_matches").first_violation, HasSubstr("LSN 211,"));
  EXPECT_THAT(Named(report, "time_budget").first_violation, HasSubstr("LSN 173,"));
  EXPECT_EQ(Named(report, "hard_limits").violated, 33U);
  EXPECT_THAT(Named(report, "hard_limits").first_violation, HasSubstr("LSN 903,"));
  EXPECT_GT(Named(report, "features_match").violated, 0U);
  std::mt19937_64 random(6);
  for (int i = 0; i < 8; ++i) {
    for (const Stream stream : {Stream::kDecisions, Stream::kFeatures}) {
      const auto segments = ListSegments(base::PosixFileSystem(), log(), stream).value();
      const std::string path = Segment(stream, segments[random() % segments.size()]);
      std::string bytes = ReadFile(path);
      bytes[random() % bytes.size()] ^= 0x40;
      WriteFile(path, bytes);
    }
    EXPECT_GT(expect_same().corrupt_count, 0U);
  }
}

// Every byte of both streams, header, payload, padding and marks alike, is flipped once.
TEST_F(VerifyTest, OneFlippedByteAnywhereIsFoundAndPlaced) {
  WriteLog(4, Options());
  int64_t flipped = 0;
  for (const Stream stream : {Stream::kDecisions, Stream::kFeatures}) {
    const std::string path = Segment(stream, 1);
    const std::string whole = ReadFile(path);
    // Where each record begins, and the LSN that is expected there.
    std::vector<std::pair<size_t, Lsn>> places = {{0, 1}};
    for (size_t at = kSegmentHeaderBytes; at < whole.size();) {
      const RecordHeader header = DecodeRecordHeader(std::string_view(whole).substr(at));
      places.emplace_back(at, HasLsn(header.type) ? header.lsn : header.lsn + 1);
      at += RecordBytes(header.payload_bytes);
    }
    std::mt19937_64 random(9);
    size_t place = 0;
    for (size_t at = 0; at < whole.size(); ++at, ++flipped) {
      if (place + 1 < places.size() && at == places[place + 1].first) ++place;
      std::string bytes = whole;
      bytes[at] ^= static_cast<char>(1 + random() % 255);
      WriteFile(path, bytes);
      const VerifyReport report = Verify();
      ASSERT_FALSE(report.clean()) << at;
      ASSERT_GE(report.corrupt.size(), 1u) << at;
      const CorruptPlace& found = report.corrupt[0];
      ASSERT_EQ(found.stream, stream);
      ASSERT_EQ(found.damage.segment, absl::StrCat(StreamName(stream), "/", SegmentName(1)));
      ASSERT_EQ(found.damage.offset, places[place].first) << at;
      ASSERT_EQ(found.damage.lsn, places[place].second) << at;
      ASSERT_EQ(report.corrupt.size(), 1u) << at << ": the next record is found again";
    }
    WriteFile(path, whole);
  }
  EXPECT_GT(flipped, 2000);
  EXPECT_TRUE(Verify().clean());
}

TEST_F(VerifyTest, ADrawThatTheSeedDoesNotMakeIsFound) {
  DecisionRecord decision = MakeDecision(1);
  decision.positions[0].action_id =
      decision.positions[0].action_id == "action-0" ? "none" : "action-0";
  const Invariant verdict = Judge(decision, "draw_matches");
  EXPECT_EQ(verdict.violated, 1u);
  EXPECT_THAT(verdict.first_violation, HasSubstr("LSN 1"));
}

TEST_F(VerifyTest, AMaskedCandidateWithTicksIsFound) {
  DecisionRecord decision = MakeDecision(1);
  decision.candidates[1].mask = MaskReason::kNoHold;
  EXPECT_EQ(Judge(decision, "masked_not_drawn").violated, 1u);
}

TEST_F(VerifyTest, StagesBeyondTheBudgetNeedADegradation) {
  DecisionRecord decision = MakeDecision(1);
  decision.latency_budget_us = 64;  // the stages take 65
  EXPECT_EQ(Judge(decision, "time_budget").violated, 1u);
  decision.degradation = Degradation::kDeadline;
  EXPECT_EQ(Judge(decision, "time_budget").violated, 0u);
}

TEST_F(VerifyTest, ADecisionThatClaimsFullReplayNeedsItsSnapshot) {
  EXPECT_EQ(Judge(MakeDecision(1), "features_match", false).violated, 1u);
  DecisionRecord decision = MakeDecision(1);
  decision.replayable = Replayable::kSelection;
  EXPECT_EQ(Judge(decision, "features_match", false).violated, 0u);
}

TEST_F(VerifyTest, ASnapshotOfTheWrongSizeIsFound) {
  const std::unique_ptr<LogWriter> writer = Open(Options());
  writer->Start();
  FeatureSnapshot snapshot = MakeSnapshot(MakeDecision(1));
  snapshot.values.resize(snapshot.columns);  // one row for three candidates
  FULCRUM_ASSERT_OK(writer->Append(MakeDecision(1), snapshot, nullptr));
  FULCRUM_ASSERT_OK(writer->Append(MakeDecision(2), MakeSnapshot(MakeDecision(3)), nullptr));
  FULCRUM_ASSERT_OK(writer->Stop());
  // The wrong size, the decision without its own, the snapshot of no decision.
  EXPECT_EQ(Named(Verify(), "features_match").violated, 3u);
}

TEST_F(VerifyTest, HardLimitsAreFoldedOverDebitsAndRefunds) {
  const std::unique_ptr<LogWriter> writer = Open(Options());
  writer->Start();
  const auto spend = [&](uint64_t number, int64_t amount, uint8_t user, bool per_user) {
    DecisionRecord decision = MakeDecision(number);
    decision.replayable = Replayable::kNone;
    decision.user_ref = {user};
    decision.positions[0].debits = {{"cap", 100, amount, 10, per_user}};
    EXPECT_THAT(writer->Append(decision, std::nullopt, nullptr), testing::IsOk());
  };
  const auto violated = [&] {
    EXPECT_THAT(writer->Flush(), testing::IsOk());
    return Named(Verify(), "hard_limits").violated;
  };
  spend(1, 10, 1, true);
  spend(2, 10, 2, true);  // another user's own cap
  spend(3, 10, 3, false);
  EXPECT_EQ(violated(), 0u);
  SupersededRecord superseded;
  superseded.decision_lsn = 3;
  superseded.served_action_id = "none";
  superseded.refunds = {{"cap", 100, 4, 10, false}};
  FULCRUM_ASSERT_OK(writer->Append(superseded, std::nullopt, nullptr));
  spend(4, 4, 1, false);
  EXPECT_EQ(violated(), 0u);
  spend(5, 1, 1, false);
  EXPECT_EQ(violated(), 1u);
  spend(6, 1, 2, true);
  EXPECT_EQ(violated(), 2u);
}

TEST_F(VerifyTest, WhatWasNotShownIsReturnedOnceAndNoMoreThanThat) {
  const std::unique_ptr<LogWriter> writer = Open(Options());
  writer->Start();
  const auto violated = [&] {
    EXPECT_THAT(writer->Flush(), testing::IsOk());
    return Named(Verify(), "hard_limits").violated;
  };
  const auto spend = [&](uint64_t number) {
    DecisionRecord decision = MakeDecision(number);
    decision.replayable = Replayable::kNone;
    decision.positions[0].debits = {{"cap", 100, 10, 10, false}};
    EXPECT_THAT(writer->Append(decision, std::nullopt, nullptr), testing::IsOk());
  };
  UnshownRecord unshown;
  unshown.decision_id = MakeId(1);
  unshown.decision_lsn = 1;
  unshown.positions = {1};
  unshown.refunds = {{"cap", 100, 10, 10, false}};
  spend(1);
  FULCRUM_ASSERT_OK(writer->Append(unshown, std::nullopt, nullptr));
  spend(2);
  EXPECT_EQ(violated(), 0u);
  spend(3);
  EXPECT_EQ(violated(), 1u) << "the limit holds again";
  for (int i = 0; i < 3; ++i) {
    FULCRUM_ASSERT_OK(writer->Append(unshown, std::nullopt, nullptr));
  }
  EXPECT_EQ(violated(), 2u) << "more is returned than was taken";
}

TEST_F(VerifyTest, WhatIsGivenBackWasTakenUnderTermsAndIsNotDue) {
  const std::unique_ptr<LogWriter> writer = Open(Options());
  writer->Start();
  const auto violated = [&](const char* name) {
    EXPECT_THAT(writer->Flush(), testing::IsOk());
    return Named(Verify(), name).violated;
  };
  DecisionRecord decision = MakeDecision(1);
  decision.replayable = Replayable::kNone;
  decision.attribution_window_us = 100;
  decision.positions[0].debits = {
      {"clicks", 100, 10, 10, false, false, 0, {.charged_on = "click", .in_cost = true}}};
  FULCRUM_ASSERT_OK(writer->Append(decision, std::nullopt, nullptr));
  OutcomeRecord click;
  click.decision_id = decision.id;
  click.position = 1;
  click.kind = "click";
  click.occurred_us = decision.occurred_us;
  click.cost_micros = 4;
  FULCRUM_ASSERT_OK(writer->Append(click, std::nullopt, nullptr));
  SettlementRecord settlement;
  settlement.decision_id = decision.id;
  settlement.decision_lsn = 1;
  settlement.user_ref = decision.user_ref;
  settlement.refunds = {{"clicks", 100, 6, 10, false}};
  settlement.occurred_us = decision.occurred_us + 100;
  FULCRUM_ASSERT_OK(writer->Append(settlement, std::nullopt, nullptr));
  EXPECT_EQ(violated("gives_back"), 0u);
  EXPECT_EQ(violated("hard_limits"), 0u);
  settlement.refunds[0].amount = 4;  // the click's
  FULCRUM_ASSERT_OK(writer->Append(settlement, std::nullopt, nullptr));
  EXPECT_EQ(violated("gives_back"), 1u);
  EXPECT_EQ(violated("hard_limits"), 0u) << "by the row alone it could be another decision's";
  settlement.decision_id = MakeId(2);
  FULCRUM_ASSERT_OK(writer->Append(settlement, std::nullopt, nullptr));
  EXPECT_EQ(violated("gives_back"), 2u) << "there is no such decision";
  EXPECT_EQ(violated("hard_limits"), 1u);
}

TEST_F(VerifyTest, AMergePassesNoLimitAndWhatIsDrawnAfterItDoes) {
  const std::unique_ptr<LogWriter> writer = Open(Options());
  writer->Start();
  const auto violated = [&] {
    EXPECT_THAT(writer->Flush(), testing::IsOk());
    return Named(Verify(), "hard_limits").violated;
  };
  uint64_t number = 0;
  const auto spend = [&](uint8_t user, int64_t second, int64_t span_us = 0) {
    DecisionRecord decision = MakeDecision(++number);
    decision.replayable = Replayable::kNone;
    decision.user_ref = UserRef{user};
    decision.occurred_us = second * 1'000'000;
    decision.positions[0].debits = {{span_us > 0 ? "span" : "cap", 0, 1, 2, true, false, span_us}};
    EXPECT_THAT(writer->Append(decision, std::nullopt, nullptr), testing::IsOk());
  };
  const auto identity = [&](IdentityChange change, uint8_t user, uint8_t into, int64_t second) {
    const IdentityRecord record{change, UserRef{user}, UserRef{into}, second * 1'000'000};
    EXPECT_THAT(writer->Append(record, std::nullopt, nullptr), testing::IsOk());
  };
  for (const uint8_t user : {1, 1, 2, 3}) spend(user, 10);
  for (const uint8_t user : {1, 2}) spend(user, 10, 3'600'000'000);
  identity(IdentityChange::kMerged, 1, 2, 20);
  EXPECT_EQ(violated(), 0u);
  spend(2, 19);  // began before the merge, with the room of one
  EXPECT_EQ(violated(), 0u) << "2 of 2 by each";
  spend(3, 21);
  EXPECT_EQ(violated(), 0u) << "another user";
  spend(2, 21);
  EXPECT_EQ(violated(), 1u);
  spend(1, 21);
  EXPECT_EQ(violated(), 2u) << "under the earlier reference";
  spend(2, 21, 3'600'000'000);
  EXPECT_EQ(violated(), 3u) << "in a window that moves";
  identity(IdentityChange::kPurged, 2, 0, 30);
  spend(4, 31);
  EXPECT_EQ(violated(), 3u);
}

// A crash between the two streams leaves a snapshot over; a power loss takes some. The start after
// it says so, and only that much is excused.
TEST_F(VerifyTest, WhatACrashTookFromOneStreamIsCountedAsLost) {
  WriteLog(6, Options());
  const auto cut = [&](Stream stream, Lsn last) {
    const std::string path = Segment(stream, 1);
    std::string bytes = ReadFile(path);
    size_t at = kSegmentHeaderBytes;
    while (at < bytes.size()) {
      const RecordHeader header = DecodeRecordHeader(std::string_view(bytes).substr(at));
      if (header.lsn > last || header.type == RecordType::kMark) break;
      at += RecordBytes(header.payload_bytes);
    }
    WriteFile(path, bytes.substr(0, at));
  };
  cut(Stream::kFeatures, 4);
  cut(Stream::kDecisions, 6);
  {
    const std::unique_ptr<LogWriter> writer = Open(Options());
    writer->Start();
    EXPECT_EQ(AppendAndWait(writer.get(), 7, 2), 2u);
  }
  EXPECT_TRUE(Verify().clean());
  EXPECT_EQ(Verify().snapshots_lost, 2u);
  // The same loss without a crash is a violation: the decisions stream says that all was synced.
  cut(Stream::kFeatures, 5);
  EXPECT_EQ(Named(Verify(), "features_match").violated, 4u);
}

TEST_F(VerifyTest, TheReaderGoesOnBehindDamage) {
  WriteLog(5, Options());
  const std::string path = Segment(Stream::kDecisions, 1);
  std::string bytes = ReadFile(path);
  bytes[kSegmentHeaderBytes + 50] ^= 4;
  WriteFile(path, bytes);
  auto reader = DecisionLogReader::Open(log());
  FULCRUM_ASSERT_OK(reader);
  LogEntry entry;
  EXPECT_FALSE((*reader)->Next(&entry).value());
  EXPECT_EQ((*reader)->end(), LogEnd::kCorrupt);
  EXPECT_EQ((*reader)->damage().lsn, 1u);
  (*reader)->Resume();
  std::vector<Lsn> lsns;
  while ((*reader)->Next(&entry).value()) lsns.push_back(entry.lsn);
  EXPECT_THAT(lsns, ::testing::ElementsAre(2, 3, 4, 5));
  EXPECT_EQ((*reader)->end(), LogEnd::kClean);
}

TEST_F(VerifyTest, TheReaderTellsATornTail) {
  WriteLog(3, Options());
  const std::string path = Segment(Stream::kDecisions, 1);
  const std::string bytes = ReadFile(path);
  WriteFile(path, bytes.substr(0, bytes.size() - 70));
  auto reader = DecisionLogReader::Open(log(), 1);
  FULCRUM_ASSERT_OK(reader);
  LogEntry entry;
  EXPECT_TRUE((*reader)->Next(&entry).value());
  EXPECT_EQ(entry.lsn, 2u);
  EXPECT_FALSE((*reader)->Next(&entry).value());
  EXPECT_EQ((*reader)->end(), LogEnd::kTornTail);
}

TEST_F(VerifyTest, SnapshotsAreReadInOrder) {
  WriteLog(3, Options());
  auto reader = FeatureSnapshotReader::Open(log());
  FULCRUM_ASSERT_OK(reader);
  FeatureEntry entry;
  for (uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE((*reader)->Next(&entry).value());
    EXPECT_EQ(entry.lsn, i);
    EXPECT_EQ(entry.snapshot.decision_id, MakeId(i));
    EXPECT_EQ(entry.snapshot.values, MakeSnapshot(MakeDecision(i)).values);
  }
  EXPECT_FALSE((*reader)->Next(&entry).value());
  EXPECT_FALSE(DecisionLogReader::Open(directory_.path() + "/gone").ok());
}

}  // namespace
}  // namespace fulcrum::decision_log
