#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "decision_log/record_codec.h"
#include "decision_log/verify.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "exchange/json_lines.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::exchange {
namespace {

using decision_log::RecordType;
using decision_log::Stream;
using ::testing::HasSubstr;

constexpr char kGolden[] = FULCRUM_SOURCE_DIR "/tests/golden/decision_log/v2";

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

LogRecord RecordOf(const LogEvent& event) {
  decision_log::RecordEncoder encoder;
  return {Stream::kDecisions, decision_log::TypeOf(event), 7, -12,
          std::string(encoder.Encode(event))};
}

void ExpectSameAfterJson(const LogRecord& record) {
  const absl::StatusOr<std::string> line = ToJsonLine(record);
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->find('\n'), std::string::npos);
  const absl::StatusOr<LogRecord> back = FromJsonLine(*line);
  ASSERT_TRUE(back.ok()) << back.status() << "\n" << *line;
  EXPECT_EQ(*back, record) << *line;
}

TEST(JsonLines, KeepEveryTypeAndTheEndsOfItsRanges) {
  const DecisionId id(0x0190000000007000, 0x8000000000000001);
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();
  const LogEvent events[] = {
      ExposureRecord{.decision_id = id, .position = 3, .occurred_us = kMost, .principal = "ä\"\n"},
      OutcomeRecord{.decision_id = id,
                    .outcome_id = "o",
                    .kind = "click",
                    .value = 0.1 + 0.2,
                    .currency = "EUR",
                    .occurred_us = kLeast},
      PosteriorUpdateRecord{
          .folded_lsn = kAll, .bundle = kAll - 1, .model = 1, .digest = kAll, .occurred_us = 5},
      PriceUpdateRecord{.version = 1, .prices = {{"row", kLeast, 5e-324}}, .occurred_us = 1},
      LeaseRecord{
          .row = "row", .window_start_us = kLeast, .amount = -1, .leased = 2, .limit = kMost},
      AuditRecord{.actor = "fulcrumd", .action = "service.start", .details = {{"a", "b"}}},
      IdentityRecord{.user_ref = {1}, .into = {2}, .occurred_us = kMost},
      IdentityRecord{.change = IdentityChange::kPurged, .user_ref = {3}},
  };
  for (const LogEvent& event : events) ExpectSameAfterJson(RecordOf(event));
}

TEST(JsonLines, KeepEveryBitOfADouble) {
  double payload_nan = 0;
  const uint64_t bits = 0xfff8000000001234;
  std::memcpy(&payload_nan, &bits, sizeof bits);
  FeatureSnapshot snapshot{.decision_id = DecisionId(1, 2), .model = 3, .columns = 1};
  snapshot.values = {-0.0, payload_nan, std::numeric_limits<double>::infinity(), 5e-324, 0.1};
  decision_log::RecordEncoder encoder;
  ExpectSameAfterJson({Stream::kFeatures, RecordType::kFeatureSnapshot, 1, 2,
                       std::string(encoder.Encode(snapshot))});
  for (const double value : {-0.0, 1e308, 5e-324, 1.0 / 3.0, -2.5e-17}) {
    ExpectSameAfterJson(
        RecordOf(OutcomeRecord{.decision_id = DecisionId(1, 2), .kind = "k", .value = value}));
  }
}

TEST(Jsonl, ALogComesBackTheSame) {
  const testing::TemporaryDirectory directory;
  const std::string file = directory.path() + "/a.jsonl";
  const std::string log = directory.path() + "/log";
  const absl::StatusOr<TransferReport> exported = ExportLog(kGolden, file, {});
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(exported->events, 6U);
  EXPECT_EQ(exported->snapshots, 2U);
  EXPECT_EQ(exported->bad_count, 0U);
  const absl::StatusOr<TransferReport> imported = ImportLog(file, log, {.strict = true});
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ(imported->events, 6U);
  const std::string again = directory.path() + "/b.jsonl";
  ASSERT_TRUE(ExportLog(log, again, {}).ok());
  EXPECT_EQ(ReadFile(again), ReadFile(file));
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), log);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_TRUE(verified->clean());
  EXPECT_EQ(ImportLog(file, log, {.strict = true}).status().code(),
            absl::StatusCode::kAlreadyExists);
}

TEST(Jsonl, BadLinesAreToldAndTheOthersKept) {
  const testing::TemporaryDirectory directory;
  const std::string file = directory.path() + "/a.jsonl";
  ASSERT_TRUE(ExportLog(kGolden, file, {}).ok());
  const std::string good = ReadFile(file);
  std::ofstream(file, std::ios::binary) << "{\"type\":\n" << good << "[]\n";
  const std::string log = directory.path() + "/log";
  EXPECT_FALSE(ImportLog(file, log, {.strict = true}).ok());
  EXPECT_FALSE(std::filesystem::exists(log));
  const absl::StatusOr<TransferReport> report = ImportLog(file, log, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->events, 6U);
  ASSERT_EQ(report->bad_count, 2U);
  EXPECT_EQ(report->bad_lines[0].line, 1U);
  EXPECT_EQ(report->bad_lines[1].line, 10U);
  EXPECT_THAT(report->bad_lines[1].reason, HasSubstr("no JSON object"));
}

}  // namespace
}  // namespace fulcrum::exchange
