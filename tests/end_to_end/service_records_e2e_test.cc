// What the service tells of itself in the decision log: starts and stops, recoveries, leases,
// snapshots of the posteriors.
#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/service.h"
#include "base/hash.h"
#include "decision_log/verify.h"
#include "fulcrum/client.h"
#include "fulcrum/decision_log_reader.h"
#include "fulcrum/version.h"
#include "tests/end_to_end/learning_world.h"
#include "tests/end_to_end/world.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_model.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;

constexpr absl::Duration kLong = absl::Seconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);

std::string DetailOf(const AuditRecord& record, const std::string& name) {
  for (const AuditDetail& detail : record.details) {
    if (detail.name == name) return detail.value;
  }
  return "(missing)";
}

class ServiceRecords : public ::testing::Test {
 protected:
  ServiceRecords() : directory_(temporary_.path() + "/bundle") {}
  void SetUp() override { testing::WriteBundle(directory_, options_); }

  std::unique_ptr<apps::Service> Start() {
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = 7;
    auto service = apps::Service::Start(options);
    EXPECT_THAT(service, IsOk());
    return service.ok() ? *std::move(service) : nullptr;
  }
  // `count` decisions, a minute after each other, each of which had a click.
  void Decide(const std::string& address, int count) {
    const auto client = DecisionClient::Connect(address);
    ASSERT_THAT(client->WaitUntilServing(kLong), IsOk());
    for (int i = 0; i < count; ++i) {
      DecisionRequest request;
      request.user_id = absl::StrCat("user-", i);
      request.surface = "page";
      request.candidates = {"paid-1", "paid-2", "free-1"};
      request.occurred_at = kStart + absl::Seconds(++decisions_);
      const auto decision = client->Decide(request, kLong);
      ASSERT_THAT(decision, IsOk());
      DecisionClient::Outcome outcome;
      outcome.decision = decision->id;
      outcome.position = 1;
      outcome.outcome_id = "o";
      outcome.kind = "click";
      outcome.value = 1;
      outcome.occurred_at = *request.occurred_at;
      ASSERT_THAT(client->ReportOutcome(outcome, kLong), IsOk());
    }
  }
  std::string Address(const apps::Service& service) const {
    return absl::StrCat("127.0.0.1:", service.port());
  }
  std::string Log() const { return directory_ + "/data/log"; }
  std::vector<LogEntry> Read() const {
    std::vector<LogEntry> entries;
    const auto reader = DecisionLogReader::Open(Log());
    EXPECT_THAT(reader, IsOk());
    LogEntry entry;
    while (reader.ok() && *(*reader)->Next(&entry)) entries.push_back(entry);
    return entries;
  }
  // Those with this action, in order.
  static std::vector<AuditRecord> Audits(const std::vector<LogEntry>& log,
                                         const std::string& action) {
    std::vector<AuditRecord> found;
    for (const LogEntry& entry : log) {
      const auto* const record = std::get_if<AuditRecord>(&entry.event);
      if (record != nullptr && record->action == action) found.push_back(*record);
    }
    return found;
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_;
  testing::TestBundle options_;
  int decisions_ = 0;
};

TEST_F(ServiceRecords, ALifeIsToldFromItsStartToItsStop) {
  auto service = Start();
  ASSERT_NE(service, nullptr);
  const std::string bundle = absl::StrCat(absl::Hex(service->bundle().version, absl::kZeroPad16));
  Decide(Address(*service), 50);
  ASSERT_THAT(service->Stop(absl::Seconds(5)), IsOk());
  service.reset();

  const std::vector<LogEntry> log = Read();
  const auto* const first = std::get_if<AuditRecord>(&log.front().event);
  const auto* const last = std::get_if<AuditRecord>(&log.back().event);
  ASSERT_TRUE(first != nullptr && last != nullptr);
  EXPECT_EQ(first->action, "service.start");
  EXPECT_EQ(last->action, "service.stop");
  for (const AuditRecord* const record : {first, last}) {
    EXPECT_EQ(record->actor, kServiceActor);
    EXPECT_EQ(DetailOf(*record, "version"), kVersion);
    EXPECT_EQ(DetailOf(*record, "bundle"), bundle);
    EXPECT_EQ(DetailOf(*record, "model"), "none");
  }
  ASSERT_EQ(Audits(log, "ledger.recovered").size(), 1u);
  EXPECT_EQ(DetailOf(Audits(log, "ledger.recovered")[0], "clean"), "yes");
  ASSERT_EQ(Audits(log, "learning.recovered").size(), 1u);

  // The snapshot that the posteriors of the last decision can be found in.
  const PosteriorUpdateRecord* kept = nullptr;
  for (const LogEntry& entry : log) {
    const auto* const record = std::get_if<PosteriorUpdateRecord>(&entry.event);
    if (record == nullptr) continue;
    EXPECT_LT(record->folded_lsn, entry.lsn);
    kept = record;
  }
  ASSERT_NE(kept, nullptr);
  const auto bytes = base::ReadWholeFile(
      base::PosixFileSystem(),
      absl::StrFormat("%s/data/snapshots/posterior-%020d", directory_, kept->folded_lsn), 1 << 30);
  ASSERT_THAT(bytes, IsOk()) << "it is one of the newest two";
  EXPECT_EQ(kept->digest, base::ShortDigest(base::Sha256(*bytes)));
  EXPECT_GT(kept->folded_lsn, 100u) << "all decisions and outcomes are in it";

  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), Log());
  ASSERT_THAT(verified, IsOk());
  EXPECT_TRUE(verified->clean());
}

