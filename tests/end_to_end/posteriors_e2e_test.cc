// Every way to believe through the whole service: chosen by config, learned from the log,
// restarted, recorded, and replayed bit for bit.
#include <cmath>
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/verify.h"
#include "tests/end_to_end/learning_world.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;

constexpr absl::Duration kLong = absl::Seconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);
constexpr int kCalls = 150;
constexpr int kRuns = 3;

// What the last decisions of a surface must show that those of `page` need not.
double Evidence(const DecisionRecord& record) {  // trials
  double sum = 0;
  for (const CandidateRecord& one : record.candidates) sum += one.alpha + one.beta - 2;
  return sum;
}
double Doubt(const DecisionRecord& record) {
  double sum = 0;
  for (const CandidateRecord& one : record.candidates) sum += one.sd;
  return sum;
}

struct Case {
  const char* name;
  const char* fields;  // as in the bundle
};

const Case kCases[] = {
    {"forgets", "forgetting: 60s"},
    {"lined", "linear: {context_keys: [hour]}"},
    {"log-odds", "logistic: {context_keys: [hour]}\n    baseline: {alpha: 1, beta: 9}"},
    {"log-odds-forgets",
     "logistic: {context_keys: [hour]}\n    forgetting: 60s\n    position_effects: [1, 0.6, 0.3]\n"
     "    baseline: {value: 0.05}"},
    {"looks", "position_effects: [1, 0.5, 0.25]"},
    {"lined-forgets", "linear: {context_keys: [hour]}\n    forgetting: 60s"},
    {"pooled", "pooling: {estimate: true}"},
    {"till", "value: {cap: 5, amount_mean: 1, amount_sd: 1}"},
    {"till-forgets",
     "value: {cap: 5, amount_mean: 1, amount_sd: 1}\n    forgetting: 60s\n"
     "    pooling: {strength: 10}"},
};

class PosteriorsTest : public testing::ServiceFixture {
 protected:
  // A surface for each case beside `page`.
  void Start() {
    testing::TestBundle bundle;
    bundle.page_fields = "    attribution_window: 4s\n";
    for (const Case& one : kCases) {
      absl::StrAppend(&bundle.page_fields, "  - id: ", one.name,
                      "\n    campaigns: [paid, capped, free]\n    latency_budget: 1s\n"
                      "    slate_size_max: 3\n    exploration_floor: 0.05\n"
                      "    attribution_window: 4s\n    ",
                      one.fields, "\n");
    }
    testing::WriteBundle(directory_, bundle);
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = 11;
    StartService(options);
  }

  void Report(const Decision& decision, const char* id, double value, absl::Time time) {
    DecisionClient::Outcome outcome;
    outcome.decision = decision.id;
    outcome.position = 1;
    outcome.outcome_id = id;
    outcome.kind = "click";
    outcome.value = value;
    outcome.occurred_at = time;
    ASSERT_THAT(client_->ReportOutcome(outcome, kLong), IsOk());
  }

  // A decision on `surface`, what comes of it, and now and then a refund of an earlier one.
  void Visit(const std::string& surface, int second, base::RandomStream* random) {
    const absl::Time now = kStart + absl::Seconds(second);
    DecisionRequest request;
    request.user_id = absl::StrCat("user-", random->NextBelow(40));
    request.surface = surface;
    request.slate_size = 1 + random->NextBelow(3);
    request.occurred_at = now;
    request.context["hour"] = random->NextUniform();
    const auto decision = client_->Decide(request, kLong);
    ASSERT_THAT(decision, IsOk());
    if (random->NextBelow(3) != 0) return;
    const bool till = surface.starts_with("till");
    Report(*decision, "1", till ? 0.5 + random->NextBelow(8) : 1, now + absl::Seconds(1));
    std::optional<Decision>& sold = sold_[surface];
    if (random->NextBelow(4) != 0) {
      sold = *decision;
    } else if (sold.has_value()) {
      Report(*sold, "1", 0, now);
      sold.reset();
    }
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
  std::map<std::string, std::optional<Decision>> sold_;
};

TEST_F(PosteriorsTest, EachIsLearnedServedLoggedAndReplayed) {
  base::RandomStream random(3);
  for (int run = 0; run < kRuns; ++run) {  // with a restart between
    Start();
    for (int call = 0; call < kCalls; ++call) {
      const int second = run * kCalls + call;
      Visit("page", second, &random);
      for (const Case& one : kCases) Visit(one.name, second, &random);
    }
    ASSERT_FALSE(HasFailure());
    Stop();
  }
  decision_log::JoinStats stats;
  EXPECT_EQ(testing::OfflineFold(directory_, &stats), testing::NewestSnapshot(directory_));
  EXPECT_GT(stats.corrected, 20u);

  std::map<std::string, DecisionRecord> last;
  const auto reader = DecisionLogReader::Open(directory_ + "/data/log");
  ASSERT_THAT(reader, IsOk());
  LogEntry entry;
  while (*(*reader)->Next(&entry)) {
    if (const auto* const record = std::get_if<DecisionRecord>(&entry.event)) {
      last[record->surface] = *record;
    }
  }
  EXPECT_GT(Evidence(last["page"]), 2 * Evidence(last["forgets"]));
  EXPECT_GT(Evidence(last["forgets"]), 50) << "all surfaces teach it";
  EXPECT_GT(Doubt(last["lined-forgets"]), Doubt(last["lined"]));

  EXPECT_TRUE(last["log-odds"].log_odds);
  EXPECT_GT(Doubt(last["log-odds"]), 0);
  EXPECT_NE(Evidence(last["looks"]), std::floor(Evidence(last["looks"]))) << "parts of trials";

  EXPECT_EQ(Evidence(last["till"]), -2.0 * last["till"].candidates.size()) << "no Beta posterior";
  EXPECT_GT(Doubt(last["till"]), 0);
  EXPECT_GT(Evidence(last["pooled"]), Evidence(last["page"])) << "a prior is worth more than 2";

  const auto report = replay::VerifyReplay(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->decisions, static_cast<uint64_t>(kRuns) * kCalls * (1 + std::size(kCases)));
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->full_identical, report->decisions);
}

}  // namespace
}  // namespace fulcrum
