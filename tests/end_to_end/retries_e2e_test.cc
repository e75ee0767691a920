// Decide is idempotent, as a caller meets it over gRPC.
#include <filesystem>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "apps/service.h"
#include "fulcrum/client.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(20);

class Retries : public testing::ServiceFixture {
 protected:
  Retries() : directory_(temporary_.path() + "/bundle") {}
  void Start(base::FileSystem* files = base::PosixFileSystem()) {
    testing::WriteBundle(directory_, options_);
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.id_seed = ++seed_;
    options.files = files;
    StartService(options);
  }
  static DecisionRequest Named(const std::string& request_id) {
    DecisionRequest request;
    request.request_id = request_id;
    request.user_id = "ann";
    request.surface = "page";
    request.candidates = {"paid-1", "paid-2", "free-1"};
    request.context["hour"] = 13.0;
    request.slate_size = 2;
    return request;
  }
  Decision Decide(const DecisionRequest& request) {
    const auto decision = client_->Decide(request, kLong);
    EXPECT_THAT(decision, IsOk());
    return decision.value_or(Decision());
  }
  std::vector<DecisionRecord> Decisions() const {
    std::vector<DecisionRecord> records;
    const auto reader = DecisionLogReader::Open(directory_ + "/data/log");
    EXPECT_THAT(reader, IsOk());
    LogEntry entry;
    while (reader.ok() && *(*reader)->Next(&entry)) {
      if (auto* record = std::get_if<DecisionRecord>(&entry.event)) records.push_back(*record);
    }
    return records;
  }
  static void ExpectSame(const Decision& a, const Decision& b) {
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.degradation, b.degradation);
    EXPECT_EQ(a.log_pending, b.log_pending);
    ASSERT_EQ(a.actions.size(), b.actions.size());
    for (size_t i = 0; i < a.actions.size(); ++i) {
      EXPECT_EQ(a.actions[i].action_id, b.actions[i].action_id);
      EXPECT_EQ(a.actions[i].ticks, b.actions[i].ticks);
      EXPECT_EQ(a.actions[i].score, b.actions[i].score);
      EXPECT_EQ(a.actions[i].uplift, b.actions[i].uplift);
    }
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_;
  testing::TestBundle options_;
  uint64_t seed_ = 0;
};

TEST_F(Retries, GetTheSameAnswerBeforeAndAfterARestart) {
  Start();
  std::vector<Decision> first;
  for (int i = 0; i < 20; ++i) first.push_back(Decide(Named(absl::StrCat("r-", i))));
  for (int i = 0; i < 20; ++i) {
    ExpectSame(Decide(Named(absl::StrCat("r-", i))), first[static_cast<size_t>(i)]);
  }
  EXPECT_EQ(Decisions().size(), 20u);
  Stop();
  Start();
  for (int i = 0; i < 20; ++i) {
    ExpectSame(Decide(Named(absl::StrCat("r-", i))), first[static_cast<size_t>(i)]);
  }
  EXPECT_EQ(Decisions().size(), 20u);
  Decide(Named("new"));
  EXPECT_EQ(Decisions().size(), 21u);
  EXPECT_THAT(service_->metrics().Text(),
              AllOf(HasSubstr("fulcrum_repeated_requests_total{result=\"answered\"} 20\n"),
                    HasSubstr("fulcrum_requests_remembered 21\n")));
}

TEST_F(Retries, TenAtOnceAreOneDecision) {
  Start();
  constexpr size_t kClients = 10;
  std::vector<Decision> decisions(kClients);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kClients; ++i) {
    threads.emplace_back([&, i] {
      const auto client = DecisionClient::Connect(absl::StrCat("127.0.0.1:", service_->port()));
      auto decision = client->Decide(Named("r-1"), kLong);
      // Of ten connections that are opened at once gRPC loses one now and then ("failed to
      // connect"); asking again is what a request_id is for.
      for (int again = 0; again < 3 && absl::IsUnavailable(decision.status()); ++again) {
        decision = client->Decide(Named("r-1"), kLong);
      }
      ASSERT_THAT(decision, IsOk());
      decisions[i] = *decision;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Decision& decision : decisions) ExpectSame(decision, decisions[0]);
  EXPECT_EQ(Decisions().size(), 1u);
}

TEST_F(Retries, AnotherRequestUnderAUsedIdIsRefused) {
  Start();
  const Decision first = Decide(Named("r-1"));
  DecisionRequest other = Named("r-1");
  other.context["hour"] = 14.0;
  other.candidates = {"paid-1"};
  const auto expect_refused = [&] {
    EXPECT_THAT(client_->Decide(other, kLong),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("request_id: 'r-1'"), HasSubstr("context, candidates"))));
  };
  expect_refused();
  Stop();
  Start();
  expect_refused();
  ExpectSame(Decide(Named("r-1")), first);
  EXPECT_EQ(Decisions().size(), 1u);
}

TEST_F(Retries, ARequestThatIsRefusedMayBeCorrectedUnderItsId) {
  Start();
  DecisionRequest request = Named("r-1");
  request.candidates = {"gone"};
  EXPECT_THAT(client_->Decide(request, kLong),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("gone")));
  EXPECT_EQ(Decide(Named("r-1")).degradation, Degradation::kNone);
}

// Whatever the archive does, the service serves; its records say how far they can be replayed.
TEST_F(Retries, ArchivedArtefactsMakeRecordsReplayable) {
  Start();
  Decide(Named("r-1"));
  EXPECT_EQ(Decisions().back().replayable, Replayable::kFull);
  Stop();
  std::filesystem::remove_all(directory_ + "/data/artefacts");
  testing::FaultyFileSystem files;
  files.AddFault({.operation = testing::FileOperation::kOpen,
                  .path_contains = "/artefacts/",
                  .sticky = true,
                  .fault = testing::FileFault::kNoSpace});
  Start(&files);
  Decide(Named("r-2"));
  const DecisionRecord record = Decisions().back();
  EXPECT_EQ(record.replayable, Replayable::kSelection);
  EXPECT_EQ(record.replayable_reason, "artefacts not archived");
  Stop();
}

}  // namespace
}  // namespace fulcrum
