// The loop of models: a service decides and logs, `fulcrum train` learns from the log, and the
// service goes on with the new model from where its counts end.
#ifdef FULCRUM_WITH_TRAINING
#include <rapidjson/document.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "apps/service.h"
#include "apps/train_command.h"
#include "base/random.h"
#include "config/loader.h"
#include "fulcrum/client.h"
#include "fulcrum/decision_log_reader.h"
#include "learning/snapshots.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/end_to_end/world.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "training/log_fold.h"
#include "training/trainer.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(20);
constexpr char kBundle[] = R"(
server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: DATA}
surfaces:
  - {id: page, campaigns: [house], exploration_floor: 0.3, policy_salt: test, model_strength: 20,
     latency_budget: 1s, exposure: required, exposure_window: 1m, attribution_window: 2m,
     baseline: {alpha: 1, beta: 9}}
  - {id: mail, campaigns: [house], exploration_floor: 0.3, policy_salt: test, latency_budget: 1s,
     exposure_window: 1m, exposure: required, attribution_window: 2m, segment_feature: level,
     linear: {}}
campaigns:
  - {id: house, account: shop, currency: EUR, actions: [{id: hat}, {id: scarf}, {id: shoes}]}
feature_views: [{name: users, entity: user, features: [{name: level, type: text}]}]
context_keys: [{name: hour}, {name: affinity.*}]
)";

class ModelLoop : public testing::ServiceFixture {
 protected:
  ModelLoop() : directory_(temporary_.path() + "/bundle") {
    std::filesystem::create_directories(directory_);
  }

  std::string Path(const std::string& name) const { return temporary_.path() + "/" + name; }
  std::string Log() const { return Path("data/log"); }

  // `model`: name of a directory beside the bundle, empty for none.
  void WriteBundle(const std::string& model) {
    std::string text = absl::StrReplaceAll(kBundle, {{"DATA", Path("data")}});
    if (!model.empty()) absl::StrAppend(&text, "model: {manifest: ../", model, "/manifest.yaml}\n");
    std::ofstream(directory_ + "/bundle.yaml") << text;
  }

