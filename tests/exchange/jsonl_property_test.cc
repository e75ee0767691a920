// Whatever a log may hold comes back the same through lines of JSON.
#include <bit>

#include "decision_log/record_codec.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "tests/decision_log/made_up_events.h"
#include "tests/exchange/exchange_fixture.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::exchange {
namespace {

using decision_log::MadeUpEvents;
using decision_log::RecordType;
using decision_log::Stream;

// Texts that a writer of JSON may stumble over: control characters, quotes, NUL, the ends of what
// UTF-8 can say, what looks like an escape or a number.
std::string AwkwardText(MadeUpEvents* any) {
  static const std::string kTexts[] = {std::string("\0", 1),
                                       "\x01\x1f\x7f",
                                       "\\\"\\u0000/\b\f\n\r\t",
                                       "\xef\xbf\xbf\xf4\x8f\xbf\xbf",
                                       "\xe2\x80\xa8\xe2\x80\xa9</script>",
                                       "NaN",
                                       "-9223372036854775808",
                                       std::string(3000, '\x02')};
  return kTexts[any->Below(std::size(kTexts))];
}

double AnyPattern(MadeUpEvents* any) {
  static const uint64_t kPatterns[] = {0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
                                       0xfff8000000001234, 0x7ff0000000000001, 0x8000000000000000,
                                       0x0000000000000001, 0x000fffffffffffff, 0x7fefffffffffffff,
                                       0x3ff0000000000001};
  return std::bit_cast<double>(kPatterns[any->Below(std::size(kPatterns))]);
}

// Where every pattern may stand.
LogEvent MadeExtreme(LogEvent event, MadeUpEvents* any) {
  if (auto* const decision = std::get_if<DecisionRecord>(&event)) {
    decision->request_id = AwkwardText(any);
    decision->redacted = {AwkwardText(any), ""};
    decision->neutral_value = AnyPattern(any);
    decision->exploration_floor = AnyPattern(any);
    for (CandidateRecord& candidate : decision->candidates) {
      candidate.score = AnyPattern(any);
      candidate.mean = AnyPattern(any);
    }
  } else if (auto* const audit = std::get_if<AuditRecord>(&event)) {
    audit->details.push_back({AwkwardText(any), AwkwardText(any)});
  } else if (auto* const outcome = std::get_if<OutcomeRecord>(&event)) {
    outcome->kind = AwkwardText(any);
  }
  return event;
}

TEST(JsonlProperty, ALineGivesThePayloadBackBitForBit) {
  MadeUpEvents any(4);
  decision_log::RecordEncoder encoder;
  std::vector<int> seen(decision_log::kRecordTypes, 0);
  for (int i = 0; i < 3000; ++i) {
    LogRecord record{Stream::kDecisions, RecordType::kFeatureSnapshot, any.Word(), any.Signed(),
                     ""};
    if (i % 10 == 0) {
      record.stream = Stream::kFeatures;
      record.payload = encoder.Encode(any.Snapshot());
    } else {
      const LogEvent event = MadeExtreme(any.Event(), &any);
      ASSERT_THAT(decision_log::CheckEvent(event), testing::IsOk());
      record.type = decision_log::TypeOf(event);
      record.payload = encoder.Encode(event);
    }
    ++seen[static_cast<size_t>(record.type)];
    const auto line = ToJsonLine(record);
    ASSERT_THAT(line, testing::IsOk());
    ASSERT_EQ(line->find('\n'), std::string::npos);
    const auto back = FromJsonLine(*line);
    ASSERT_THAT(back, testing::IsOk()) << *line;
    ASSERT_TRUE(*back == record) << *line;
  }
  for (const RecordType type :
       {RecordType::kDecision, RecordType::kExposure, RecordType::kOutcome, RecordType::kSuperseded,
        RecordType::kPosteriorUpdate, RecordType::kPriceUpdate, RecordType::kLease,
        RecordType::kAudit, RecordType::kUnshown, RecordType::kIdentity,
        RecordType::kFeatureSnapshot}) {
    EXPECT_GT(seen[static_cast<size_t>(type)], 100) << static_cast<int>(type);
  }
}

TEST(JsonlProperty, ALogGivesTheSameFileAgain) {
  MadeUpEvents any(5);
  std::vector<LogEvent> events;
  std::vector<FeatureSnapshot> snapshots;
  for (int i = 0; i < 600; ++i) {
    events.push_back(MadeExtreme(any.Event(), &any));
    snapshots.push_back(any.Snapshot());
  }
  const testing::TemporaryDirectory directory;
  const std::string& at = directory.path();
  MakeLog(at + "/log", events, snapshots);
  ASSERT_THAT(ExportLog(at + "/log", at + "/a.jsonl", {}), testing::IsOk());
  const auto imported = ImportLog(at + "/a.jsonl", at + "/again", {.strict = true});
  ASSERT_THAT(imported, testing::IsOk());
  EXPECT_EQ(imported->events, events.size());
  EXPECT_EQ(imported->snapshots, snapshots.size());
  ASSERT_THAT(ExportLog(at + "/again", at + "/b.jsonl", {}), testing::IsOk());
  EXPECT_EQ(ReadFile(at + "/a.jsonl"), ReadFile(at + "/b.jsonl"));
  base::FileSystem* const files = base::PosixFileSystem();
  const std::vector<LogRecord> before = RecordsOfLog(files, at + "/log");
  EXPECT_TRUE(before == RecordsOfLog(files, at + "/again"));
  decision_log::RecordEncoder encoder;
  ASSERT_GE(before.size(), events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(before[i].payload, std::string(encoder.Encode(events[i]))) << i;
  }
}

// As text it would be longer than a line may be.
TEST(JsonlProperty, TheLargestRecordIsKeptToo) {
  AuditRecord audit{.actor = "a", .action = "b"};
  audit.details.push_back({"n", std::string((4 << 20) - 100, '\x01')});
  decision_log::RecordEncoder encoder;
  const LogRecord record{Stream::kDecisions, RecordType::kAudit, 1, 2,
                         std::string(encoder.Encode(LogEvent(audit)))};
  const auto line = ToJsonLine(record);
  ASSERT_THAT(line, testing::IsOk());
  EXPECT_LE(line->size(), kLineBytesMax);
  const auto back = FromJsonLine(*line);
  ASSERT_THAT(back, testing::IsOk());
  EXPECT_TRUE(*back == record);
}

TEST(JsonlProperty, WhatIsNoUtf8IsRefused) {
  decision_log::RecordEncoder encoder;
  LogRecord record{
      Stream::kDecisions, RecordType::kAudit, 1, 2,
      std::string(encoder.Encode(LogEvent(AuditRecord{.actor = "x\xff", .action = "b"})))};
  EXPECT_THAT(ToJsonLine(record), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                                    ::testing::HasSubstr("payload")));
}

}  // namespace
}  // namespace fulcrum::exchange
