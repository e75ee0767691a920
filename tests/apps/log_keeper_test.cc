#include "apps/log_keeper.h"

#include <memory>
#include <optional>

#include "decision_log/stream_reader.h"
#include "decision_log/verify.h"
#include "tests/decision_log/log_fixture.h"
#include "tests/support/faulty_file_system.h"

namespace fulcrum::apps {
namespace {

using decision_log::Stream;
using ::testing::HasSubstr;

// A log of ten batches a minute apart, of which the last is of this moment. LSN n of either stream
// occurred in microsecond n.
class LogKeeperTest : public decision_log::LogFixture {
 protected:
  LogKeeperTest() {
    decision_log::LogOptions options = Options();
    options.compress = false;
    const std::unique_ptr<decision_log::LogWriter> writer = Open(std::move(options));
    writer->Start();
    for (uint64_t minute = 0; minute < 10; ++minute) {
      clock_.Advance(absl::Minutes(1));
      EXPECT_EQ(AppendAndWait(writer.get(), minute * kBatch + 1, kBatch), kBatch);
    }
    EXPECT_THAT(writer->Stop(), testing::IsOk());
    all_ = Segments(Stream::kDecisions);
    EXPECT_GE(all_.size(), 10u);
    EXPECT_GE(Segments(Stream::kFeatures).size(), 10u);
  }

  // Everything may go by age; the tests make one need after the other stricter.
  LogKeeperParts Parts() {
    LogKeeperParts parts;
    parts.files = &files_;
    parts.clock = &clock_;
    parts.directory = log();
    parts.settings.decisions_retention = absl::Seconds(1);
    parts.settings.features_retention = absl::Seconds(1);
    parts.settings.disk_reserve_bytes = 100;
    parts.idempotency_window = absl::Microseconds(1);
    parts.ledger_lsn = [this] { return ledger_lsn_; };
    parts.posteriors_lsn = [this] { return posteriors_lsn_; };
    parts.free_bytes = [this](const std::string&) { return free_bytes_; };
    return parts;
  }
  // A round once the posteriors have been kept twice.
  void RoundAfterTwoCheckpoints(LogKeeper* keeper) {
    keeper->Round();
    ++posteriors_lsn_;
    keeper->Round();
  }

  std::vector<Lsn> Segments(Stream stream) const {
    return decision_log::ListSegments(base::PosixFileSystem(), log(), stream).value();
  }
  // The first of the segments that hold `lsn` and later ones.
  Lsn SegmentOf(Lsn lsn) const { return *(std::upper_bound(all_.begin(), all_.end(), lsn) - 1); }
  static void ExpectMetric(const LogKeeper& keeper, const std::string& line) {
    telemetry::Metrics metrics({});
    keeper.AddMetrics(&metrics);
    EXPECT_THAT(metrics.Text(), HasSubstr("\n" + line + "\n"));
    metrics.Close();
  }