  // A first model, of rows that were made up.
  void TrainFirst() {
    base::RandomStream random(1);
    std::vector<training::TrainingRow> rows(2000);
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].event_time_us = static_cast<int64_t>(i);
      rows[i].action_id = "hat";
      rows[i].context["hour"] = static_cast<double>(random.NextBelow(24));
      rows[i].candidate["affinity"] = static_cast<double>(random.NextBelow(3));
      rows[i].reward = random.NextUniform() < 0.3 ? 1 : 0;
    }
    const auto model = training::TrainModel(std::move(rows), {.rounds_max = 5});
    FULCRUM_ASSERT_OK(model);
    FULCRUM_ASSERT_OK(training::WriteModel(base::PosixFileSystem(), Path("first"), *model));
  }

  void Start() {
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = ++seed_;
    StartService(options);
  }

  // Requests one second apart; most are shown, some are clicked.
  void Play(int requests) {
    for (int i = 0; i < requests; ++i, ++second_) {
      const absl::Time now = absl::FromUnixSeconds(1574553600 + second_);
      DecisionRequest request = {.user_id = "ann", .surface = i % 4 == 3 ? "mail" : "page"};
      request.occurred_at = now;
      request.context["hour"] = static_cast<double>(second_ % 24);
      for (const char* arm : {"hat", "scarf", "shoes"}) {
        request.context[absl::StrCat("affinity.", arm)] = static_cast<double>(random_.NextBelow(3));
      }
      const auto decision = client_->Decide(request, kLong);
      ASSERT_THAT(decision, IsOk());
      const std::string& action = decision->actions[0].action_id;
      if (random_.NextBelow(8) == 0) continue;  // nobody saw it
      ASSERT_THAT(client_->ReportExposure(decision->id, 1, now, kLong), IsOk());
      if (random_.NextUniform() >= RateOf(request, action)) continue;
      ASSERT_THAT(client_->ReportOutcome({decision->id, 1, "o-1", "click", 1, "", now}, kLong),
                  IsOk());
    }
  }

  static double RateOf(const DecisionRequest& request, const std::string& action) {
    if (action == kNeutralActionId) return 0.05;
    const auto& affinity = request.context.at(absl::StrCat("affinity.", action));
    return 0.1 + 0.35 * std::get<double>(affinity);
  }

  struct Ran {
    int exit_code = -1;
    std::string out;
    std::string err;
  };
  // `fulcrum train` in this process.
  Ran Train(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"train",    "--log",        Log(),     "--config",
                                          directory_, "--out",        Path(out), "--seed",
                                          "7",        "--rounds-max", "40"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::reverse(arguments.begin(), arguments.end());
    CLI::App app;
    Ran ran;
    apps::AddTrainCommand(app, &ran.exit_code);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    app.parse(arguments);
    std::fflush(stdout);
    ran.out = ::testing::internal::GetCapturedStdout();
    ran.err = ::testing::internal::GetCapturedStderr();
    return ran;
  }

  // What a service with this bundle starts from.
  learning::FoldStart StartOfBundle() const {
    base::FileSystem* const files = base::PosixFileSystem();
    const auto bundle = *config::LoadBundle(files, directory_);
    const auto manifest = *config::LoadManifest(files, bundle->model_manifest);
    return learning::StartOf(
        *bundle,
        *scoring::Posteriors::LoadCounts(
            files, absl::StrCat(manifest.directory, "/", manifest.counts_file)),
        &manifest);
  }
  // What the service has learned, from its newest checkpoint.
  scoring::Posteriors Learned() const {
    learning::SnapshotReport report;
    const auto fold = learning::LoadNewest(base::PosixFileSystem(), Path("data/snapshots"),
                                           StartOfBundle(), ~Lsn{0}, &report);
    EXPECT_THAT(fold, IsOk());
    EXPECT_NE(report.used, "");
    return fold->posteriors();
  }

  // The whole log counted by hand: settled positions on `page`.
  std::map<std::string, scoring::ArmCounts> CountLog() const {
    const auto reader = *DecisionLogReader::Open(Log());
    training::LogFold fold;
    LogEntry entry;
    while (*reader->Next(&entry)) fold.Apply(entry.lsn, entry.event);
    std::map<std::string, scoring::ArmCounts> counts;
    for (const training::LoggedDecision& decision : fold.TakeDecisions()) {
      for (const training::LoggedPosition& position : decision.positions) {
        if (decision.surface != "page") continue;
        if (position.state != training::LoggedPosition::State::kSettled) continue;
        counts[position.action_id].trials += 1;
        counts[position.action_id].successes += position.reward;
      }
    }
    return counts;
  }
  static void ExpectCounts(const std::map<std::string, scoring::ArmCounts>& expected,
                           const scoring::Posteriors& posteriors) {
    EXPECT_EQ(expected.size(), 4);  // three arms and `none`
    for (const auto& [action, counts] : expected) {
      EXPECT_EQ(posteriors.Find("", action).trials, counts.trials) << action;
      EXPECT_EQ(posteriors.Find("", action).successes, counts.successes) << action;
    }
  }

  std::string Bytes(const std::string& path) const {
    return base::ReadWholeFile(base::PosixFileSystem(), Path(path), 64 << 20).value_or("");
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_;
  base::RandomStream random_{9};
  uint64_t seed_ = 0;
  int64_t second_ = 0;
};

