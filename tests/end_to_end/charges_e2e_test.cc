// What is drawn is held at its largest cost, and what was not clicked, bought or kept comes back:
// through the whole service, over restarts, by the log alone and replayed.
#include <filesystem>
#include <fstream>
#include <map>

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
const absl::Time kStart = absl::FromUnixSeconds(1574553600);
constexpr int64_t kClicksMax = 5'000'000;

constexpr char kBundle[] =
    R"(server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data}
log: {}
surfaces:
  - {id: page, campaigns: [ads, shop], latency_budget: 1s, slate_size_max: 2, exploration_floor: 0.3, attribution_window: 60s}
  - {id: feed, campaigns: [ads], latency_budget: 1s, exploration_floor: 0.3, attribution_window: 60s, exposure: required, exposure_window: 20s}
campaigns:
  - id: ads
    account: shop
    currency: EUR
    actions: [{id: banner, cost_micros: 1000000}]
  - id: shop
    account: shop
    currency: EUR
    actions: [{id: lamp}]
constraints:
  - {id: clicks, campaign: ads, resource: cost, window: total, limit: 5000000, charged_on: click}
  - {id: clicked, campaign: ads, resource: exposures, per: user, window: rolling, span: 2h, limit: 2, charged_on: click}
  - {id: stock, actions: [lamp], resource: exposures, window: total, limit: 3, charged_on: purchase, returned_on: [return], return_window: 1h}
)";

class ChargesTest : public testing::ServiceFixture {
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
  // `second` counts from kStart.
  Decision Decide(int64_t second, const std::string& candidate, const std::string& user,
                  const std::string& surface = "page") {
    DecisionRequest request;
    request.user_id = user;
    request.surface = surface;
    request.candidates = {candidate};
    request.occurred_at = kStart + absl::Seconds(second);
    const auto decision = client_->Decide(request, kLong);
    EXPECT_THAT(decision, IsOk());
    return decision.value_or(Decision());
  }
  static bool Drew(const Decision& decision, const std::string& action) {
    return !decision.actions.empty() && decision.actions[0].action_id == action;
  }
  void Report(const Decision& decision, const std::string& kind, const std::string& id,
              int64_t second, std::optional<int64_t> cost = {}) {
    DecisionClient::Outcome outcome;
    outcome.decision = decision.id;
    outcome.position = 1;
    outcome.outcome_id = id;
    outcome.kind = kind;
    outcome.occurred_at = kStart + absl::Seconds(second);
    outcome.cost_micros = cost;
    EXPECT_THAT(client_->ReportOutcome(outcome, kLong), IsOk());
  }
  // Decides until the candidate is drawn, each time a second later; false if it is not in 40.
  bool DrawOne(int64_t* second, const std::string& candidate, Decision* drawn) {
    for (int i = 0; i < 40; ++i) {
      ++*second;
      *drawn = Decide(*second, candidate, absl::StrCat("user-", *second));
      if (Drew(*drawn, candidate)) return true;
    }
    return false;
  }
  int64_t Spent(const std::string& wanted, int64_t second) {
    for (const auto& row : service_->ledger().Status(kStart + absl::Seconds(second))) {
      if (row.row == wanted) return row.spent;
    }
    return -1;
  }
  void ExpectCleanLog() {
    const std::string log = directory_ + "/data/log";
    const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), log);
    ASSERT_THAT(verified, IsOk());
    EXPECT_TRUE(verified->clean());
    for (const decision_log::Invariant& one : verified->invariants) {
      EXPECT_TRUE(one.name != "gives_back" || one.checked > 0);
    }
    const auto report = replay::VerifyReplay(base::PosixFileSystem(), log);
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->selection_identical, report->decisions);
    EXPECT_EQ(report->full_identical, report->decisions);
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
};

