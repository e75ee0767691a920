// The service as a caller meets it: in this process, over gRPC, with the real client and without.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "apps/service.h"
#include "decision_log/log_format.h"
#include "fulcrum/client.h"
#include "fulcrum/decision_log_reader.h"
#include "fulcrum/v1/decision_service.grpc.pb.h"
#include "tests/end_to_end/world.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr absl::Duration kLong = absl::Seconds(20);

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() : directory_(temporary_.path() + "/bundle") { options_.latency_budget = "1s"; }
  void TearDown() override { Stop(); }

  void Start(edge::ClockMode clock = edge::ClockMode::kWall) {
    testing::WriteBundle(directory_, options_);
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = clock;
    options.id_seed = ++seed_;
    auto service = apps::Service::Start(options);
    ASSERT_THAT(service, IsOk());
    service_ = *std::move(service);
    address_ =
        service_->port() > 0 ? absl::StrCat("127.0.0.1:", service_->port()) : options_.listen;
    channel_ = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
    stub_ = v1::DecisionService::NewStub(channel_);
    client_ = DecisionClient::Connect(address_);
    ASSERT_THAT(client_->WaitUntilServing(kLong), IsOk());
  }
  void Stop() {
    if (service_ == nullptr) return;
    EXPECT_THAT(service_->Stop(absl::Seconds(5)), IsOk());
    service_.reset();
  }

  DecisionRequest Ask(std::vector<std::string> candidates = {}, uint32_t slate_size = 1) {
    DecisionRequest request;
    request.user_id = "ann";
    request.surface = "page";
    request.candidates = std::move(candidates);
    request.slate_size = slate_size;
    return request;
  }
  Decision Decide(const DecisionRequest& request) {
    const auto decision = client_->Decide(request, kLong);
    EXPECT_THAT(decision, IsOk());
    return decision.ok() ? *decision : Decision();
  }

  std::string LogDirectory() const { return directory_ + "/data/log"; }
  std::vector<LogEntry> ReadLog() const {
    std::vector<LogEntry> entries;
    const auto reader = DecisionLogReader::Open(LogDirectory());
    EXPECT_THAT(reader, IsOk());
    LogEntry entry;
    while (reader.ok() && *(*reader)->Next(&entry)) entries.push_back(entry);
    return entries;
  }
  DecisionRecord RecordOf(DecisionId id) const {
    for (const LogEntry& entry : ReadLog()) {
      const auto* record = std::get_if<DecisionRecord>(&entry.event);
      if (record != nullptr && record->id == id) return *record;
    }
    ADD_FAILURE() << "not in the log: " << id.ToString();
    return DecisionRecord();
  }

  // Runs `fulcrum` with `arguments`.
  struct Ran {
    int exit_code = -1;
    std::string out;
  };
  Ran RunFulcrum(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), testing::BinaryPath("fulcrum"));
    const std::string output = temporary_.path() + "/out.txt";
    std::filesystem::remove(output);
    auto process = apps::ChildProcess::Start(arguments, output);
    EXPECT_THAT(process, IsOk());
    if (!process.ok()) return {};
    const auto code = process->Wait(absl::Seconds(60));
    EXPECT_THAT(code, IsOk());
    auto text = base::ReadWholeFile(base::PosixFileSystem(), output, 10 << 20);
    return {code.value_or(-1), text.value_or("")};
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_;
  testing::TestBundle options_;
  uint64_t seed_ = 0;
  std::unique_ptr<apps::Service> service_;
  std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::DecisionService::Stub> stub_;
  std::unique_ptr<DecisionClient> client_;
};

void ExpectSame(const Decision& decision, const DecisionRecord& record) {
  ASSERT_EQ(decision.actions.size(), record.positions.size());
  for (size_t i = 0; i < decision.actions.size(); ++i) {
    const PositionRecord& position = record.positions[i];
    EXPECT_EQ(decision.actions[i].action_id, position.action_id);
    Ticks ticks = position.ticks.back();  // of the neutral action
    for (size_t c = 0; c < record.candidates.size(); ++c) {
      if (record.candidates[c].action_id == position.action_id) ticks = position.ticks[c];
    }
    EXPECT_EQ(decision.actions[i].ticks, ticks);
    EXPECT_GT(ticks, 0u);
  }
}

