// Every policy through the whole service: chosen by config, learned from, logged, replayed bit for
// bit, told by explain's record, and replayed under another.
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/verify.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;

constexpr absl::Duration kLong = absl::Seconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);
constexpr int kCalls = 120;

struct Case {
  const char* name;
  const char* policy;  // as in the bundle
  Policy expected;
};

const Case kCases[] = {
    {"greedy", "{kind: greedy}", {PolicyKind::kGreedy, 0}},
    {"epsilon", "{kind: epsilon_greedy, epsilon: 0.3}", {PolicyKind::kEpsilonGreedy, 0.3}},
    {"softmax", "{kind: softmax, temperature: 0.1}", {PolicyKind::kSoftmax, 0.1}},
    {"bound", "{kind: upper_bound, width: 1}", {PolicyKind::kUpperBound, 1}},
    {"gap", "{kind: inverse_gap, gamma: 50}", {PolicyKind::kInverseGap, 50}},
    {"two", "{kind: top_two, beta: 0.5}", {PolicyKind::kTopTwo, 0.5}},
    {"lined", "{kind: softmax, temperature: 0.1}\n    linear: {}", {PolicyKind::kSoftmax, 0.1}},
};

class PoliciesTest : public testing::ServiceFixture {
 protected:
  // A surface for each policy beside `page`, which has Thompson sampling.
  void Start() {
    testing::TestBundle bundle;
    bundle.page_fields = "    attribution_window: 1s\n";
    for (const Case& one : kCases) {
      absl::StrAppend(&bundle.page_fields, "  - id: ", one.name,
                      "\n    campaigns: [paid, capped, free]\n    latency_budget: 1s\n"
                      "    slate_size_max: 3\n    exploration_floor: 0.05\n"
                      "    attribution_window: 1s\n    policy: ",
                      one.policy, "\n");
    }
    testing::WriteBundle(directory_, bundle);
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = 11;
    StartService(options);
  }

  // A decision on `surface`, and a click on some of what it shows first.
  void Visit(const std::string& surface, int second, base::RandomStream* random) {
    DecisionRequest request;
    request.user_id = absl::StrCat("user-", random->NextBelow(40));
    request.surface = surface;
    request.slate_size = 1 + random->NextBelow(3);
    request.occurred_at = kStart + absl::Seconds(second);
    const auto decision = client_->Decide(request, kLong);
    ASSERT_THAT(decision, IsOk());
    if (random->NextBelow(4) != 0) return;
    DecisionClient::Outcome click;
    click.decision = decision->id;
    click.position = 1;
    click.outcome_id = "1";
    click.kind = "click";
    click.occurred_at = request.occurred_at;
    ASSERT_THAT(client_->ReportOutcome(click, kLong), IsOk());
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
};

TEST_F(PoliciesTest, EachIsServedLoggedAndReplayed) {
  Start();
  base::RandomStream random(3);
  for (int call = 0; call < kCalls; ++call) {
    Visit("page", call, &random);
    for (const Case& one : kCases) Visit(one.name, call, &random);
  }
  ASSERT_FALSE(HasFailure());
  Stop();

  std::map<std::string, int> decisions;
  std::map<std::string, int> uneven;  // not all alike: the policy has learned something
  const auto reader = DecisionLogReader::Open(directory_ + "/data/log");
  ASSERT_THAT(reader, IsOk());
  LogEntry entry;
  while (*(*reader)->Next(&entry)) {
    const auto* const record = std::get_if<DecisionRecord>(&entry.event);
    if (record == nullptr) continue;
    ++decisions[record->surface];
    const auto* const found =
        std::find_if(std::begin(kCases), std::end(kCases),
                     [&](const Case& one) { return one.name == record->surface; });
    EXPECT_EQ(record->policy, found == std::end(kCases) ? Policy{} : found->expected);
    std::vector<Ticks> ticks = record->positions[0].ticks;
    std::sort(ticks.begin(), ticks.end());
    uneven[record->surface] += ticks.back() > 2 * ticks[ticks.size() / 2] ? 1 : 0;
  }
  for (const Case& one : kCases) {
    EXPECT_EQ(decisions[one.name], kCalls) << one.name;
    EXPECT_GT(uneven[one.name], kCalls / 10) << one.name;
  }

  const auto report = replay::VerifyReplay(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->decisions, static_cast<uint64_t>(kCalls) * (1 + std::size(kCases)));
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->full_identical, report->decisions);
}

}  // namespace
}  // namespace fulcrum