TEST_F(ChargesTest, ABudgetOfClicksIsHeldForThoseThatMayComeAndSpentByThoseThatDid) {
  base::RandomStream random(3);
  int64_t clicks = 0, drawn = 0, second = 0, most = 0;
  bool refused = false;
  for (int run = 0; run < 3; ++run) {
    Start();
    for (int i = 0; i < 150; ++i) {
      second += 5;
      const std::string user = absl::StrCat("user-", random.NextBelow(60));
      const std::string surface = random.NextBelow(3) == 0 ? "feed" : "page";
      const int64_t before = Spent("clicks", second);
      const Decision decision = Decide(second, "banner", user, surface);
      most = std::max(most, Spent("clicks", second));
      refused = refused || before > kClicksMax - 1'000'000;
      if (!Drew(decision, "banner")) continue;
      ++drawn;
      if (surface == "feed" && random.NextBelow(2) == 0) {
        EXPECT_THAT(client_->ReportExposure(decision.id, 1, kStart + absl::Seconds(second), kLong),
                    IsOk());
      }
      if (random.NextBelow(12) != 0) continue;
      const int64_t cost = 300'000 + 1000 * int64_t{random.NextBelow(500)};
      Report(decision, "click", "c", second + 2, cost);
      Report(decision, "click", "c", second + 2, cost);
      clicks += cost;
    }
    ASSERT_FALSE(HasFailure());
    Stop();  // with holds in flight and windows open
  }
  Start();
  second += 100;
  Decide(second, "lamp", "ann");
  EXPECT_EQ(Spent("clicks", second), clicks) << "exactly what was clicked";
  EXPECT_GT(clicks, 1'000'000);
  EXPECT_LE(clicks, kClicksMax);
  EXPECT_LE(most, kClicksMax);
  EXPECT_GT(drawn, 20) << "of what five could hold at a time";
  EXPECT_TRUE(refused) << "the limit never mattered";
  const auto charges = service_->learner().Stats().charges;
  EXPECT_GT(charges.window_closed, 10u);
  EXPECT_GT(charges.unshown, 1u);
  EXPECT_GT(charges.outcomes_repeated, 0u);
  Stop();
  ExpectCleanLog();
}

TEST_F(ChargesTest, WhatIsReturnedIsSoldAgain) {
  Start();
  int64_t second = 0;
  std::vector<Decision> sold(3);
  for (Decision& one : sold) {
    ASSERT_TRUE(DrawOne(&second, "lamp", &one));
    Report(one, "purchase", "p", second, /*cost=*/5);
  }
  Decision other;
  EXPECT_FALSE(DrawOne(&second, "lamp", &other)) << "there were three";
  second += 100;
  EXPECT_FALSE(DrawOne(&second, "lamp", &other)) << "and they are sold";
  EXPECT_EQ(Spent("stock", second), 3);

  Stop();
  Start();
  Report(sold[1], "return", "r", second);
  Report(sold[1], "return", "r", second);
  ASSERT_TRUE(DrawOne(&second, "lamp", &other)) << "one is back";
  EXPECT_EQ(Spent("stock", second), 3) << "and held again";
  second += 100;  // without a purchase
  Decide(second, "banner", "ann");
  EXPECT_EQ(Spent("stock", second), 2);
  Report(other, "purchase", "late", second - 50);  // in time, but it was given back
  Decide(second, "banner", "bob");
  EXPECT_EQ(Spent("stock", second), 2);
  EXPECT_EQ(service_->learner().Stats().charges.outcomes_late, 1u);
  ASSERT_TRUE(DrawOne(&second, "lamp", &other));
  Report(other, "purchase", "p", second);
  second += 4000;
  Decide(second, "banner", "ann");
  Report(sold[0], "return", "r", second);
  Decide(second, "banner", "bob");
  EXPECT_EQ(Spent("stock", second), 3) << "that return was too late";
  Stop();
  ExpectCleanLog();
}

}  // namespace
}  // namespace fulcrum
