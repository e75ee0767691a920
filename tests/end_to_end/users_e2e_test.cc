// Users who are merged and erased while the service answers: what they may still be shown, over a
// restart, with most counters on the disk, and what the log says of it.
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "decision_log/verify.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/verify.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;

constexpr absl::Duration kLong = absl::Seconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);
constexpr int kCap = 4;

constexpr char kBundle[] =
    R"(server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data,
  user_counters_max: 2, checkpoint_interval: 20ms}
log: {}
surfaces:
  - {id: page, campaigns: [ads], latency_budget: 1s, exploration_floor: 0.9}
campaigns:
  - {id: ads, account: shop, currency: EUR, actions: [{id: red}, {id: blue}]}
constraints:
  - {id: seen, campaign: ads, per: user, resource: exposures, window: total, limit: 4}
)";

class UsersTest : public testing::ServiceFixture {
 protected:
  void Start() {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ + "/bundle.yaml") << kBundle;
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = 11;
    StartService(options);
  }

  // Whether an action of the campaign was shown.
  bool Visit(const std::string& user) {
    DecisionRequest request;
    request.user_id = user;
    request.surface = "page";
    request.occurred_at = kStart + absl::Seconds(++visits_);
    const auto decision = client_->Decide(request, kLong);
    EXPECT_THAT(decision, IsOk());
    return decision.ok() && decision->actions[0].action_id != kNeutralActionId;
  }
  // How often the user can still be shown anything.
  int VisitOften(const std::string& user, int visits = 60) {
    int shown = 0;
    for (int i = 0; i < visits; ++i) shown += Visit(user) ? 1 : 0;
    return shown;
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
  int visits_ = 0;
};

TEST_F(UsersTest, CapsFollowMergesAndPurges) {
  Start();
  const auto show_once = [&](const std::string& user) {
    for (int i = 0; i < 60; ++i) {
      if (Visit(user)) return;
    }
    ADD_FAILURE() << user << " is shown nothing";
  };
  for (int i = 0; i < kCap - 1; ++i) show_once("anna");
  show_once("anna.at.work");
  EXPECT_EQ(VisitOften("bert"), kCap);
  EXPECT_EQ(VisitOften("carl"), kCap);
  EXPECT_EQ(VisitOften("dora"), kCap);
  ASSERT_THAT(service_->user_changes().Merge("anna", "anna.at.work"), IsOk());
  EXPECT_EQ(VisitOften("anna"), 0);
  EXPECT_EQ(VisitOften("anna.at.work"), 0);
  // Both have had all that one may have: more than the limit, and by the merge alone.
  ASSERT_THAT(service_->user_changes().Merge("bert", "carl"), IsOk());
  EXPECT_EQ(VisitOften("bert"), 0);
  Stop();
  Start();
  for (const char* user : {"anna", "anna.at.work", "bert", "carl", "dora"}) {
    EXPECT_EQ(VisitOften(user), 0) << user;
  }
  // A new user in all but name.
  ASSERT_THAT(service_->user_changes().Purge("anna"), IsOk());
  EXPECT_EQ(VisitOften("anna"), kCap);
  EXPECT_EQ(VisitOften("anna.at.work"), kCap);
  EXPECT_GT(service_->ledger().user_counters().evicted, 0u);
  Stop();

  std::map<IdentityChange, int> changes;
  const auto reader = DecisionLogReader::Open(directory_ + "/data/log");
  ASSERT_THAT(reader, IsOk());
  LogEntry entry;
  while (*(*reader)->Next(&entry)) {
    if (const auto* const record = std::get_if<IdentityRecord>(&entry.event)) {
      ++changes[record->change];
    }
  }
  EXPECT_EQ(changes[IdentityChange::kMerged], 2);
  EXPECT_EQ(changes[IdentityChange::kPurged], 1);
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(verified, IsOk());
  EXPECT_TRUE(verified->clean());
  const auto report = replay::VerifyReplay(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->selection_identical, report->decisions);
}

}  // namespace
}  // namespace fulcrum