TEST_F(ServiceTest, ADecisionIsInTheLogAsItWasAnswered) {
  Start();
  DecisionRequest request = Ask();
  request.context["hour"] = 13.0;
  for (int i = 0; i < 20; ++i) {
    request.user_id = absl::StrCat("user-", i);
    request.request_id = absl::StrCat("r-", i);
    const Decision decision = Decide(request);
    EXPECT_FALSE(decision.log_pending);
    EXPECT_EQ(decision.degradation, Degradation::kNone);
    ASSERT_EQ(decision.actions.size(), 1u);
    const DecisionRecord record = RecordOf(decision.id);  // while the service runs
    ExpectSame(decision, record);
    EXPECT_EQ(record.request_id, request.request_id);
    EXPECT_EQ(record.principal, "loopback");
    EXPECT_EQ(record.surface, "page");
    EXPECT_EQ(record.candidates.size(), 9u);
    EXPECT_EQ(record.versions.bundle, service_->bundle().version);
    EXPECT_NE(record.user_ref, UserRef{});
  }
  // The user's id itself is nowhere in what is kept of decisions.
  Stop();
  for (const auto& file : std::filesystem::recursive_directory_iterator(LogDirectory())) {
    if (!file.is_regular_file() || file.file_size() == 0) continue;
    const auto bytes =
        base::ReadWholeFile(base::PosixFileSystem(), file.path().string(), 100 << 20);
    ASSERT_THAT(bytes, IsOk());
    EXPECT_EQ(bytes->find("user-1"), std::string::npos) << file.path();
  }
}

TEST_F(ServiceTest, TheRawAnswerIsComplete) {
  Start();
  v1::DecideRequest request;
  request.set_user_id("ann");
  request.set_surface("page");
  v1::DecideResponse response;
  grpc::ClientContext context;
  const grpc::Status status = stub_->Decide(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(DecisionId::Parse(response.decision_id()), IsOk());
  ASSERT_EQ(response.actions_size(), 1);
  EXPECT_EQ(response.actions(0).position(), 1u);
  EXPECT_EQ(response.actions(0).propensity(), PropensityOf(response.actions(0).propensity_ticks()));
  EXPECT_EQ(response.actions(0).reason_codes(0), "sampled");
  EXPECT_EQ(response.signature().bundle().size(), 16u);
  EXPECT_EQ(response.signature().model(), "");
  EXPECT_FALSE(response.degraded());
  EXPECT_EQ(response.features_missing(), 10u) << "the user's row and nine items'";
  EXPECT_GT(response.timing().total().nanos(), 0);
}

TEST_F(ServiceTest, ReportsAreInTheLogUnderTheirLsn) {
  Start();
  const Decision decision = Decide(Ask());
  const absl::Time shown = absl::FromUnixMillis(1600000000123);
  const auto exposure = client_->ReportExposure(decision.id, 1, shown, kLong);
  ASSERT_THAT(exposure, IsOk());
  DecisionClient::Outcome told;
  told.decision = decision.id;
  told.outcome_id = "order-1";
  told.kind = "purchase";
  told.value = 19.5;
  told.currency = "EUR";
  const auto outcome = client_->ReportOutcome(told, kLong);
  ASSERT_THAT(outcome, IsOk());
  EXPECT_GT(*outcome, *exposure);

  int found = 0;
  for (const LogEntry& entry : ReadLog()) {
    if (entry.lsn == *exposure) {
      const auto& record = std::get<ExposureRecord>(entry.event);
      EXPECT_EQ(record.decision_id, decision.id);
      EXPECT_EQ(record.position, 1u);
      EXPECT_EQ(record.occurred_us, absl::ToUnixMicros(shown));
      ++found;
    } else if (entry.lsn == *outcome) {
      const auto& record = std::get<OutcomeRecord>(entry.event);
      EXPECT_EQ(record.decision_id, decision.id);
      EXPECT_EQ(record.outcome_id, "order-1");
      EXPECT_EQ(record.value, 19.5);
      EXPECT_EQ(record.currency, "EUR");
      ++found;
    }
  }
  EXPECT_EQ(found, 2);
}

TEST_F(ServiceTest, ErrorsNameTheField) {
  Start();
  const auto ExpectRefused = [&](const DecisionRequest& request, absl::StatusCode code,
                                 const char* what) {
    EXPECT_THAT(client_->Decide(request, kLong), StatusIs(code, HasSubstr(what)));
  };
  constexpr auto kBad = absl::StatusCode::kInvalidArgument;
  DecisionRequest request = Ask();
  request.surface = "pages";
  ExpectRefused(request, absl::StatusCode::kNotFound, "surface: the bundle has no surface 'pages'");
  request = Ask();
  request.user_id = "";
  ExpectRefused(request, kBad, "user_id: must not be empty");
  request = Ask();
  request.request_id = std::string(65, 'r');
  ExpectRefused(request, kBad, "request_id:");
  ExpectRefused(Ask({}, 4), kBad, "slate_size: 4, but surface 'page' allows 3");
  ExpectRefused(Ask({"free-9"}), kBad, "candidates: surface 'page' has no action 'free-9'");
  request = Ask();
  request.occurred_at = absl::UnixEpoch();
  ExpectRefused(request, kBad, "occurred_at:");

  EXPECT_THAT(client_->ReportExposure(DecisionId(1, 2), 0, std::nullopt, kLong),
              StatusIs(kBad, HasSubstr("position: 0 is not in 1..10")));
  EXPECT_THAT(client_->ReportOutcome({}, kLong), StatusIs(kBad, HasSubstr("outcome_id:")));
  v1::ReportExposureRequest raw;
  raw.set_decision_id("7");
  raw.set_position(1);
  v1::ReportExposureResponse response;
  grpc::ClientContext context;
  const grpc::Status status = stub_->ReportExposure(&context, raw, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), StartsWith("decision_id:"));
  for (const LogEntry& entry : ReadLog()) {
    EXPECT_FALSE(EventDecisionId(entry.event).has_value()) << "nothing of that is recorded";
  }
}

