// Operators' changes through the whole service: in force when the call returns, after a restart, in
// the log, and in its replay.
#include <chrono>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "config/loader.h"
#include "decision_log/verify.h"
#include "evaluation/log_rows.h"
#include "features/feature_store.h"
#include "fulcrum/decision_log_reader.h"
#include "fulcrum/operator_client.h"
#include "replay/verify.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"
#include "tests/support/test_model.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(20);
constexpr absl::Duration kForever = absl::InfiniteDuration();
const SwitchTarget kFree{SwitchKind::kCampaign, "free"};
const SwitchTarget kAll{SwitchKind::kAll, ""};

class OperationsTest : public testing::ServiceFixture {
 protected:
  void SetUp() override {
    testing::TestBundle bundle;
    bundle.page_fields =
        "  - id: other\n    campaigns: [free]\n    latency_budget: 1s\n    fallback_action: "
        "free-1\n";
    testing::WriteBundle(directory_, bundle);
    Start();
  }
  void Start() {
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.id_seed = 5;
    StartService(options);
    operators_ = OperatorClient::Connect(absl::StrCat("127.0.0.1:", service_->port()));
  }
  void Restart() {
    Stop();
    Start();
  }
  Decision Ask(const std::string& surface = "page") {
    DecisionRequest request;
    request.user_id = absl::StrCat("user-", ++asked_);
    request.surface = surface;
    const auto decision = client_->Decide(request, kLong);
    EXPECT_THAT(decision, IsOk());
    return decision.ok() ? *decision : Decision();
  }
  // What is shown in a number of decisions.
  std::set<std::string> Shown(int decisions = 60) {
    std::set<std::string> shown;
    for (int i = 0; i < decisions; ++i) shown.insert(Ask().actions.at(0).action_id);
    return shown;
  }
  static bool AnyFree(const std::set<std::string>& shown) {
    return shown.contains("free-1") || shown.contains("free-2") || shown.contains("free-3");
  }
  std::vector<std::string> Audits() {
    std::vector<std::string> found;
    const auto reader = DecisionLogReader::Open(directory_ + "/data/log");
    EXPECT_THAT(reader, IsOk());
    LogEntry entry;
    while (*(*reader)->Next(&entry)) {
      const auto* const record = std::get_if<AuditRecord>(&entry.event);
      if (record == nullptr || !record->action.starts_with("operator.")) continue;
      found.push_back(absl::StrCat(record->actor, " ", record->action, " ", record->target, " ",
                                   record->details.at(0).value));
    }
    return found;
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
  std::unique_ptr<OperatorClient> operators_;
  int asked_ = 0;
};

TEST_F(OperationsTest, APausedCampaignIsNeverShownUntilItIsResumed) {
  EXPECT_TRUE(AnyFree(Shown()));
  ASSERT_THAT(operators_->Pause(kFree, "bad prices", kForever, kLong), IsOk());
  EXPECT_FALSE(AnyFree(Shown()));
  Restart();
  EXPECT_FALSE(AnyFree(Shown()));
  const auto paused = operators_->Paused(kLong);
  ASSERT_THAT(paused, IsOk());
  ASSERT_EQ(paused->size(), 1u);
  EXPECT_EQ(paused->at(0).target, kFree);
  EXPECT_EQ(paused->at(0).reason, "bad prices");
  EXPECT_EQ(paused->at(0).paused_by, "loopback");
  EXPECT_EQ(paused->at(0).until, absl::InfiniteFuture());
  EXPECT_THAT(service_->metrics().Text(), HasSubstr("fulcrum_switches{kind=\"campaign\"} 1\n"));
  ASSERT_THAT(operators_->Resume(kFree, "corrected", kLong), IsOk());
  EXPECT_TRUE(AnyFree(Shown()));
  Restart();
  EXPECT_TRUE(AnyFree(Shown()));
  Stop();

  EXPECT_THAT(Audits(), ::testing::ElementsAre("loopback operator.pause campaign:free bad prices",
                                               "loopback operator.resume campaign:free corrected"));
  const auto report = replay::VerifyReplay(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->decisions, 300u);
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->full_identical, report->decisions);
}

TEST_F(OperationsTest, SurfacesAndAllAnswerWithNothing) {
  ASSERT_THAT(operators_->Pause({SwitchKind::kSurface, "other"}, "layout broken", kForever, kLong),
              IsOk());
  const Decision other = Ask("other");
  EXPECT_EQ(other.actions.at(0).action_id, kNeutralActionId);
  EXPECT_EQ(other.degradation, Degradation::kPaused);
  EXPECT_FALSE(other.log_pending);
  EXPECT_EQ(Ask("page").degradation, Degradation::kNone);
  ASSERT_THAT(operators_->Pause(kAll, "incident", kForever, kLong), IsOk());
  EXPECT_EQ(Ask("page").degradation, Degradation::kPaused);
  ASSERT_THAT(operators_->Resume(kAll, "over", kLong), IsOk());
  EXPECT_EQ(Ask("page").degradation, Degradation::kNone);
  EXPECT_EQ(Ask("other").degradation, Degradation::kPaused) << "its own pause holds";
  Stop();
  const auto report = decision_log::VerifyLog(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->clean());
  evaluation::LogRowsOptions options;
  options.surface = "other";
  const auto rows = evaluation::ReadLogRows(directory_ + "/data/log", options);
  ASSERT_THAT(rows, IsOk());
  EXPECT_EQ(rows->excluded.at("paused"), 2u);
  EXPECT_EQ(rows->fallbacks, 0u);
}

