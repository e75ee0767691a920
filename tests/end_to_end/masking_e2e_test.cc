// A service with masking rules: what they name is in no byte of what it leaves behind, and what the
// log is for still works.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "apps/service.h"
#include "decision_log/stream_reader.h"
#include "fulcrum/client.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/verify.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"
#include "tests/support/test_model.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr absl::Duration kLong = absl::Seconds(20);
constexpr int kDecisions = 25;

constexpr char kRules[] =
    "masking: {salt_file: ../salt, rules: ["
    "{name: hours, fields: [context.hour], action: drop},"
    "{name: ids, fields: [request_id, context_hash], action: hash},"
    "{name: mails, fields: [outcome_id], action: hash, pattern: '[^ @]+@[^ @]+'},"
    "{name: kinds, fields: [outcome_kind], action: replace, pattern: ':.*', replacement: ''}]}";

// A number that no other part of a log holds by chance.
double SecretHour(int number) {
  return 13.37 + 0x1.23456789abcp-4 * (number + 1);
}
std::string SecretMail(int number) {
  return absl::StrCat("ann-", number, "@example.org");
}

class MaskingTest : public testing::ServiceFixture {
 protected:
  MaskingTest() : directory_(temporary_.path() + "/bundle") {
    std::ofstream(temporary_.path() + "/salt") << "a secret of more than sixteen bytes";
  }
  void Start(const std::string& log_fields) {
    testing::TestBundle bundle;
    bundle.log_fields = log_fields;
    testing::WriteBundle(directory_, bundle);
    testing::AddTestModel(directory_);
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.id_seed = ++seed_;
    StartService(options);
  }

  Decision Decide(int number) {
    DecisionRequest request;
    request.request_id = SecretMail(number);
    request.user_id = "bob";
    request.surface = "page";
    request.context["hour"] = SecretHour(number);
    const auto decision = client_->Decide(request, kLong);
    EXPECT_THAT(decision, IsOk());
    return decision.value_or(Decision());
  }
  void Report(const Decision& decision, int number) {
    DecisionClient::Outcome outcome;
    outcome.decision = decision.id;
    outcome.position = 1;
    outcome.outcome_id = "order of " + SecretMail(number);
    outcome.kind = "click";
    ASSERT_THAT(client_->ReportOutcome(outcome, kLong), IsOk());
    outcome.kind = "view:" + SecretMail(number);
    ASSERT_THAT(client_->ReportOutcome(outcome, kLong), IsOk());
  }
  std::vector<Decision> Run() {
    std::vector<Decision> decisions;
    for (int i = 0; i < kDecisions; ++i) {
      decisions.push_back(Decide(i));
      Report(decisions.back(), i);
    }
    return decisions;
  }

  std::string Log() const { return directory_ + "/data/log"; }

  // All bytes of the files that follow from decisions, as they are.
  std::string RawBytes() const {
    std::string bytes;
    for (const char* folder : {"log", "ledger", "snapshots", "artefacts"}) {
      const auto files =
          std::filesystem::recursive_directory_iterator(absl::StrCat(directory_, "/data/", folder));
      for (const auto& file : files) {
        if (!file.is_regular_file()) continue;
        std::ifstream stream(file.path(), std::ios::binary);
        bytes.append(std::istreambuf_iterator<char>(stream), {});
      }
    }
    return bytes;
  }
  // The payloads of both streams, as a reader gets them.
  std::string Payloads() const {
    std::string bytes;
    for (const auto stream : {decision_log::Stream::kDecisions, decision_log::Stream::kFeatures}) {
      auto reader =
          decision_log::StreamReader::Open(base::PosixFileSystem(), Log(), stream, /*after=*/0);
      EXPECT_THAT(reader, IsOk());
      decision_log::RecordView record;
      while (reader.ok() && (*reader)->Next(&record).value() == decision_log::Found::kRecord) {
        bytes.append(record.payload);
      }
    }
    return bytes;
  }
  static int SecretsIn(const std::string& bytes) {
    int found = 0;
    for (int i = 0; i < kDecisions; ++i) {
      const double hour = SecretHour(i);
      std::string bits(sizeof(hour), '\0');
      std::memcpy(bits.data(), &hour, sizeof(hour));
      for (const std::string& secret : {bits, SecretMail(i)}) {
        found += bytes.find(secret) != std::string::npos ? 1 : 0;
      }
    }
    return found;
  }
  std::vector<LogEvent> Events() const {
    std::vector<LogEvent> events;
    const auto reader = DecisionLogReader::Open(Log());
    EXPECT_THAT(reader, IsOk());
    LogEntry entry;
    while (reader.ok() && *(*reader)->Next(&entry)) events.push_back(entry.event);
    return events;
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_;
  uint64_t seed_ = 0;
};

// That they would be found proves the other tests.
TEST_F(MaskingTest, WithoutRulesTheSecretsAreInTheLog) {
  Start("compression: none");
  Run();
  Stop();
  EXPECT_EQ(SecretsIn(RawBytes()), 2 * kDecisions);
  EXPECT_EQ(SecretsIn(Payloads()), 2 * kDecisions);
}

TEST_F(MaskingTest, NoSecretIsInAnyByteOfAMaskedLog) {
  for (const char* compression : {"compression: none, ", "compression: zstd, "}) {
    std::filesystem::remove_all(directory_);
    Start(absl::StrCat(compression, kRules));
    Run();
    Stop();
    EXPECT_EQ(SecretsIn(RawBytes()), 0) << compression;
    EXPECT_EQ(SecretsIn(Payloads()), 0) << compression;
  }
}

TEST_F(MaskingTest, RecordsSayWhatMaskedThemAndReplayAsFarAsTheySay) {
  Start(kRules);
  Run();
  EXPECT_THAT(service_->metrics().Text(),
              AllOf(HasSubstr(absl::StrCat("fulcrum_log_masked_records_total{rule=\"hours\"} ",
                                           kDecisions, "\n")),
                    HasSubstr(absl::StrCat("fulcrum_log_masked_records_total{rule=\"mails\"} ",
                                           2 * kDecisions, "\n")),
                    HasSubstr("fulcrum_log_masking_failures_total{rule=\"mails\"} 0\n"),
                    HasSubstr("fulcrum_log_detail_records_total{detail=\"withheld\"} 0\n")));
  Stop();
  int decisions = 0;
  int views = 0;
  for (const LogEvent& event : Events()) {
    if (const auto* outcome = std::get_if<OutcomeRecord>(&event)) {
      views += outcome->kind == "view" ? 1 : 0;
      EXPECT_THAT(outcome->outcome_id, HasSubstr("order of "));
    }
    const auto* record = std::get_if<DecisionRecord>(&event);
    if (record == nullptr) continue;
    ++decisions;
    EXPECT_THAT(record->redacted, ElementsAre("hours", "ids"));
    EXPECT_EQ(record->replayable, Replayable::kSelection);
    EXPECT_EQ(record->replayable_reason, "model inputs masked by hours");
  }
  EXPECT_EQ(decisions, kDecisions);
  EXPECT_EQ(views, kDecisions);
  const auto report = replay::VerifyReplay(base::PosixFileSystem(), Log(), {});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->selection_identical, static_cast<uint64_t>(kDecisions));
  EXPECT_EQ(report->different, 0u);
  EXPECT_EQ(report->full_identical, 0u);
  ASSERT_EQ(report->full_not_replayed.size(), 1u);
  EXPECT_EQ(report->full_not_replayed.begin()->first,
            "the record says so: model inputs masked by hours");
}