  static constexpr Lsn kBatch = 500;
  static constexpr Lsn kLast = 10 * kBatch;
  testing::FaultyFileSystem files_;
  std::vector<Lsn> all_;  // segments of decisions
  absl::StatusOr<Lsn> ledger_lsn_ = kLast;
  Lsn posteriors_lsn_ = kLast - 1;
  absl::StatusOr<uint64_t> free_bytes_ = 100;
};

TEST_F(LogKeeperTest, DeletesNothingUnlessTold) {
  LogKeeperParts parts = Parts();
  parts.settings.decisions_retention = absl::ZeroDuration();
  parts.settings.features_retention = absl::ZeroDuration();
  clock_.Advance(absl::Hours(1000));
  LogKeeper keeper(std::move(parts));
  const std::vector<Lsn> features = Segments(Stream::kFeatures);
  RoundAfterTwoCheckpoints(&keeper);
  EXPECT_EQ(Segments(Stream::kDecisions), all_);
  EXPECT_EQ(Segments(Stream::kFeatures), features);
}

TEST_F(LogKeeperTest, EachStreamHasItsOwnAge) {
  LogKeeperParts parts = Parts();
  parts.settings.decisions_retention = absl::Seconds(330);
  parts.settings.features_retention = absl::Seconds(150);
  LogKeeper keeper(std::move(parts));
  RoundAfterTwoCheckpoints(&keeper);
  // The last five batches of decisions are at most 4 minutes old, the one before is 5; of features,
  // the last two are at most 1 minute old.
  const Lsn decisions = Segments(Stream::kDecisions).front();
  EXPECT_GT(decisions, 3 * kBatch);
  EXPECT_LE(decisions, 4 * kBatch + 1);
  const Lsn features = Segments(Stream::kFeatures).front();
  EXPECT_GT(features, 6 * kBatch);
  EXPECT_LE(features, 7 * kBatch + 1);
  EXPECT_TRUE(decision_log::VerifyLog(base::PosixFileSystem(), log())->clean());
}

TEST_F(LogKeeperTest, FeaturesGoByAgeAlone) {
  ledger_lsn_ = 0;
  posteriors_lsn_ = 0;
  clock_.Advance(absl::Minutes(1));
  LogKeeper keeper(Parts());
  keeper.Round();
  EXPECT_EQ(Segments(Stream::kFeatures).size(), 1u);
  EXPECT_EQ(Segments(Stream::kDecisions), all_);
}

TEST_F(LogKeeperTest, DecisionsStayUntilThePosteriorsHaveBeenKeptTwice) {
  posteriors_lsn_ = 3 * kBatch;
  LogKeeper keeper(Parts());
  keeper.Round();
  keeper.Round();  // time alone does not help
  EXPECT_EQ(Segments(Stream::kDecisions), all_);
  // Now they were; a start may still fall back on the older one.
  posteriors_lsn_ = 9 * kBatch;
  keeper.Round();
  EXPECT_EQ(Segments(Stream::kDecisions).front(), SegmentOf(3 * kBatch + 1));
  keeper.Round();
  EXPECT_EQ(Segments(Stream::kDecisions).front(), SegmentOf(3 * kBatch + 1));
  posteriors_lsn_ = kLast;
  keeper.Round();
  const Lsn first = Segments(Stream::kDecisions).front();
  EXPECT_GT(first, 7 * kBatch);
  EXPECT_LE(first, SegmentOf(9 * kBatch + 1));
}

TEST_F(LogKeeperTest, WhatTheLedgerHasNotKeptStays) {
  ledger_lsn_ = 2 * kBatch;
  LogKeeper keeper(Parts());
  RoundAfterTwoCheckpoints(&keeper);
  EXPECT_EQ(Segments(Stream::kDecisions).front(), SegmentOf(2 * kBatch + 1));
  ExpectMetric(keeper, absl::StrCat("fulcrum_log_retired_segments_total{stream=\"decisions\"} ",
                                    all_.size() - Segments(Stream::kDecisions).size()));

  // Nor does anything go while the ledger cannot keep it.
  ledger_lsn_ = absl::DataLossError("the disk of the ledger");
  const std::vector<Lsn> before = Segments(Stream::kDecisions);
  keeper.Round();
  EXPECT_EQ(Segments(Stream::kDecisions), before);
  ledger_lsn_ = kLast;
  keeper.Round();
  EXPECT_GT(Segments(Stream::kDecisions).front(), before.front());
}

TEST_F(LogKeeperTest, WhatOperatorsHaveSetStaysUntilItIsKept) {
  Lsn operators_lsn = 3 * kBatch;
  LogKeeperParts parts = Parts();
  parts.operators_lsn = [&] { return operators_lsn; };
  LogKeeper keeper(std::move(parts));
  RoundAfterTwoCheckpoints(&keeper);
  EXPECT_EQ(Segments(Stream::kDecisions).front(), SegmentOf(3 * kBatch + 1));
  operators_lsn = kLast;
  keeper.Round();
  EXPECT_GT(Segments(Stream::kDecisions).front(), SegmentOf(3 * kBatch + 1));
}

TEST_F(LogKeeperTest, WhatARepeatedRequestMayAskForStays) {
  LogKeeperParts parts = Parts();
  parts.idempotency_window = absl::Microseconds(6 * kBatch);
  LogKeeper keeper(std::move(parts));
  RoundAfterTwoCheckpoints(&keeper);
  const Lsn first = Segments(Stream::kDecisions).front();
  EXPECT_GT(first, 2 * kBatch);
  EXPECT_LE(first, kLast - 6 * kBatch);
}

TEST_F(LogKeeperTest, AnErrorOfTheDiskIsTriedAgain) {
  testing::FaultRule rule;
  rule.operation = testing::FileOperation::kRemove;
  rule.path_contains = "/decisions/";
  rule.nth = 2;
  files_.AddFault(rule);
  LogKeeper keeper(Parts());
  RoundAfterTwoCheckpoints(&keeper);
  EXPECT_EQ(files_.faults_fired(), 1);
  EXPECT_EQ(Segments(Stream::kDecisions).front(), all_[1]);
  keeper.Round();
  EXPECT_GT(Segments(Stream::kDecisions).front(), 7 * kBatch);
}

TEST_F(LogKeeperTest, TellsWhenTheDiskIsLow) {
  LogKeeper keeper(Parts());
  keeper.Round();
  ExpectMetric(keeper, "fulcrum_log_disk_free_bytes 100");
  ExpectMetric(keeper, "fulcrum_log_disk_low 0");
  free_bytes_ = 99;
  keeper.Round();
  ExpectMetric(keeper, "fulcrum_log_disk_free_bytes 99");
  ExpectMetric(keeper, "fulcrum_log_disk_low 1");
  // What cannot be examined is as it last was, and hinders nothing.
  free_bytes_ = absl::InternalError("no such disk");
  clock_.Advance(absl::Minutes(1));
  keeper.Round();
  ExpectMetric(keeper, "fulcrum_log_disk_low 1");
  EXPECT_EQ(Segments(Stream::kFeatures).size(), 1u);
  free_bytes_ = 100;
  keeper.Round();
  ExpectMetric(keeper, "fulcrum_log_disk_low 0");
}

TEST(FreeBytesTest, AsksTheSystem) {
  const testing::TemporaryDirectory directory;
  EXPECT_GT(FreeBytes(directory.path()).value(), 0u);
  EXPECT_THAT(FreeBytes(directory.path() + "/none"),
              testing::StatusIs(absl::StatusCode::kInternal, HasSubstr("/none")));
}

}  // namespace
}  // namespace fulcrum::apps
