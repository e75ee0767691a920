// 64 clients at once on budgets far below what they ask for: exactly what there is is granted, the
// rest is neutral, and a restart grants nothing more.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "decision_log/verify.h"
#include "tests/end_to_end/request_oracle.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;

constexpr absl::Duration kLong = absl::Seconds(30);
constexpr int kClients = 64;
constexpr int kRequestsEach = 40;
constexpr int kUsers = 50;
constexpr int64_t kGifts = 400;
constexpr int64_t kPaid = 300;
constexpr int64_t kPaidMicros = 250'000;
constexpr int64_t kTipsPerUser = 3;
const absl::Time kStart = absl::FromUnixSeconds(1574553600);  // midnight UTC

std::string BundleText() {
  return absl::StrCat(
      R"(server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data}
log: {}
surfaces:
  - {id: page, campaigns: [gift, paid, tip], latency_budget: 10s, exploration_floor: 0.5}
campaigns:
  - {id: gift, account: shop, currency: EUR, actions: [{id: gift-1}, {id: gift-2}]}
  - {id: paid, account: shop, currency: EUR, actions: [{id: paid, cost_micros: )",
      kPaidMicros, R"(}]}
  - {id: tip, account: shop, currency: EUR, actions: [{id: tip}]}
constraints:
  - {id: gifts, campaign: gift, resource: exposures, window: total, limit: )",
      kGifts, R"(}
  - {id: spend, campaign: paid, resource: cost, window: day, limit: )",
      kPaid * kPaidMicros,
      R"(}
  - {id: tips, campaign: tip, per: user, resource: exposures, window: day, limit: )",
      kTipsPerUser, "}\n");
}

// How often each was granted; tips by user.
struct Grants {
  int64_t gifts = 0;
  int64_t paid = 0;
  std::map<std::string, int64_t> tips;

  void Add(const std::string& user, const std::string& action) {
    gifts += action == "gift-1" || action == "gift-2" ? 1 : 0;
    paid += action == "paid" ? 1 : 0;
    if (action == "tip") ++tips[user];
  }
  friend bool operator==(const Grants&, const Grants&) = default;
};

class ConservationTest : public testing::ServiceFixture {
 protected:
  void Start() {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ + "/bundle.yaml") << BundleText();
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = ++starts_;
    StartService(options);
  }

  // Of many connections that are opened at once gRPC may lose one; asking again is what the
  // request's id is for.
  static absl::StatusOr<Decision> Decide(DecisionClient* client, const DecisionRequest& request) {
    auto decision = client->Decide(request, kLong);
    for (int again = 0; again < 5 && absl::IsUnavailable(decision.status()); ++again) {
      decision = client->Decide(request, kLong);
    }
    return decision;
  }

  // One client's life: every fourth request is sent twice.
  void Ask(DecisionClient* client, int number, int requests) {
    base::RandomStream random(static_cast<uint64_t>(1000 * starts_ + number));
    for (int n = 0; n < requests; ++n) {
      DecisionRequest request;
      request.request_id = absl::StrCat(starts_, "-", number, "-", n);
      request.user_id = absl::StrCat("user-", random.NextBelow(kUsers));
      request.surface = "page";
      request.occurred_at = kStart + absl::Seconds(random.NextBelow(500));
      oracle_.Asked(request);
      for (uint32_t times = random.NextBelow(4) == 0 ? 2 : 1; times > 0; --times) {
        const auto decision = Decide(client, request);
        ASSERT_THAT(decision, IsOk());
        EXPECT_FALSE(decision->log_pending);
        EXPECT_TRUE(oracle_.Heard(request.request_id, *decision)) << request.request_id;
      }
    }
  }

  void AskAtOnce(int requests) {
    const std::string address = absl::StrCat("127.0.0.1:", service_->port());
    std::vector<std::unique_ptr<DecisionClient>> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.push_back(DecisionClient::Connect(address));
      ASSERT_THAT(clients.back()->WaitUntilServing(kLong), IsOk());
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < kClients; ++i) {
      threads.emplace_back([&, i] { Ask(clients[static_cast<size_t>(i)].get(), i, requests); });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // As the clients heard it.
  Grants Heard() const {
    Grants grants;
    for (const auto& [id, decision] : oracle_.heard()) {
      grants.Add(oracle_.asked().at(id).user_id, decision.actions[0].action_id);
    }
    return grants;
  }

  // As the log has it, request by request, each of which it has once.
  Grants Logged() const {
    Grants grants;
    const auto records = testing::RecordsByRequest(log());
    EXPECT_EQ(records.size(), oracle_.asked().size());
    for (const auto& [id, of_request] : records) {
      EXPECT_EQ(of_request.size(), 1u) << id;
      const PositionRecord& position = of_request[0].positions[0];
      grants.Add(oracle_.asked().at(id).user_id, position.action_id);
      EXPECT_EQ(position.debits.size(), position.action_id == kNeutralActionId ? 0u : 1u);
    }
    return grants;
  }

  // What the debits of a row sum to.
  int64_t SpentOn(const std::string& row) const {
    int64_t spent = 0;
    for (const auto& [id, of_request] : testing::RecordsByRequest(log())) {
      for (const Debit& debit : of_request[0].positions[0].debits) {
        spent += debit.row == row ? debit.amount : 0;
      }
    }
    return spent;
  }

  std::string log() const { return directory_ + "/data/log"; }

  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
  int starts_ = 0;
  testing::RequestOracle oracle_;
};

TEST_F(ConservationTest, ExactlyWhatThereIsIsGrantedToSixtyFourClients) {
  Start();
  AskAtOnce(kRequestsEach);
  ASSERT_FALSE(HasFailure());
  Stop();
  const Grants granted = Heard();
  EXPECT_EQ(granted.gifts, kGifts);
  EXPECT_EQ(granted.paid, kPaid);
  EXPECT_EQ(granted.tips.size(), size_t{kUsers});
  for (const auto& [user, tips] : granted.tips) EXPECT_EQ(tips, kTipsPerUser) << user;
  EXPECT_EQ(Logged(), granted);
  EXPECT_EQ(SpentOn("gifts"), kGifts);
  EXPECT_EQ(SpentOn("spend"), kPaid * kPaidMicros);
  EXPECT_EQ(SpentOn("tips"), kUsers * kTipsPerUser);

  Start();
  AskAtOnce(kRequestsEach / 8);
  ASSERT_FALSE(HasFailure());
  Stop();
  EXPECT_EQ(Heard(), granted) << "a restart brought something back";
  EXPECT_EQ(Logged(), granted);
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), log());
  ASSERT_THAT(verified, IsOk());
  EXPECT_TRUE(verified->clean());
}

}  // namespace
}  // namespace fulcrum