// The index of repeated requests and the fold of outcomes know only what the log knows.
TEST_F(MaskingTest, RepeatsAreRecognisedBeforeAndAfterARestart) {
  Start(kRules);
  const std::vector<Decision> first = Run();
  for (int i = 0; i < kDecisions; ++i) EXPECT_EQ(Decide(i).id, first[static_cast<size_t>(i)].id);
  Stop();
  Start(kRules);
  for (int i = 0; i < kDecisions; ++i) {
    EXPECT_EQ(Decide(i).id, first[static_cast<size_t>(i)].id);
    Report(first[static_cast<size_t>(i)], i);
  }
  // The same request_id with another context is another request still.
  DecisionRequest other;
  other.request_id = SecretMail(0);
  other.user_id = "bob";
  other.surface = "page";
  other.context["hour"] = 1.0;
  EXPECT_THAT(client_->Decide(other, kLong),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another context")));
  Stop();
  int decisions = 0;
  for (const LogEvent& event : Events()) {
    decisions += std::holds_alternative<DecisionRecord>(event) ? 1 : 0;
  }
  EXPECT_EQ(decisions, kDecisions);
}

// A rule that cannot be applied costs the detail, never the decision.
TEST_F(MaskingTest, AFailedRuleWithholdsTheDetailAndIsCounted) {
  Start(
      "compression: none, masking: {salt_file: ../salt, rules: ["
      "{name: letters, fields: [request_id], action: hash, pattern: '[a-z]'}]}");
  const Decision decision = Decide(7);
  EXPECT_THAT(decision.actions, Not(IsEmpty()));
  EXPECT_THAT(service_->metrics().Text(),
              AllOf(HasSubstr("fulcrum_log_detail_records_total{detail=\"withheld\"} 1\n"),
                    HasSubstr("fulcrum_log_masking_failures_total{rule=\"letters\"} 1\n")));
  EXPECT_EQ(Decide(7).id, decision.id);
  Stop();
  Start("");
  int withheld = 0;
  for (const LogEvent& event : Events()) {
    const auto* record = std::get_if<DecisionRecord>(&event);
    if (record == nullptr) continue;
    ++withheld;
    EXPECT_EQ(record->id, decision.id);
    EXPECT_EQ(record->detail, Detail::kWithheld);
    EXPECT_THAT(record->candidates, IsEmpty());
    EXPECT_EQ(record->positions[0].drawn_ticks, decision.actions[0].ticks);
    EXPECT_EQ(record->replayable_reason, "masking rule letters failed");
  }
  EXPECT_EQ(withheld, 1);
  EXPECT_EQ(RawBytes().find(SecretMail(7)), std::string::npos);
}

TEST_F(MaskingTest, WithoutItsSaltTheServiceDoesNotStart) {
  std::filesystem::remove(temporary_.path() + "/salt");
  testing::TestBundle bundle;
  bundle.log_fields = kRules;
  testing::WriteBundle(directory_, bundle);
  apps::ServiceOptions options;
  options.bundle_directory = directory_;
  EXPECT_THAT(apps::Service::Start(options).status(),
              testing::StatusIs(absl::StatusCode::kNotFound,
                                HasSubstr("log.masking.salt_file needs 16 to 4096 secret bytes")));
}

}  // namespace
}  // namespace fulcrum
