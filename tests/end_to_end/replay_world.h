// A service with a model, a surface of each kind of posterior, budgets and required exposures, and
// traffic for it that teaches: what a replay of its log has to get right.
#pragma once

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/hash.h"
#include "config/manifest.h"
#include "tests/end_to_end/world.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::testing {

class ReplayWorld {
 public:
  // Writes the bundle, its model and the users' rows into `directory`.
  explicit ReplayWorld(std::string directory) : directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_ + "/model");
    WriteModel();
    Write("bundle.yaml", BundleText());
    std::string users = "id,level\n";
    for (int i = 0; i < kUsers; ++i) {
      if (i % 4 != 3) absl::StrAppend(&users, "user-", i, ",", i % 4 == 0 ? "gold" : "new", "\n");
    }
    Write("users.csv", users);
  }

  std::string LogDirectory() const { return directory_ + "/data/log"; }

  void LoadUsers() {
    const Ran loaded = RunFulcrum({"load", "--config", directory_, "--view", "user_profile",
                                   "--file", directory_ + "/users.csv"});
    ASSERT_EQ(loaded.exit_code, 0) << loaded.out;
  }

  // Starts the service, has it decide `decisions` times with reports in between, and ends it with
  // `signal`.
  void Run(int decisions, int signal) {
    auto daemon = StartDaemon(directory_, ++runs_);
    ASSERT_THAT(daemon, IsOk());
    const auto client = DecisionClient::Connect(daemon->address);
    ASSERT_THAT(client->WaitUntilServing(absl::Seconds(60)), IsOk());
    for (int i = 0; i < decisions; ++i) {
      ASSERT_NO_FATAL_FAILURE(DecideOnce(client.get()));
      ASSERT_NO_FATAL_FAILURE(ReportSome(client.get()));
    }
    daemon->process.Signal(signal);
    ASSERT_THAT(daemon->process.Wait(absl::Seconds(60)), IsOk());
  }

  struct Ran {
    int exit_code = -1;
    std::string out;
  };
  // `fulcrum` with `arguments`.
  Ran RunFulcrum(std::vector<std::string> arguments,
                 const std::vector<std::string>& environment = {}) const {
    arguments.insert(arguments.begin(), BinaryPath("fulcrum"));
    const std::string output = directory_ + "/out.txt";
    std::filesystem::remove(output);
    auto process = apps::ChildProcess::Start(arguments, output, environment);
    EXPECT_THAT(process, IsOk());
    if (!process.ok()) return {};
    const auto code = process->Wait(absl::Seconds(300));
    EXPECT_THAT(code, IsOk());
    return {code.value_or(-1),
            base::ReadWholeFile(base::PosixFileSystem(), output, 10 << 20).value_or("")};
  }

 private:
  static constexpr int kUsers = 40;
  static constexpr int kReported = 50;  // of the last decisions

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name, std::ios::binary | std::ios::trunc) << text;
  }

  void WriteModel() const {
    const std::string forest =
        base::ReadWholeFile(base::PosixFileSystem(),
                            FULCRUM_SOURCE_DIR "/tests/golden/xgboost/logistic_missing.json",
                            10 << 20)
            .value();
    const std::string counts =
        "segment,action_id,trials,successes\n,paid-1,100,7\n,free-1,200,9\ngold,free-1,50,4\n";
    Write("model/forest.json", forest);
    Write("model/counts.csv", counts);
    config::ModelManifest manifest;
    manifest.name = "clicks";
    using config::ColumnSource;
    manifest.columns = {{"x0", ColumnSource::kContext, "hour", std::nullopt, {}},
                        {"x1", ColumnSource::kCandidate, "affinity", std::nullopt, {}},
                        {"x2", ColumnSource::kContext, "basket", std::nullopt, {}},
                        {"x3", ColumnSource::kCandidate, "distance", std::nullopt, {}},
                        {"x4", ColumnSource::kContext, "basket", std::nullopt, {}},
                        {"x5", ColumnSource::kCandidate, "affinity", std::nullopt, {}},
                        {"x6", ColumnSource::kUser, "level", "gold", {}},
                        {"x7", ColumnSource::kContext, "hour", std::nullopt, {}}};
    manifest.forest_file = "forest.json";
    manifest.forest_sha256 = base::ToHex(base::Sha256(forest));
    manifest.counts_file = "counts.csv";
    manifest.counts_sha256 = base::ToHex(base::Sha256(counts));
    manifest.segment_key = "level";
    manifest.trained_on = "nothing";
    manifest.training_rows = 1;
    manifest.trainer = "hand";
    Write("model/manifest.yaml", config::WriteManifest(manifest));
  }

  static std::string BundleText() {
    std::string text =
        "server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data, "
        "log_segment_bytes: 262144}\n"
        "model: {manifest: model/manifest.yaml}\n"
        "surfaces:\n";
    for (const char* id : {"page", "lined"}) {
      absl::StrAppend(&text, "  - id: ", id,
                      "\n    campaigns: [paid, free]\n    latency_budget: 1s\n"
                      "    slate_size_max: 3\n    policy_salt: replay\n    exploration_floor: "
                      "0.1\n    segment_feature: level\n    model_strength: 20\n"
                      "    exposure: required\n    exposure_window: 60s\n"
                      "    attribution_window: 120s\n");
    }
    text +=
        "    linear: {segments: [gold, new], context_keys: [hour]}\n"
        "campaigns:\n";
    for (const char* campaign : {"paid", "free"}) {
      absl::StrAppend(&text, "  - id: ", campaign,
                      "\n    account: shop\n    currency: EUR\n    time_zone: UTC\n    actions:\n");
      for (int i = 1; i <= 4; ++i) {
        absl::StrAppend(&text, "      - {id: ", campaign, "-", i,
                        ", cost_micros: ", campaign[0] == 'p' ? i * 1'000'000 : 0, "}\n");
      }
    }
    // Small enough to run out within a day of the traffic, so that holds fail.
    text +=
        "constraints:\n"
        "  - {id: paid-day, campaign: paid, resource: cost, window: day, limit: 250_000_000}\n"
        "feature_views:\n  - name: user_profile\n    entity: user\n    features:\n"
        "      - {name: level, type: text}\n"
        "context_keys:\n  - {name: hour, type: number}\n  - {name: basket, type: number}\n"
        "  - {name: 'affinity.*', type: number}\n  - {name: 'distance.*', type: number}\n";
    return text;
  }

  double Between(double low, double high) {
    return low + (high - low) * static_cast<double>(random_() >> 11) * 0x1p-53;
  }
  size_t Below(size_t bound) { return random_() % bound; }

  void DecideOnce(DecisionClient* client) {
    now_ += absl::Milliseconds(200 + Below(60000));
    DecisionRequest request;
    request.user_id = absl::StrCat("user-", Below(kUsers));
    request.surface = Below(2) == 0 ? "page" : "lined";
    request.slate_size = static_cast<uint32_t>(1 + Below(3));
    request.occurred_at = now_;
    request.context["hour"] = Between(0, 24);
    if (Below(3) != 0) request.context["basket"] = Between(-100, 400);
    for (const char* action : {"paid-1", "paid-2", "paid-3", "free-1", "free-2"}) {
      request.context[absl::StrCat("affinity.", action)] = Between(-150, 150);
      if (Below(2) == 0) request.context[absl::StrCat("distance.", action)] = Between(-900, 900);
    }
    const auto decision = client->Decide(request, absl::Seconds(30));
    ASSERT_THAT(decision, IsOk());
    recent_.push_back({decision->id, static_cast<uint32_t>(decision->actions.size()), now_});
    if (recent_.size() > kReported) recent_.erase(recent_.begin());
  }

  // Exposures mostly at once, outcomes later, some twice, some corrected, some too late.
  void ReportSome(DecisionClient* client) {
    const Reported& last = recent_.back();
    for (uint32_t position = 1; position <= last.positions; ++position) {
      if (Below(10) < 8) {
        ASSERT_THAT(
            client->ReportExposure(last.id, position, last.at + absl::Seconds(1), kPatience),
            IsOk());
      }
    }
    for (size_t reports = Below(3); reports > 0; --reports) {
      const Reported& one = recent_[Below(recent_.size())];
      DecisionClient::Outcome outcome;
      outcome.decision = one.id;
      outcome.position = static_cast<uint32_t>(1 + Below(one.positions));
      outcome.outcome_id = absl::StrCat("o-", Below(2));
      outcome.kind = Below(10) == 0 ? "view" : "click";
      outcome.value = Below(5) == 0 ? 0 : Between(0, 1);
      outcome.occurred_at = one.at + absl::Seconds(2 + Below(200));
      ASSERT_THAT(client->ReportOutcome(outcome, kPatience), IsOk());
    }
  }

  struct Reported {
    DecisionId id;
    uint32_t positions = 0;
    absl::Time at;
  };

  static constexpr absl::Duration kPatience = absl::Seconds(30);

  const std::string directory_;
  std::mt19937_64 random_{20240612};
  absl::Time now_ = absl::FromUnixSeconds(1574553600);
  std::vector<Reported> recent_;
  uint64_t runs_ = 0;
};

// Tests on the log of such a service in three lives of `decisions_per_life` each: stopped, killed,
// stopped. One log for all tests of `Suite`: none changes it.
template <typename Suite, int decisions_per_life>
class ReplayedLives : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    world_ = new ReplayWorld(directory_->path());
    world_->LoadUsers();
    for (const int signal : {SIGTERM, SIGKILL, SIGTERM}) world_->Run(decisions_per_life, signal);
  }
  static void TearDownTestSuite() {
    delete world_;
    delete directory_;
  }

  inline static TemporaryDirectory* directory_ = nullptr;
  inline static ReplayWorld* world_ = nullptr;
};

}  // namespace fulcrum::testing
