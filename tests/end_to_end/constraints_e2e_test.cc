// Rows of every kind through the whole service: held by what its log says, over a restart, and
// replayed bit for bit.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "decision_log/verify.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/verify.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;

constexpr absl::Duration kLong = absl::Seconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);  // midnight UTC
constexpr int kCalls = 700;

constexpr char kBundle[] =
    R"(server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data}
log: {}
surfaces:
  - {id: page, campaigns: [ads, own, night], latency_budget: 1s, slate_size_max: 3, exploration_floor: 0.3}
  - {id: mail, campaigns: [ads, own], latency_budget: 1s, exploration_floor: 0.3}
campaigns:
  - id: ads
    account: shop
    currency: EUR
    actions:
      - {id: big, cost_micros: 900000, creative: red, attributes: [{name: weight, number: 0.25}]}
      - {id: small, cost_micros: 200000, creative: red, variant_of: big}
      - {id: wide, cost_micros: 300000, categories: [wide]}
  - id: own
    account: shop
    currency: EUR
    actions: [{id: card}, {id: club}, {id: tip, categories: [wide]}]
  - id: night
    account: shop
    currency: EUR
    quiet_hours: [{from: "06:00", to: "18:00"}]
    actions: [{id: lamp}]
constraints:
  - {id: hourly, account: shop, resource: cost, window: hour, limit: 9000000}
  - {id: weight, resource: attribute, attribute: weight, window: day, limit: 5000000}
  - {id: spacing, actions: [tip], per: user, resource: exposures, window: rolling, span: 2h, limit: 1}
  - {id: burst, actions: [card, club], resource: exposures, window: rolling, span: 30m, limit: 20}
  - {id: by-mail, surfaces: [mail], resource: exposures, window: day, limit: 60}
  - {id: app-only, where: [{key: context.channel, values: [app]}], actions: [wide], resource: exposures, window: hour, limit: 4}
  - {id: wish, actions: [lamp], resource: exposures, window: hour, limit: 3, relaxation: 1}
exclusions:
  - {id: one-wide, categories: [wide]}
  - {id: clubs, actions: [card, club], span: 6h}
context_keys: [{name: channel, type: text}]
)";

class ConstraintsTest : public testing::ServiceFixture {
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

  void Visit(int call, base::RandomStream* random) {
    DecisionRequest request;
    request.user_id = absl::StrCat("user-", random->NextBelow(25));
    request.surface = random->NextBelow(4) == 0 ? "mail" : "page";
    request.slate_size = request.surface == "mail" ? 1 : 1 + random->NextBelow(3);
    request.occurred_at = kStart + absl::Seconds(120 * call + random->NextBelow(100));
    if (random->NextBelow(3) != 0)
      request.context["channel"] = random->NextBelow(2) == 0 ? "app" : "web";
    ASSERT_THAT(client_->Decide(request, kLong), IsOk());
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
};

struct Shown {
  int64_t time_us = 0;
  UserRef user{};
  std::string action;
  std::string surface;
};

TEST_F(ConstraintsTest, EveryKindOfRowHoldsAndIsReplayed) {
  base::RandomStream random(3);
  for (int run = 0; run < 2; ++run) {
    Start();
    for (int call = 0; call < kCalls / 2; ++call) Visit(run * kCalls / 2 + call, &random);
    ASSERT_FALSE(HasFailure());
    Stop();
  }
  std::vector<Shown> shown;
  std::map<MaskReason, int> masks;
  std::set<std::string> in_scope;
  int relaxed = 0;
  const auto reader = DecisionLogReader::Open(directory_ + "/data/log");
  ASSERT_THAT(reader, IsOk());
  LogEntry entry;
  while (*(*reader)->Next(&entry)) {
    const auto* const record = std::get_if<DecisionRecord>(&entry.event);
    if (record == nullptr) continue;
    int wide = 0;
    for (const PositionRecord& position : record->positions) {
      shown.push_back({record->occurred_us, record->user_ref, position.action_id, record->surface});
      wide += position.action_id == "wide" || position.action_id == "tip" ? 1 : 0;
    }
    EXPECT_LE(wide, 1) << "they exclude one another";
    for (const CandidateRecord& one : record->candidates) ++masks[one.mask];
    in_scope.insert(record->rows_in_scope.begin(), record->rows_in_scope.end());
    relaxed += record->relaxed > 0 ? 1 : 0;
  }
  for (const MaskReason reason : {MaskReason::kNoHold, MaskReason::kQuietHours,
                                  MaskReason::kExcluded, MaskReason::kVariant}) {
    EXPECT_GT(masks[reason], 10) << static_cast<int>(reason);
  }
  EXPECT_EQ(in_scope, std::set<std::string>{"app-only"});
  EXPECT_LT(relaxed, kCalls / 10) << "there is nearly always something else";

  // From the log alone, exactly.
  constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
  std::map<int64_t, int64_t> cost_of_hour;
  std::map<int64_t, double> weight_of_day;
  std::map<int64_t, int> mail_of_day;
  std::map<std::string, int64_t> cost = {{"big", 900000}, {"small", 200000}, {"wide", 300000}};
  std::vector<int64_t> clubs;
  for (const Shown& one : shown) {
    cost_of_hour[one.time_us / kHourUs] += cost[one.action];
    if (one.action == "big") weight_of_day[one.time_us / (24 * kHourUs)] += 0.25;
    if (one.surface == "mail" && one.action != "none") ++mail_of_day[one.time_us / (24 * kHourUs)];
    if (one.action == "card" || one.action == "club") clubs.push_back(one.time_us);
    const int64_t hour = one.time_us / kHourUs % 24;
    EXPECT_TRUE(one.action != "lamp" || hour < 6 || hour >= 18) << hour;
  }
  int64_t dearest = 0;
  for (const auto& [hour, sum] : cost_of_hour) {
    EXPECT_LE(sum, 9'000'000);
    dearest = std::max(dearest, sum);
  }
  EXPECT_GT(dearest, 7'000'000) << "the hour never limits";
  for (const auto& [day, sum] : weight_of_day) EXPECT_LE(sum, 5);
  for (const auto& [day, count] : mail_of_day) EXPECT_LE(count, 60);
  for (size_t i = 0; i + 20 < clubs.size(); ++i) EXPECT_GT(clubs[i + 20] - clubs[i], kHourUs / 2);
  for (size_t i = 0; i < shown.size(); ++i) {
    for (size_t j = i + 1; j < shown.size(); ++j) {
      if (shown[i].user != shown[j].user) continue;
      const int64_t apart = shown[j].time_us - shown[i].time_us;
      const bool tips = shown[i].action == "tip" && shown[j].action == "tip";
      const bool pair = (shown[i].action == "card" && shown[j].action == "club") ||
                        (shown[i].action == "club" && shown[j].action == "card");
      EXPECT_TRUE(!tips || apart > 2 * kHourUs) << apart;
      EXPECT_TRUE(!pair || apart > 6 * kHourUs) << apart;
    }
  }

  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(verified, IsOk());
  EXPECT_TRUE(verified->clean());
  const auto report = replay::VerifyReplay(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->full_identical, report->decisions);
}

}  // namespace
}  // namespace fulcrum