TEST_F(ServiceTest, AMessageThatIsTooLargeIsRefused) {
  Start();
  DecisionRequest request = Ask();
  request.request_id = std::string(100 << 10, 'r');
  EXPECT_THAT(client_->Decide(request, kLong),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("larger than max")));
  EXPECT_EQ(Decide(Ask()).actions.size(), 1u);
}

TEST_F(ServiceTest, UnderTheRequestClockRequestsBringTheirTime) {
  Start(edge::ClockMode::kRequest);
  EXPECT_THAT(client_->Decide(Ask(), kLong),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("occurred_at: required"), HasSubstr("--clock request"))));
  DecisionRequest request = Ask();
  request.occurred_at = absl::FromUnixMillis(1574553600250);
  const DecisionRecord record = RecordOf(Decide(request).id);
  EXPECT_EQ(record.occurred_us, 1574553600250000);
}

TEST_F(ServiceTest, UnknownContextIsCountedNotRefused) {
  Start();
  DecisionRequest request = Ask();
  request.context["hour"] = "noon";
  request.context["weather"] = "rain";
  EXPECT_EQ(Decide(request).degradation, Degradation::kNone);
  EXPECT_THAT(service_->metrics().Text(), HasSubstr("fulcrum_context_keys_dropped_total 2\n"));
}

TEST_F(ServiceTest, ASlateHoldsEachActionOnceAndEndsWithTheNeutralOne) {
  Start();
  size_t longest = 0;
  for (int i = 0; i < 60; ++i) {
    const Decision decision = Decide(Ask({}, 3));
    ExpectSame(decision, RecordOf(decision.id));
    std::vector<std::string> ids;
    for (const DecidedAction& action : decision.actions) ids.push_back(action.action_id);
    longest = std::max(longest, ids.size());
    if (ids.size() < 3) {
      EXPECT_EQ(ids.back(), kNeutralActionId);
    }
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end()) << "an action twice in a slate";
  }
  EXPECT_EQ(longest, 3u);
}

int64_t SpentIn(const std::vector<LogEntry>& log, const std::string& row) {
  int64_t spent = 0;
  for (const LogEntry& entry : log) {
    const auto* record = std::get_if<DecisionRecord>(&entry.event);
    if (record == nullptr) continue;
    for (const PositionRecord& position : record->positions) {
      for (const Debit& debit : position.debits) spent += debit.row == row ? debit.amount : 0;
    }
  }
  return spent;
}

