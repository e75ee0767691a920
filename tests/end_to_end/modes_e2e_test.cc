// Held-out users, apprentice and log-only surfaces, regions, bands, cautious mode and shadows
// through the whole service: told over gRPC, logged, replayed bit for bit, and taken by evaluation
// for what they are.
#include <map>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "evaluation/log_rows.h"
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
constexpr int kCalls = 150;

constexpr const char* kSurfaces[][2] = {
    {"held", "    holdout: {share: 0.3, experiment: total}\n"},
    {"apprentice", "    mode: apprentice\n"},
    {"log-only", "    mode: log_only\n    fallback_action: free-1\n    linear: {}\n"},
    {"cautious", "    mode: cautious\n    caution: {actions_max: 2}\n"},
    {"banded",
     "    bands: [{action: none, min: 0.2, max: 0.3}, {action: free-2, max: 0.05}]\n"
     "    policy: {uncertainty: -0.5}\n    linear: {}\n"},
    {"shared",
     "    policy: {kind: fixed_shares, shares: [{action: free-1, share: 2}, {action: none, share: "
     "1}]}\n"},
    {"regional",
     "    region_key: context.country\n    regions:\n"
     "      - {region: FR, policy: {kind: greedy}, bands: [{action: free-3, min: 0.3}]}\n"},
    {"diverse", "    diversity: {gamma: 0.4, full_supply: 4}\n    linear: {}\n"},
    {"diverse-rates",
     "    diversity: {gamma: 0.4, full_supply: 4}\n    policy: {uncertainty: -0.5}\n"},
    {"shadowed",
     "    shadows:\n      - {id: best, policy: {kind: greedy}}\n"
     "      - {id: two, policy: {kind: top_two}, exploration_floor: 0.2}\n"},
};

class ModesTest : public testing::ServiceFixture {
 protected:
  void Start() {
    testing::TestBundle bundle;
    bundle.page_fields = "    attribution_window: 1s\n";
    for (const auto& [name, lines] : kSurfaces) {
      absl::StrAppend(&bundle.page_fields, "  - id: ", name,
                      "\n    campaigns: [paid, capped, free]\n    latency_budget: 1s\n"
                      "    slate_size_max: 2\n    exploration_floor: 0.05\n"
                      "    attribution_window: 1s\n",
                      lines);
    }
    testing::WriteBundle(directory_, bundle);
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = 11;
    StartService(options);
  }

