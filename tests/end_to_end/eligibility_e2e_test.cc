// Rules, jurisdictions, expiry and approval through the whole service: who is no candidate is in no
// record, and what was decided among the others replays bit for bit.
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/verify.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Ids = std::vector<std::string>;

constexpr absl::Duration kLong = absl::Seconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);  // 2019-11-24T00:00:00Z

constexpr char kRuled[] = R"(surfaces:
  - id: ruled
    campaigns: [open, german, golden]
    region_key: context.country
    latency_budget: 1s
    slate_size_max: 2
    candidates_max: 5
    attribution_window: 1s
campaigns:
  - id: open
    account: shop
    currency: EUR
    actions:
      - {id: any}
      - {id: wine, categories: [alcohol]}
      - {id: early, expires: 2019-11-24T01:00:00Z}
      - {id: pending, approval: pending}
      - {id: denied, approval: denied}
  - id: german
    account: shop
    currency: EUR
    eligible: context.country in ["de", "at"]
    actions: [{id: german}]
  - id: golden
    account: shop
    currency: EUR
    eligible: user.level == "gold" or context.hour == 23
    actions: [{id: golden}, {id: no-silver, eligible: not (user.level == "silver")}]
jurisdictions:
  - {id: strict, regions: [at, fr], eligible: not ("alcohol" in action.categories)}
)";

class EligibilityE2eTest : public testing::ServiceFixture {
 protected:
  void SetUp() override {
    testing::WriteBundle(directory_, testing::TestBundle());
    std::ofstream(directory_ + "/rules.yaml") << kRuled;
    Start();
  }
  void Start() {
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = ++starts_;
    StartService(options);
  }

  static DecisionRequest Request(absl::Duration after, const std::string& country) {
    DecisionRequest request;
    request.user_id = "ann";
    request.surface = "ruled";
    request.slate_size = 2;
    request.occurred_at = kStart + after;
    if (!country.empty()) request.context["country"] = country;
    return request;
  }
  // The name of the decision, to find its record by.
  std::string Decide(const DecisionRequest& request) {
    const auto decision = client_->Decide(request, kLong);
    EXPECT_THAT(decision, IsOk());
    return decision.ok() ? decision->id.ToString() : "";
  }

  // By decision, after the service has stopped.
  std::map<std::string, DecisionRecord> Records() {
    std::map<std::string, DecisionRecord> records;
    const auto reader = DecisionLogReader::Open(directory_ + "/data/log");
    EXPECT_THAT(reader, IsOk());
    LogEntry entry;
    while (*(*reader)->Next(&entry)) {
      const auto* const record = std::get_if<DecisionRecord>(&entry.event);
      if (record != nullptr) records[record->id.ToString()] = *record;
    }
    return records;
  }
  static Ids CandidatesOf(const DecisionRecord& record) {
    Ids ids;
    for (const CandidateRecord& one : record.candidates) ids.push_back(one.action_id);
    return ids;
  }

  uint64_t starts_ = 10;
  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
};

TEST_F(EligibilityE2eTest, OnlyWhoIsEligibleIsACandidateAndTheLogReplays) {
  const std::string unknown = Decide(Request(absl::ZeroDuration(), ""));
  const std::string german = Decide(Request(absl::Seconds(1), "de"));
  const std::string austrian = Decide(Request(absl::Seconds(2), "at"));
  const std::string late = Decide(Request(absl::Hours(1), "uk"));
  DecisionRequest at_23 = Request(absl::Hours(2), "uk");
  at_23.context["hour"] = 23.0;
  const std::string golden = Decide(at_23);
  DecisionRequest listed = Request(absl::Hours(3), "uk");
  listed.candidates = {"german", "wine", "pending"};
  const std::string of_list = Decide(listed);
  listed.candidates = {"german", "pending"};
  const std::string nobody = Decide(listed);
  Stop();

  auto records = Records();
  EXPECT_THAT(CandidatesOf(records[unknown]), ElementsAre("any", "early"))
      << "neither country nor level is known, so every jurisdiction applies";
  EXPECT_THAT(CandidatesOf(records[german]), ElementsAre("any", "early", "german", "wine"));
  EXPECT_THAT(CandidatesOf(records[austrian]), ElementsAre("any", "early", "german"));
  EXPECT_THAT(CandidatesOf(records[late]), ElementsAre("any", "wine"));
  EXPECT_THAT(CandidatesOf(records[golden]), ElementsAre("any", "golden", "wine"))
      << "whoever may be silver is not shown what silver is not";
  EXPECT_THAT(CandidatesOf(records[of_list]), ElementsAre("wine"));
  EXPECT_THAT(CandidatesOf(records[nobody]), IsEmpty());
  EXPECT_EQ(records[nobody].degradation, Degradation::kNoCandidate);
  EXPECT_EQ(records[nobody].positions[0].action_id, "none");
  const auto report = replay::VerifyReplay(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->decisions, records.size());
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->full_identical, report->decisions);
}

TEST_F(EligibilityE2eTest, MoreEligibleActionsThanAllowedAreAnsweredByTheFallback) {
  DecisionRequest request = Request(absl::ZeroDuration(), "de");
  request.context["hour"] = 23.0;
  const auto decision = client_->Decide(request, kLong);
  ASSERT_THAT(decision, IsOk());
  EXPECT_EQ(decision->degradation, Degradation::kNone) << "five: any, early, german, golden, wine";
  std::ofstream(directory_ + "/rules.yaml") << std::string(kRuled).replace(
      std::string(kRuled).find("candidates_max: 5"), 17, "candidates_max: 4");
  Stop();
  Start();
  const auto shed = client_->Decide(request, kLong);
  ASSERT_THAT(shed, IsOk());
  EXPECT_EQ(shed->actions[0].action_id, "none");
  EXPECT_EQ(shed->degradation, Degradation::kShed);
}

TEST_F(EligibilityE2eTest, ARepeatOfAListIsTheSameRequestAfterARestart) {
  DecisionRequest request = Request(absl::ZeroDuration(), "uk");
  request.request_id = "r-1";
  request.candidates = {"any", "german", "pending"};
  const std::string first = Decide(request);
  EXPECT_EQ(Decide(request), first);
  Stop();
  Start();
  EXPECT_EQ(Decide(request), first) << "though its record has one candidate only";
}

}  // namespace
}  // namespace fulcrum