TEST_F(ServiceTest, ARestartRemembersWhatWasSpent) {
  options_.day_budget = 10'000'000;
  Start(edge::ClockMode::kRequest);
  DecisionRequest request = Ask({"paid-1", "paid-2", "paid-3"});
  request.occurred_at = absl::FromUnixSeconds(1574553600);
  while (SpentIn(ReadLog(), "paid-day") < 6'000'000) {
    ASSERT_EQ(Decide(request).degradation, Degradation::kNone);
  }
  const int64_t before = SpentIn(ReadLog(), "paid-day");
  ASSERT_LT(before, options_.day_budget);
  const size_t decisions_before = ReadLog().size();
  Stop();
  Start(edge::ClockMode::kRequest);

  // The rest is there, and no more than the rest.
  Decision decision = Decide(request);
  for (int i = 0; i < 200 && decision.degradation == Degradation::kNone; ++i) {
    decision = Decide(request);
  }
  EXPECT_EQ(decision.degradation, Degradation::kNoCandidate);
  EXPECT_EQ(decision.actions[0].action_id, kNeutralActionId);
  EXPECT_EQ(SpentIn(ReadLog(), "paid-day"), options_.day_budget);
  const DecisionRecord record = RecordOf(decision.id);
  for (const CandidateRecord& candidate : record.candidates) {
    EXPECT_EQ(candidate.mask, MaskReason::kNoHold);
  }
  // LSNs go on where they were.
  const auto log = ReadLog();
  ASSERT_GT(log.size(), decisions_before);
  for (size_t i = 0; i < log.size(); ++i) EXPECT_EQ(log[i].lsn, i + 1);
  // Another day has its own budget.
  request.occurred_at = *request.occurred_at + absl::Hours(24);
  EXPECT_EQ(Decide(request).degradation, Degradation::kNone);
}

TEST_F(ServiceTest, ACapPerUserOutlivesARestart) {
  options_.cap = 2;
  Start(edge::ClockMode::kRequest);
  DecisionRequest request = Ask({"capped-1"});
  request.occurred_at = absl::FromUnixSeconds(1574553600);
  const auto Shown = [&](int calls) {
    int shown = 0;
    for (int i = 0; i < calls; ++i) {
      shown += Decide(request).actions[0].action_id == "capped-1" ? 1 : 0;
    }
    return shown;
  };
  while (Shown(1) == 0) {
  }
  Stop();
  Start(edge::ClockMode::kRequest);
  EXPECT_EQ(Shown(60), 1);
  request.user_id = "bob";
  EXPECT_EQ(Shown(60), 2);
}