TEST_F(ModelLoop, AServiceGoesOnWithWhatItsLogTaught) {
  TrainFirst();
  WriteBundle("first");
  Start();
  Play(900);
  Stop();

  const Ran ran = Train("second", {"--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  rapidjson::Document json;
  ASSERT_FALSE(json.Parse(ran.out.c_str()).HasParseError()) << ran.out;
  EXPECT_GT(json["rows"].GetUint64(), 400);
  EXPECT_GT(json["log"]["missing"].GetUint64(), 50);
  EXPECT_GT(json["log"]["pending"].GetUint64(), 50);  // the last two minutes
  EXPECT_GT(json["log"]["neutral"].GetUint64(), 5);
  EXPECT_LT(json["log"]["counted"].GetUint64(), json["log"]["settled"].GetUint64());
  EXPECT_EQ(json["log"]["lsn"].GetUint64(), json["counts_lsn"].GetUint64());
  EXPECT_LT(json["validation"]["loss"].GetDouble(),
            json["validation"]["constant_loss"].GetDouble());

  const scoring::Posteriors linear_before = Learned();
  WriteBundle("second");
  const auto counted = CountLog();
  Start();
  // Its counts are the file's: nothing of the log is counted twice.
  const learning::FoldStart start = StartOfBundle();
  EXPECT_GT(start.counts_lsn, 2000);
  ExpectCounts(counted, start.posteriors);
  ExpectCounts(counted, Learned());
  // What the counts do not hold is not lost: linear posteriors come from the whole log.
  for (const char* arm : {"hat", "scarf", "shoes", "none"}) {
    ASSERT_NE(linear_before.FindLinear("mail", arm), nullptr) << arm;
    ASSERT_NE(Learned().FindLinear("mail", arm), nullptr) << arm;
    EXPECT_EQ(Learned().FindLinear("mail", arm)->sums(),
              linear_before.FindLinear("mail", arm)->sums())
        << arm;
  }

  Play(400);
  Stop();
  const auto all = CountLog();
  EXPECT_GT(all.at("hat").trials, counted.at("hat").trials + 20);
  ExpectCounts(all, Learned());
}

TEST_F(ModelLoop, TheSameLogAndSeedGiveTheSameBytes) {
  TrainFirst();
  WriteBundle("first");
  Start();
  Play(400);
  Stop();
  for (const auto& [out, threads] : {std::pair("one", "1"), std::pair("two", "4")}) {
    auto process = apps::ChildProcess::Start(
        {testing::BinaryPath("fulcrum"), "train", "--log", Log(), "--config", directory_, "--out",
         Path(out), "--seed", "3", "--rounds-max", "30"},
        Path("train.txt"), {absl::StrCat("OMP_NUM_THREADS=", threads)});
    ASSERT_THAT(process, IsOk());
    const auto code = process->Wait(absl::Seconds(60));
    ASSERT_THAT(code, IsOk());
    ASSERT_EQ(*code, 0) << Bytes("train.txt");
  }
  for (const char* file : {"forest.json", "counts.csv", "manifest.yaml"}) {
    EXPECT_NE(Bytes(absl::StrCat("one/", file)), "") << file;
    EXPECT_EQ(Bytes(absl::StrCat("one/", file)), Bytes(absl::StrCat("two/", file))) << file;
  }
  EXPECT_THAT(Bytes("train.txt"), AllOf(HasSubstr("log up to LSN "), HasSubstr("held back")));
}

TEST_F(ModelLoop, AServiceWithoutAModelHasNothingToTrainOn) {
  WriteBundle("");
  Start();
  Play(200);
  Stop();
  Ran ran = Train("second");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("names no model"), HasSubstr("fulcrum train --csv")));
  // A model now does not help what was decided before.
  TrainFirst();
  WriteBundle("first");
  ran = Train("second");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("decided without a model"));
  EXPECT_FALSE(std::filesystem::exists(Path("second")));
}

TEST_F(ModelLoop, CountsOfAnotherLogAreRefused) {
  TrainFirst();
  WriteBundle("first");
  Start();
  Play(400);
  Stop();
  ASSERT_EQ(Train("second").exit_code, 0);
  WriteBundle("second");
  std::filesystem::rename(Path("data"), Path("elsewhere"));
  apps::ServiceOptions options;
  options.bundle_directory = directory_;
  EXPECT_THAT(apps::Service::Start(options),
              testing::StatusIs(absl::StatusCode::kFailedPrecondition,
                                AllOf(HasSubstr("second/manifest.yaml"), HasSubstr("counts_lsn"),
                                      HasSubstr("ends at 0"))));
}

TEST_F(ModelLoop, MistakesAreNamedWithTheRemedy) {
  TrainFirst();
  WriteBundle("first");
  Start();
  Play(10);
  Stop();
  EXPECT_THAT(Train("second", {"--surface", "pagee"}).err,
              HasSubstr("--surface: the bundle has no surface 'pagee'; the nearest valid name is "
                        "'page'"));
  EXPECT_THAT(Train("first").err, HasSubstr("is the model that the bundle names"));
  EXPECT_THAT(Train("second", {"--csv", "x.csv"}).err, HasSubstr("either --log DIR"));
  EXPECT_THAT(Train("second", {"--items", "x.csv"}).err, HasSubstr("are for --csv"));
  EXPECT_THAT(Train("second", {"--validation-share", "1"}).err, HasSubstr("validation share"));
  // Ten decisions, all of them pending.
  EXPECT_THAT(Train("second").err, HasSubstr("train later"));
}

}  // namespace
}  // namespace fulcrum
#endif  // FULCRUM_WITH_TRAINING
