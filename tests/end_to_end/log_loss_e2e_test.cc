// Starts of the service on a log that has lost something: a log that ends before what others had
// heard from it, brought back from an older copy, and one of which a segment is quarantined.
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "apps/service.h"
#include "decision_log/quarantine_plan.h"
#include "fulcrum/client.h"
#include "tests/end_to_end/learning_world.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);

class LogLossTest : public testing::ServiceFixture {
 protected:
  apps::ServiceOptions Options(Lsn accept_quarantined) {
    testing::WriteBundle(directory_, options_);
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = ++seed_;
    options.accept_quarantined = accept_quarantined;
    return options;
  }
  absl::StatusOr<std::unique_ptr<apps::Service>> TryStart(Lsn accept_quarantined = 0) {
    return apps::Service::Start(Options(accept_quarantined));
  }
  void Start(Lsn accept_quarantined = 0) { StartService(Options(accept_quarantined)); }
  void Decide(int calls) {
    DecisionRequest request;
    request.user_id = "ann";
    request.surface = "page";
    request.occurred_at = kStart;
    for (int i = 0; i < calls; ++i) {
      EXPECT_THAT(client_->Decide(request, kLong), IsOk());
    }
  }
  orchestrator::Ledger::RowStatus Row() const {
    for (const auto& row : service_->ledger().Status(kStart)) {
      if (row.row == "paid-day") return row;
    }
    return {};
  }
  int64_t Spent() const { return Row().spent; }
  std::string Data(const std::string& name) const { return directory_ + "/data/" + name; }

  // A log of two runs, of which the second is taken away again; `kept_` and `lost_` end them.
  void LoseTheSecondRun() {
    Start();
    Decide(20);
    Stop();
    std::filesystem::copy(Data("log"), directory_ + "/copy",
                          std::filesystem::copy_options::recursive);
    kept_ = LastLsn();
    Start();
    Decide(30);
    spent_ = Spent();
    Stop();
    lost_ = LastLsn();
    ASSERT_GT(lost_, kept_);
    std::filesystem::remove_all(Data("log"));
    std::filesystem::rename(directory_ + "/copy", Data("log"));
  }
  // Damages the log's only segment of decisions and takes it out.
  void Quarantine() {
    const std::string segment = Data("log/decisions/") + decision_log::SegmentName(1);
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(decision_log::kSegmentHeaderBytes + decision_log::kRecordHeaderBytes + 3);
    file.put('!');
    file.close();
    EXPECT_THAT(TryStart().status(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("`fulcrum log quarantine`")));
    const base::SystemClock clock;
    decision_log::QuarantineOptions options;
    options.clock = &clock;
    options.directory = Data("log");
    options.actor = "tester";
    const auto done = decision_log::ApplyQuarantine(options);
    ASSERT_THAT(done, IsOk());
    ASSERT_EQ(done->segments.size(), 1u);
    EXPECT_EQ(done->segments[0].known, lost_);
  }
  Lsn LastLsn() const {
    Lsn last = 0;
    const auto reader = DecisionLogReader::Open(Data("log"));
    EXPECT_THAT(reader, IsOk());
    LogEntry entry;
    while (reader.ok() && *(*reader)->Next(&entry)) last = entry.lsn;
    return last;
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
  testing::TestBundle options_{testing::LearningBundleText()};
  uint64_t seed_ = 0;
  Lsn kept_ = 0;
  Lsn lost_ = 0;
  int64_t spent_ = 0;
};

TEST_F(LogLossTest, TheLedgersCheckpointTellsItAndKeepsItsSpend) {
  LoseTheSecondRun();
  std::filesystem::remove_all(Data("snapshots"));
  ::testing::internal::CaptureStderr();
  Start();
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(told,
              HasSubstr(absl::StrCat("log_tail_lost first_lsn=", kept_ + 1, " last_lsn=", lost_)));
  ASSERT_FALSE(service_->lost_tails().empty());
  EXPECT_EQ(service_->lost_tails()[0],
            (apps::LostTail{kept_ + 1, lost_, "the ledger's checkpoint"}));
  EXPECT_THAT(service_->metrics().Text(),
              HasSubstr(absl::StrCat("fulcrum_log_lost_records ", lost_ - kept_, "\n")));
  EXPECT_GT(spent_, 0);
  EXPECT_EQ(Spent(), spent_);
  // Told once: the next start knows of nothing that is missing.
  Stop();
  Start();
  EXPECT_TRUE(service_->lost_tails().empty());
  EXPECT_GE(Spent(), spent_);
}

TEST_F(LogLossTest, ACheckpointOfThePosteriorsTellsItAndIsRemoved) {
  LoseTheSecondRun();
  for (const char* other : {"ledger", "leases"}) std::filesystem::remove_all(Data(other));
  Start();
  ASSERT_FALSE(service_->lost_tails().empty());
  for (const apps::LostTail& tail : service_->lost_tails()) {
    EXPECT_EQ(tail.first, kept_ + 1);
    EXPECT_EQ(tail.known_by, "a checkpoint of the posteriors");
  }
  EXPECT_EQ(service_->lost_tails()[0].last, lost_);
  EXPECT_FALSE(std::filesystem::exists(
      Data(absl::StrCat("snapshots/posterior-", absl::Dec(lost_, absl::kZeroPad20)))));
}

TEST_F(LogLossTest, WhatCheckpointsHoldNeedsNoQuarantinedSegment) {
  Start();
  Decide(20);
  spent_ = Spent();
  Stop();
  lost_ = LastLsn();
  Quarantine();
  Start();
  EXPECT_TRUE(service_->lost_tails().empty());
  EXPECT_EQ(Spent(), spent_);
  EXPECT_EQ(Row().written_off, 0) << "the ledger had been closed in order";
  Decide(10);
  EXPECT_GT(Spent(), spent_);
  Stop();
  Start();
}

TEST_F(LogLossTest, AStartThatNeedsAQuarantinedSegmentAsksAndThenCountsLeasesAsSpent) {
  Start();
  Decide(20);
  Stop();
  const auto everything = std::filesystem::copy_options::recursive;
  std::filesystem::create_directories(directory_ + "/older");
  for (const char* part : {"ledger", "snapshots"}) {
    std::filesystem::copy(Data(part), directory_ + "/older/" + part, everything);
  }
  kept_ = LastLsn();
  Start();
  Decide(30);
  spent_ = Spent();
  Stop();
  lost_ = LastLsn();
  Quarantine();
  for (const char* part : {"ledger", "snapshots"}) {
    std::filesystem::remove_all(Data(part));
    std::filesystem::rename(directory_ + "/older/" + part, Data(part));
  }
  for (const Lsn accepted : {Lsn{0}, lost_ - 1}) {
    EXPECT_THAT(TryStart(accepted).status(),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr(absl::StrCat("LSN ", kept_ + 1, " to ", lost_)),
                               HasSubstr("quarantined since"), HasSubstr("the ledger's spend"),
                               HasSubstr(absl::StrCat("--accept-quarantined ", lost_)))));
  }
  Start(lost_);
  EXPECT_GT(Row().written_off, 0);
  EXPECT_GE(Spent(), spent_);
  Stop();
  Start();  // needs no flag any more
  EXPECT_GE(Spent(), spent_);
}

}  // namespace
}  // namespace fulcrum