TEST_F(ServiceTest, MetricsTellOfDecisionsStagesBudgetsAndTheLog) {
  Start();
  for (int i = 0; i < 30; ++i) Decide(Ask({"paid-1", "paid-2"}));
  const int64_t spent = SpentIn(ReadLog(), "paid-day");
  EXPECT_GT(spent, 0);
  // The log may be told of the service at any time: what is between two equal looks is its length.
  size_t records = 0;
  std::string text;
  do {
    records = ReadLog().size();
    text = service_->metrics().Text();
  } while (records != ReadLog().size());
  EXPECT_GT(records, 30u);
  EXPECT_THAT(
      text, HasSubstr(R"(fulcrum_decisions_total{answer="full",reason="none",surface="page"} 30)"));
  for (const char* stage : {"edge", "features", "scoring", "orchestration", "log", "total"}) {
    EXPECT_THAT(text,
                HasSubstr(absl::StrCat("fulcrum_decision_stage_duration_seconds_count{stage=\"",
                                       stage, "\"} 30\n")));
  }
  EXPECT_THAT(text, HasSubstr("fulcrum_budget_limit{row=\"paid-day\"} 40000000\n"));
  EXPECT_THAT(text,
              HasSubstr(absl::StrCat("fulcrum_budget_spent{row=\"paid-day\"} ", spent, "\n")));
  EXPECT_THAT(text, HasSubstr("fulcrum_budget_held{row=\"paid-day\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("fulcrum_log_last_lsn ", records, "\n")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("fulcrum_log_appended_records_total ", records, "\n")));
  EXPECT_THAT(text, HasSubstr("fulcrum_log_healthy 1\n"));
  EXPECT_THAT(text, HasSubstr("fulcrum_feature_rows_total{state=\"missing\"} "));
  EXPECT_GT(service_->metrics_port(), 0);
}

TEST_F(ServiceTest, ListensOnAUnixSocket) {
  options_.listen = absl::StrCat("unix:", temporary_.path(), "/fulcrum.sock");
  Start();
  EXPECT_EQ(service_->port(), 0);
  const Decision decision = Decide(Ask());
  EXPECT_EQ(RecordOf(decision.id).principal, "loopback");
}

TEST_F(ServiceTest, ASecondServiceOnTheSameDataIsRefused) {
  Start();
  apps::ServiceOptions options;
  options.bundle_directory = directory_;
  EXPECT_THAT(apps::Service::Start(options).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("data/")));
  EXPECT_EQ(Decide(Ask()).degradation, Degradation::kNone);
}

// One call of a service whose messages this build does not have, bytes to bytes.
class RawStream {
 public:
  RawStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& method)
      : stub_(channel) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stream_ = stub_.PrepareCall(&context_, method, &queue_);
    stream_->StartCall(this);
    Wait();
  }
  ~RawStream() {
    context_.TryCancel();
    grpc::Status status;
    stream_->Finish(&status, this);
    Wait();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  void Write(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    stream_->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), this);
    Wait();
  }
  std::string Read() {
    grpc::ByteBuffer buffer;
    stream_->Read(&buffer, this);
    if (!Wait()) return "the stream has ended";
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(buffer.Dump(&slices).ok());
    std::string bytes;
    for (const grpc::Slice& slice : slices) {
      bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return bytes;
  }

 private:
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

// HealthCheckRequest{service} and HealthCheckResponse{status}, each with one field of number 1.
std::string HealthRequest(const std::string& service) {
  return std::string("\x0a") + static_cast<char>(service.size()) + service;
}
const char kServing[] = "\x08\x01";
const char kNotServing[] = "\x08\x02";

TEST_F(ServiceTest, HealthTurnsToNotServingOnDrain) {
  Start();
  for (const char* service : {"", "fulcrum.v1.DecisionService"}) {
    RawStream check(channel_, "/grpc.health.v1.Health/Check");
    check.Write(HealthRequest(service));
    EXPECT_EQ(check.Read(), kServing) << service;
  }
  std::thread drain;
  {
    RawStream watch(channel_, "/grpc.health.v1.Health/Watch");
    watch.Write(HealthRequest("fulcrum.v1.DecisionService"));
    EXPECT_EQ(watch.Read(), kServing);
    drain = std::thread([this] { EXPECT_THAT(service_->Stop(absl::Seconds(20)), IsOk()); });
    EXPECT_EQ(watch.Read(), kNotServing);
  }
  drain.join();
  EXPECT_THAT(client_->Decide(Ask(), kLong).status(),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
}

TEST_F(ServiceTest, ReflectionListsTheService) {
  Start();
  RawStream reflection(channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  reflection.Write(std::string("\x3a\x00", 2));  // ServerReflectionRequest{list_services: ""}
  EXPECT_THAT(reflection.Read(),
              AllOf(HasSubstr("fulcrum.v1.DecisionService"), HasSubstr("grpc.health.v1.Health")));
}

TEST_F(ServiceTest, ReflectionCanBeTurnedOff) {
  options_.reflection = false;
  Start();
  RawStream reflection(channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  reflection.Write(std::string("\x3a\x00", 2));
  EXPECT_EQ(reflection.Read(), "the stream has ended");
  RawStream check(channel_, "/grpc.health.v1.Health/Check");
  check.Write(HealthRequest(""));
  EXPECT_EQ(check.Read(), kServing);
}

TEST_F(ServiceTest, TheCommandsWorkAgainstIt) {
  Start();
  const Ran decided =
      RunFulcrum({"decide", "--server", address_, "--surface", "page", "--user", "ann", "--context",
                  "hour=13", "--candidate", "free-1", "--slate", "2"});
  EXPECT_EQ(decided.exit_code, 0) << decided.out;
  EXPECT_THAT(decided.out, AllOf(StartsWith("decision  "), HasSubstr("propensity "),
                                 HasSubstr("degraded  none"), HasSubstr("time      ")));
  ASSERT_GE(decided.out.size(), 46u);
  const std::string id = decided.out.substr(10, 36);
  const auto parsed = DecisionId::Parse(id);
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(RecordOf(*parsed).candidates.size(), 1u);

  const Ran refused =
      RunFulcrum({"decide", "--server", address_, "--surface", "pages", "--user", "ann"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.out, HasSubstr("fulcrum decide: surface: the bundle has no surface 'pages'"));

  ASSERT_THAT(client_->ReportExposure(*parsed, 1, std::nullopt, kLong), IsOk());
  Decide(Ask());
  const Ran cat = RunFulcrum({"log", "cat", LogDirectory(), "--decision", id});
  EXPECT_EQ(cat.exit_code, 0) << cat.out;
  EXPECT_EQ(std::count(cat.out.begin(), cat.out.end(), '\n'), 2) << cat.out;
  EXPECT_THAT(cat.out, AllOf(HasSubstr("decision"), HasSubstr("exposure"), HasSubstr(id)));

  Stop();
  const Ran verified = RunFulcrum({"log", "verify", LogDirectory(), "--json"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
  const std::string records = absl::StrCat("\"records\":", ReadLog().size(), ",");
  EXPECT_THAT(verified.out, AllOf(HasSubstr(records), HasSubstr("\"corrupt\":[]"),
                                  HasSubstr("{\"name\":\"draw_matches\",\"checked\":")));
}

// `fulcrum log verify` names the place of one flipped byte.
class FlippedByte : public ServiceTest {
 protected:
  // A stopped service's log with five decisions.
  void SetUp() override {
    Start();
    for (int i = 0; i < 5; ++i) Decide(Ask());
    Stop();
    const Ran sound = RunFulcrum({"log", "verify", LogDirectory()});
    ASSERT_EQ(sound.exit_code, 0) << sound.out;
  }
  std::string Segment(const std::string& stream) const {
    return stream + "/" + decision_log::SegmentName(1);
  }
  // Where the record with `lsn` starts.
  uint64_t OffsetOf(const std::string& stream, Lsn lsn) const {
    const std::string bytes = Bytes(stream);
    uint64_t offset = decision_log::kSegmentHeaderBytes;
    while (offset + decision_log::kRecordHeaderBytes <= bytes.size()) {
      const auto header = decision_log::DecodeRecordHeader(std::string_view(bytes).substr(offset));
      if (header.lsn == lsn && header.type != decision_log::RecordType::kMark) return offset;
      offset += decision_log::RecordBytes(header.payload_bytes);
    }
    ADD_FAILURE() << "no record " << lsn;
    return 0;
  }
  std::string Bytes(const std::string& stream) const {
    return base::ReadWholeFile(base::PosixFileSystem(), LogDirectory() + "/" + Segment(stream),
                               100 << 20)
        .value_or("");
  }
  void Flip(const std::string& stream, uint64_t offset) const {
    const auto byte = static_cast<char>(Bytes(stream)[offset] ^ 0x20);
    std::fstream file(LogDirectory() + "/" + Segment(stream),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
  }
  void ExpectReported(const std::string& stream, uint64_t record, Lsn lsn) const {
    const Ran text = RunFulcrum({"log", "verify", LogDirectory()});
    EXPECT_EQ(text.exit_code, 1);
    EXPECT_THAT(text.out, AllOf(HasSubstr(absl::StrCat("log segment ", Segment(stream), ", offset ",
                                                       record, ", LSN ", lsn)),
                                HasSubstr("NOT CLEAN")));
    const Ran json = RunFulcrum({"log", "verify", LogDirectory(), "--json"});
    EXPECT_EQ(json.exit_code, 1);
    EXPECT_THAT(json.out, HasSubstr(absl::StrCat("\"segment\":\"", Segment(stream),
                                                 "\",\"offset\":", record, ",\"lsn\":", lsn)));
  }
};

TEST_F(FlippedByte, InARecordsHeader) {
  const uint64_t record = OffsetOf("decisions", 3);
  Flip("decisions", record + 24);
  ExpectReported("decisions", record, 3);
}

TEST_F(FlippedByte, InAPayload) {
  const uint64_t record = OffsetOf("decisions", 4);
  Flip("decisions", record + decision_log::kRecordHeaderBytes + 30);
  ExpectReported("decisions", record, 4);
}

TEST_F(FlippedByte, InTheFeaturesStream) {
  // No model, no snapshots: the stream holds marks alone, which are as protected.
  const uint64_t record = decision_log::kSegmentHeaderBytes;
  Flip("features", record + decision_log::kRecordHeaderBytes);
  const Ran text = RunFulcrum({"log", "verify", LogDirectory()});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, AllOf(HasSubstr(absl::StrCat("log segment ", Segment("features"),
                                                     ", offset ", record, ", LSN ")),
                              HasSubstr("NOT CLEAN")));
}

}  // namespace
}  // namespace fulcrum