  void Visit(const std::string& surface, int second, base::RandomStream* random) {
    DecisionRequest request;
    request.user_id = absl::StrCat("user-", random->NextBelow(60));
    request.surface = surface;
    request.slate_size = 1 + random->NextBelow(2);
    request.occurred_at = kStart + absl::Seconds(second);
    if (random->NextBelow(2) == 0) request.context["country"] = std::string("FR");
    if (random->NextBelow(4) != 0) request.baseline_actions = {{"free-2", 0.75}, {"none", 1}};
    const auto decision = client_->Decide(request, kLong);
    ASSERT_THAT(decision, IsOk());
    if (random->NextBelow(3) != 0) return;
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

TEST_F(ModesTest, AreServedLoggedReplayedAndEvaluated) {
  Start();
  base::RandomStream random(3);
  for (int call = 0; call < kCalls; ++call) {
    for (const auto& surface : kSurfaces) Visit(surface[0], call, &random);
  }
  // Everything settles.
  Visit("page", kCalls + 100, &random);
  ASSERT_FALSE(HasFailure());
  Stop();

  std::map<std::string, std::map<Answer, int>> answers;
  std::map<std::string, int> unserved, regional, cautious, discounted;
  const auto reader = DecisionLogReader::Open(directory_ + "/data/log");
  ASSERT_THAT(reader, IsOk());
  LogEntry entry;
  while (*(*reader)->Next(&entry)) {
    const auto* const record = std::get_if<DecisionRecord>(&entry.event);
    if (record == nullptr) continue;
    ++answers[record->surface][record->answer];
    unserved[record->surface] += record->unserved.empty() ? 0 : 1;
    regional[record->surface] += record->region.empty() ? 0 : 1;
    for (const PositionRecord& position : record->positions) {
      discounted[record->surface] += position.discounts.empty() ? 0 : 1;
    }
    for (const CandidateRecord& one : record->candidates) {
      cautious[record->surface] += one.mask == MaskReason::kCautious ? 1 : 0;
    }
    if (record->surface != "banded") continue;
    EXPECT_GE(PropensityOf(record->positions[0].ticks.back()), 0.2 - 1e-9);
    EXPECT_LE(PropensityOf(record->positions[0].ticks.back()), 0.3 + 1e-9);
  }
  EXPECT_GT(answers["held"][Answer::kHeldOut], kCalls / 10);
  EXPECT_EQ(answers["held"][Answer::kHeldOut], unserved["held"]);
  EXPECT_EQ(answers["held"][Answer::kHeldOut] + answers["held"][Answer::kFull], kCalls);
  EXPECT_GT(answers["apprentice"][Answer::kBaseline], kCalls / 2);
  EXPECT_EQ(answers["apprentice"][Answer::kBaseline] + answers["apprentice"][Answer::kNeutral],
            kCalls);
  EXPECT_EQ(unserved["apprentice"], kCalls);
  EXPECT_EQ(answers["log-only"][Answer::kEditorial], kCalls);
  EXPECT_EQ(cautious["cautious"], 7 * kCalls);
  EXPECT_GT(regional["regional"], kCalls / 4);
  EXPECT_EQ(regional["held"], 0);
  EXPECT_GT(discounted["diverse"], kCalls / 10);
  EXPECT_GT(discounted["diverse-rates"], kCalls / 10);
  EXPECT_EQ(discounted["shadowed"], 0);

  const auto report = replay::VerifyReplay(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->decisions, static_cast<uint64_t>(kCalls) * std::size(kSurfaces) + 1);
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->full_identical, report->decisions);

  evaluation::LogRowsOptions options;
  options.surface = "held";
  const auto held = evaluation::ReadLogRows(directory_ + "/data/log", options);
  ASSERT_THAT(held, IsOk());
  EXPECT_EQ(held->excluded.at("held_out"), static_cast<uint64_t>(unserved["held"]));
  EXPECT_EQ(held->fallbacks, 0u) << "who is held out is no fallback";
  options.surface = "apprentice";
  const auto apprentice = evaluation::ReadLogRows(directory_ + "/data/log", options);
  ASSERT_THAT(apprentice, IsOk());
  EXPECT_GT(apprentice->rows.size(), static_cast<size_t>(kCalls) / 2);
  EXPECT_EQ(apprentice->rows[0].propensity, 0.75);
  EXPECT_GT(apprentice->excluded.at("no_propensity"), 0u);
  options.surface = "shadowed";
  options.shadow = "best";
  const auto shadowed = evaluation::ReadLogRows(directory_ + "/data/log", options);
  ASSERT_THAT(shadowed, IsOk());
  EXPECT_GT(shadowed->rows.size(), static_cast<size_t>(kCalls));
  for (const evaluation::Row& row : shadowed->rows) {
    // It can draw what could be drawn, and nothing else.
    const auto target = shadowed->distributions.Get(row.target);
    EXPECT_EQ(target.actions.size(), shadowed->distributions.Get(row.logged).actions.size());
    double sum = 0;
    for (const double one : target.probabilities) sum += one;
    EXPECT_NEAR(sum, 1, 1e-9);
  }
  options.shadow = "bets";
  EXPECT_EQ(evaluation::ReadLogRows(directory_ + "/data/log", options)->rows.size(), 0u);
  options.shadow.clear();
  options.surface = "log-only";
  const auto log_only = evaluation::ReadLogRows(directory_ + "/data/log", options);
  EXPECT_EQ(log_only->rows.size(), 0u);
  EXPECT_EQ(log_only->excluded.at("log_only"), static_cast<uint64_t>(kCalls));
}

}  // namespace
}  // namespace fulcrum