// At every place of the log, what has been spent is covered by the lease that the log tells of.
void ExpectLeasesCoverSpend(const std::vector<LogEntry>& log, size_t* checked) {
  std::map<std::pair<std::string, int64_t>, int64_t> leased;
  std::map<std::pair<std::string, int64_t>, int64_t> spent;
  for (const LogEntry& entry : log) {
    if (const auto* const lease = std::get_if<LeaseRecord>(&entry.event)) {
      EXPECT_LE(lease->leased, lease->limit);
      EXPECT_EQ(lease->leased - lease->amount, (leased[{lease->row, lease->window_start_us}]))
          << "LSN " << entry.lsn << ", " << lease->row;
      leased[{lease->row, lease->window_start_us}] = lease->leased;
    }
    const auto* const decision = std::get_if<DecisionRecord>(&entry.event);
    if (decision == nullptr) continue;
    for (const Debit& debit : decision->positions[0].debits) {
      if (debit.per_user) continue;
      const auto key = std::pair(debit.row, debit.window_start_us);
      spent[key] += debit.amount;
      EXPECT_LE(spent[key], leased[key]) << "LSN " << entry.lsn << ", " << debit.row;
      ++*checked;
    }
  }
}

TEST_F(ServiceRecords, LeasesCoverWhatIsSpentAcrossStopsAndACrash) {
  for (const bool crash : {false, true, false}) {
    auto daemon = testing::StartDaemon(directory_, 7);
    ASSERT_THAT(daemon, IsOk());
    Decide(daemon->address, 40);
    daemon->process.Signal(crash ? SIGKILL : SIGTERM);
    ASSERT_THAT(daemon->process.Wait(absl::Seconds(60)), IsOk());
  }
  const std::vector<LogEntry> log = Read();
  size_t checked = 0;
  ExpectLeasesCoverSpend(log, &checked);
  EXPECT_GT(checked, 40u);
  EXPECT_EQ(Audits(log, "service.start").size(), 3u);
  EXPECT_EQ(Audits(log, "service.stop").size(), 2u) << "one life did not stop";
  const std::vector<AuditRecord> recovered = Audits(log, "ledger.recovered");
  ASSERT_EQ(recovered.size(), 3u);
  EXPECT_EQ(DetailOf(recovered[1], "clean"), "yes");
  EXPECT_EQ(DetailOf(recovered[2], "clean"), "no");
  // The machine has not been booted since, so the log proves what the lost lease still had.
  EXPECT_NE(DetailOf(recovered[2], "returned_micros"), "0");
  EXPECT_EQ(DetailOf(recovered[2], "written_off_micros"), "0");
  const auto given_back = std::count_if(log.begin(), log.end(), [](const LogEntry& entry) {
    const auto* const lease = std::get_if<LeaseRecord>(&entry.event);
    return lease != nullptr && lease->amount < 0;
  });
  EXPECT_GT(given_back, 0);
}

