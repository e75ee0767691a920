// The log of a real service, with budgets that bind, required exposures, a restart and a kill,
// replayed under another bundle: under its own nothing changes, and the bytes never depend on the
// number of threads or on how often the replay was cut short.
#include "replay/counterfactual.h"
#include "replay/opening_csv.h"
#include "tests/end_to_end/replay_world.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kDecisions = 900;

class Counterfactual : public testing::ReplayedLives<Counterfactual, kDecisions / 3> {
 protected:
  // The world's bundle with each `from` replaced by its `to`.
  static replay::OtherPolicy Other(
      const std::string& name, const std::vector<std::pair<std::string, std::string>>& changes) {
    const std::string folder = directory_->path() + "/" + name;
    std::filesystem::create_directories(folder);
    std::string text = Read(directory_->path() + "/bundle.yaml");
    for (const auto& [from, to] : changes) {
      EXPECT_THAT(text, HasSubstr(from));
      for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
        text.replace(at, from.size(), to);
        at += to.size();
      }
    }
    std::ofstream(folder + "/bundle.yaml", std::ios::binary | std::ios::trunc) << text;
    std::filesystem::copy(directory_->path() + "/model", folder + "/model",
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
    auto policy = replay::LoadPolicy(base::PosixFileSystem(), folder);
    EXPECT_THAT(policy, IsOk());
    return *std::move(policy);
  }

  static absl::StatusOr<replay::CounterfactualReport> Run(const replay::OtherPolicy& other,
                                                          replay::CounterfactualOptions options) {
    return replay::ReplayCounterfactual(base::PosixFileSystem(), world_->LogDirectory(), other,
                                        std::move(options));
  }

  static std::string Read(const std::string& path) {
    return base::ReadWholeFile(base::PosixFileSystem(), path, 100 << 20).value_or("unreadable");
  }
  static std::string Path(const std::string& name) { return directory_->path() + "/" + name; }
};

TEST_F(Counterfactual, TheVerySameBundleChangesNothing) {
  const replay::OtherPolicy same = Other("same", {});
  for (const bool rescore : {false, true}) {
    const auto report = Run(same, {.rescore = rescore});
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->decisions, kDecisions);
    EXPECT_EQ(report->replayed, kDecisions);
    EXPECT_THAT(report->not_replayed, IsEmpty());
    EXPECT_EQ(report->changed, 0u);
    EXPECT_EQ(report->changed_targets, 0u);
    EXPECT_EQ(report->variation_max, 0);
    EXPECT_THAT(report->top, IsEmpty());
    const replay::RowShift& row = report->rows.at("paid-day");
    EXPECT_GT(row.logged, 0);
    EXPECT_EQ(row.drawn, row.logged);
    EXPECT_GT(row.binding, 0u) << "the budget never bound: this shows nothing of the ledger";
    for (const auto& [action, shift] : report->actions) {
      EXPECT_EQ(shift.drawn, shift.logged) << action;
      EXPECT_EQ(shift.no_hold, shift.logged_no_hold) << action;
    }
  }
}

TEST_F(Counterfactual, SettingsThatChangeAreFollowed) {
  const auto tight = Run(Other("tight", {{"limit: 250_000_000", "limit: 50_000_000"}}), {});
  ASSERT_THAT(tight, IsOk());
  const replay::RowShift& row = tight->rows.at("paid-day");
  EXPECT_EQ(row.limit, 50'000'000);
  EXPECT_LT(row.drawn, row.logged);
  EXPECT_GT(tight->campaigns.at("paid").no_hold, tight->campaigns.at("paid").logged_no_hold);
  EXPECT_GT(tight->changed, 0u);

  const auto even = Run(Other("even", {{"exploration_floor: 0.1", "exploration_floor: 1"}}), {});
  ASSERT_THAT(even, IsOk());
  EXPECT_EQ(even->replayed, kDecisions);
  EXPECT_GT(even->changed_targets, kDecisions * 9u / 10);

  // Scored again from the snapshots: the model's opinion weighs more.
  const auto sure = Run(Other("sure", {{"model_strength: 20", "model_strength: 2000"}}), {});
  ASSERT_THAT(sure, IsOk());
  EXPECT_EQ(sure->replayed, kDecisions);
  EXPECT_GT(sure->changed_targets, 0u);

  const auto gone = Run(Other("gone", {{"- id: page\n", "- id: sheet\n"}}), {});
  ASSERT_THAT(gone, IsOk());
  EXPECT_GT(gone->not_replayed.at("the other bundle has no such surface"), kDecisions / 4u);
}