TEST_F(OperationsTest, ALimitIsRaisedAndCutWhileItIsSpent) {
  const auto spent = [&] {
    for (const auto& row : service_->ledger().Status(absl::Now())) {
      if (row.row == "paid-total") return row.spent;
    }
    return int64_t{-1};
  };
  // For nothing but what costs 1 to 3 units of a million each.
  const auto ask = [&](int decisions) {
    for (int i = 0; i < decisions; ++i) {
      DecisionRequest request;
      request.user_id = absl::StrCat("user-", ++asked_);
      request.surface = "page";
      request.candidates = {"paid-1", "paid-2", "paid-3"};
      ASSERT_THAT(client_->Decide(request, kLong), IsOk());
    }
  };
  ASSERT_THAT(operators_->SetBudget("paid-total", 5'000'000, "a slow start", kLong), IsOk());
  ask(30);
  EXPECT_GT(spent(), 1'000'000);
  EXPECT_LE(spent(), 5'000'000);
  const int64_t before = spent();
  ASSERT_THAT(operators_->SetBudget("paid-total", 12'000'000, "goes well", kLong), IsOk());
  ask(30);
  EXPECT_GT(spent(), before);
  EXPECT_LE(spent(), 12'000'000);
  ASSERT_THAT(operators_->SetBudget("paid-total", 1'000'000, "does not", kLong), IsOk());
  const int64_t at_cut = spent();
  ask(30);
  EXPECT_EQ(spent(), at_cut);
  Restart();
  ask(30);
  EXPECT_EQ(spent(), at_cut) << "the cut holds after a restart";
  Stop();
  const auto report = decision_log::VerifyLog(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->clean());
}

TEST_F(OperationsTest, WithoutItsModelDecisionsGoOn) {
  Stop();
  testing::AddTestModel(directory_);
  Start();
  Shown(20);
  ASSERT_THAT(operators_->Pause({SwitchKind::kModel, ""}, "odd scores", kForever, kLong), IsOk());
  EXPECT_GT(Shown(40).size(), 1u) << "they are drawn";
  ASSERT_THAT(operators_->Resume({SwitchKind::kModel, ""}, "retrained", kLong), IsOk());
  Shown(20);
  Stop();
  const auto report = replay::VerifyReplay(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->decisions, 80u);
  EXPECT_EQ(report->selection_identical, 80u);
  EXPECT_EQ(report->full_identical, 40u) << "those with a model";
  EXPECT_EQ(report->different, 0u);
}

// The segment is what a feature says; a row that counts one segment only then counts for all.
TEST_F(OperationsTest, APausedFeatureIsTakenAsMissing) {
  Stop();
  testing::TestBundle bundle;
  bundle.page_fields = "    segment_feature: level\n";
  testing::WriteBundle(directory_, bundle);
  {
    const auto loaded = config::LoadBundle(base::PosixFileSystem(), directory_);
    ASSERT_THAT(loaded, IsOk());
    features::FeatureStoreOptions options;
    options.directory = directory_ + "/data/features";
    options.files = base::PosixFileSystem();
    options.views = (*loaded)->feature_views;
    const auto store = features::FeatureStore::Open(std::move(options));
    ASSERT_THAT(store, IsOk());
    domain::FeatureRow row;
    row.schema_version = (*loaded)->schema_version;
    row.event_time_us = absl::ToUnixMicros(absl::Now());
    row.values["level"] = std::string("gold");
    ASSERT_THAT((*store)->Write((*loaded)->feature_views.at(0), {{"ann", row}}, absl::Now()),
                IsOk());
    ASSERT_THAT((*store)->FinishWriting(), IsOk());
  }
  Start();
  const auto segment = [&] {
    DecisionRequest request;
    request.user_id = "ann";
    request.surface = "page";
    const auto decision = client_->Decide(request, kLong);
    EXPECT_THAT(decision, IsOk());
    const auto entries = ReadDecision(directory_ + "/data/log", decision->id);
    EXPECT_THAT(entries, IsOk());
    return std::get<DecisionRecord>(entries->front().event).segment;
  };
  EXPECT_EQ(segment(), "gold");
  const SwitchTarget feature{SwitchKind::kFeature, "user.level"};
  ASSERT_THAT(operators_->Pause(feature, "wrong since noon", kForever, kLong), IsOk());
  EXPECT_EQ(segment(), "");
  ASSERT_THAT(operators_->Resume(feature, "loaded again", kLong), IsOk());
  EXPECT_EQ(segment(), "gold");
}

TEST_F(OperationsTest, RefusalsSayWhatIsThere) {
  const auto unknown = operators_->Pause({SwitchKind::kCampaign, "fre"}, "typing", kForever, kLong);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("'free'"));
  EXPECT_EQ(operators_->Pause(kAll, "", kForever, kLong).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(operators_->Pause(kAll, "x", absl::ZeroDuration(), kLong).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(operators_->Resume(kAll, "x", kLong).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(operators_->Paused(kLong)->empty());
}

TEST_F(OperationsTest, APauseEndsByItself) {
  ASSERT_THAT(operators_->Pause(kAll, "a moment", absl::Milliseconds(300), kLong), IsOk());
  // Ends without anybody's doing; how soon is the machine's business.
  while (Ask().degradation == Degradation::kPaused) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(operators_->Paused(kLong)->empty());
}

}  // namespace
}  // namespace fulcrum