TEST_F(ServiceRecords, ATornTailIsToldByTheNextStart) {
  auto service = Start();
  ASSERT_NE(service, nullptr);
  Decide(Address(*service), 5);
  ASSERT_THAT(service->Stop(absl::Seconds(5)), IsOk());
  service.reset();
  const Lsn last = Read().back().lsn;
  // The mark of the orderly end is gone, and a record is half there.
  for (const char* stream : {"decisions", "features"}) {
    const std::string path = absl::StrCat(Log(), "/", stream, "/00000000000000000001.fulcrumlog");
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 8);
  }
  service = Start();
  ASSERT_NE(service, nullptr);
  ASSERT_THAT(service->Stop(absl::Seconds(5)), IsOk());
  const std::vector<AuditRecord> cut = Audits(Read(), "log.tail_cut");
  ASSERT_EQ(cut.size(), 2u);
  EXPECT_EQ(cut[0].target, "decisions");
  EXPECT_EQ(DetailOf(cut[0], "last_lsn"), absl::StrCat(last));
  EXPECT_NE(DetailOf(cut[0], "bytes"), "0");
}

TEST_F(ServiceRecords, WhatRetentionDeletesIsTold) {
  options_.log_segment_bytes = 32 << 10;
  options_.log_fields = "compression: none, features_retention: 1ms";
  testing::WriteBundle(directory_, options_);
  testing::AddTestModel(directory_);
  auto service = Start();
  ASSERT_NE(service, nullptr);
  Decide(Address(*service), 200);
  ASSERT_THAT(service->Stop(absl::Seconds(5)), IsOk());
  service.reset();
  service = Start();
  ASSERT_NE(service, nullptr);
  ASSERT_THAT(service->Stop(absl::Seconds(5)), IsOk());
  const std::vector<AuditRecord> retired = Audits(Read(), "log.segments_retired");
  ASSERT_FALSE(retired.empty());
  EXPECT_EQ(retired[0].target, "features");
  EXPECT_NE(DetailOf(retired[0], "segments"), "0");
  EXPECT_NE(DetailOf(retired[0], "last_lsn"), "0");
}

// A tail that the ledger's checkpoint has heard of is gone without a trace in the log.
TEST_F(ServiceRecords, ALostTailIsToldWithItsLsns) {
  auto service = Start();
  ASSERT_NE(service, nullptr);
  Decide(Address(*service), 5);
  ASSERT_THAT(service->Stop(absl::Seconds(5)), IsOk());
  service.reset();
  const std::vector<LogEntry> before = Read();
  std::filesystem::remove_all(Log());
  service = Start();
  ASSERT_NE(service, nullptr);
  ASSERT_THAT(service->Stop(absl::Seconds(5)), IsOk());
  const std::vector<AuditRecord> lost = Audits(Read(), "log.tail_lost");
  ASSERT_FALSE(lost.empty());
  EXPECT_EQ(DetailOf(lost[0], "first_lsn"), "1");
  EXPECT_EQ(DetailOf(lost[0], "last_lsn"), absl::StrCat(before.back().lsn));
  EXPECT_EQ(DetailOf(lost[0], "known_by"), "the ledger's checkpoint");
}

}  // namespace
}  // namespace fulcrum