TEST_F(Counterfactual, TheSameBytesForAnyNumberOfThreads) {
  const replay::OtherPolicy other = Other(
      "threads",
      {{"limit: 250_000_000", "limit: 90_000_000"}, {"model_strength: 20", "model_strength: 50"}});
  std::string first;
  for (const size_t threads : {1, 2, 3, 7}) {
    const std::string path = Path(absl::StrCat("target-", threads, ".jsonl"));
    ASSERT_THAT(Run(other, {.threads = threads, .target_path = path}), IsOk());
    if (first.empty()) first = Read(path);
    ASSERT_GT(first.size(), 100'000u);
    EXPECT_TRUE(Read(path) == first) << threads << " threads";
  }
}

TEST_F(Counterfactual, AReplayThatWasCutShortGoesOnToTheSameBytes) {
  const replay::OtherPolicy other = Other("resumed", {{"limit: 250_000_000", "limit: 90_000_000"}});
  const std::string path = Path("resumed.jsonl");
  const auto whole = Run(other, {.target_path = path});
  ASSERT_THAT(whole, IsOk());
  const std::string bytes = Read(path);
  // In the header, right behind it, within a line, at a line's end, and not at all.
  const size_t header = bytes.find('\n') + 1;
  const size_t middle = bytes.find('\n', bytes.size() / 2) + 1;
  for (const size_t cut : {size_t{0}, header / 2, header, header + 7, bytes.size() / 3, middle,
                           bytes.size() - 1, bytes.size()}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes.substr(0, cut);
    const auto resumed = Run(other, {.threads = 2, .target_path = path});
    ASSERT_THAT(resumed, IsOk()) << cut;
    EXPECT_TRUE(Read(path) == bytes) << cut;
    EXPECT_EQ(resumed->changed, whole->changed) << cut;
    EXPECT_EQ(resumed->variation, whole->variation) << cut;
    EXPECT_EQ(resumed->rows.at("paid-day").expected, whole->rows.at("paid-day").expected) << cut;
    EXPECT_EQ(resumed->top, whole->top) << cut;
  }
  EXPECT_THAT(Run(Other("unlike", {{"exploration_floor: 0.1", "exploration_floor: 0.2"}}),
                  {.target_path = path}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("of another replay")));
  std::ofstream(path, std::ios::binary | std::ios::trunc) << "id,level\n";
  EXPECT_THAT(Run(other, {.target_path = path}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no target file")));
  EXPECT_EQ(Read(path), "id,level\n") << "a file that is not ours was overwritten";
}

TEST_F(Counterfactual, WhatWasSpentBeforeIsTold) {
  const replay::OtherPolicy same = Other("opening", {});
  // The traffic begins on 2019-11-24.
  std::ofstream(Path("ledger.csv")) << "row,window,spent\npaid-day,2019-11-24,240000000\n";
  const auto opening =
      replay::ReadOpening(base::PosixFileSystem(), Path("ledger.csv"), *same.bundle);
  ASSERT_THAT(opening, IsOk());
  const auto report = Run(same, {.opening = *opening});
  ASSERT_THAT(report, IsOk());
  const replay::RowShift& row = report->rows.at("paid-day");
  EXPECT_LT(row.drawn, row.logged);
  EXPECT_GT(report->campaigns.at("paid").no_hold, report->campaigns.at("paid").logged_no_hold);
  for (const auto& [line, problem] : std::vector<std::pair<std::string, std::string>>{
           {"free-day,2019-11-24,1", "no constraint 'free-day'"},
           {"paid-day,total,1", "give the day as YYYY-MM-DD"},
           {"paid-day,2019-11-24,-1", "no whole number"}}) {
    std::ofstream(Path("ledger.csv"), std::ios::trunc) << "row,window,spent\n" << line << "\n";
    EXPECT_THAT(replay::ReadOpening(base::PosixFileSystem(), Path("ledger.csv"), *same.bundle),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(problem)));
  }
}

TEST_F(Counterfactual, TheCommandFeedsTheEvaluation) {
  Other("chained", {});
  const std::string log = world_->LogDirectory();
  const auto replayed =
      world_->RunFulcrum({"replay", "--counterfactual", log, "--bundle", Path("chained"), "--json",
                          "--threads", "2", "--target", Path("chained.jsonl")});
  EXPECT_EQ(replayed.exit_code, 0) << replayed.out;
  EXPECT_THAT(replayed.out, HasSubstr("\"changed\":0,"));
  EXPECT_THAT(replayed.out, HasSubstr("\"changed_distributions\":0,"));
  const auto evaluate = [&](const std::string& target) {
    const auto ran = world_->RunFulcrum({"evaluate", log, "--surface", "page", "--target", target,
                                         "--estimator", "ips,snips", "--json"});
    EXPECT_NE(ran.exit_code, 2) << ran.out;
    const size_t at = ran.out.find("\"estimators\"");
    EXPECT_NE(at, std::string::npos) << ran.out;
    return ran.out.substr(std::min(at, ran.out.size()),
                          ran.out.find("\"warnings\"") - std::min(at, ran.out.size()));
  };
  const std::string logged = evaluate("logged");
  EXPECT_EQ(evaluate(Path("chained.jsonl")), logged);
  EXPECT_EQ(evaluate(Path("chained")), logged);
  Other("chained-even", {{"exploration_floor: 0.1", "exploration_floor: 1"}});
  EXPECT_NE(evaluate(Path("chained-even")), logged);
}

TEST_F(Counterfactual, TheCommandNamesWhatIsMissing) {
  EXPECT_EQ(world_->RunFulcrum({"replay"}).exit_code, 2);
  const auto no_bundle = world_->RunFulcrum({"replay", "--counterfactual", world_->LogDirectory()});
  EXPECT_NE(no_bundle.exit_code, 0);
  EXPECT_THAT(no_bundle.out, HasSubstr("--bundle"));
}

}  // namespace
}  // namespace fulcrum
