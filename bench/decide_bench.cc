// Rows `decide_p50_vs_echo`, `decide_p99_vs_echo` and `decide_throughput_vs_echo`: fulcrumd against
// a bare gRPC echo of the same messages (bench/echo_server.h), same client, windows by turns.
//
// The service is whole: durability `process`, a forest of 200 trees, rows of users and items in
// RocksDB, ten candidates, a daily and a total budget and a cap per user that are accounted and
// never bind. Users are known: the salt of a new one costs a synced write once. Data:
// made_up_data.h.
#include <signal.h>

#include <cstdio>

#include "bench/echo_server.h"

#ifdef FULCRUM_WITH_TRAINING

#include <cinttypes>
#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_format.h"
#include "apps/demo_model.h"
#include "bench/interleave.h"
#include "bench/load_client.h"
#include "bench/made_up_data.h"
#include "bench/rows.h"
#include "training/trainer.h"

namespace fulcrum::bench {
namespace {

namespace fs = std::filesystem;
constexpr int kPairs = 15;
constexpr auto kSequentialWindow = std::chrono::milliseconds(700);
constexpr auto kThroughputWindow = std::chrono::milliseconds(500);
constexpr size_t kOutstanding = 32;
// A decision may cost three times what moving its messages costs. The issue gates the median; the
// tail and the throughput (the same work, and a machine that client and server share) are held to
// the same share as an aim.
constexpr double kRatioMax = 4;

void WriteFile(const std::string& path, const std::string& text) {
  FULCRUM_CHECK(base::WriteFileAtomically(base::PosixFileSystem(), path, text).ok());
}

std::string Binary(const char* name) {
  return (fs::read_symlink("/proc/self/exe").parent_path() / name).string();
}

void WriteBundle(const std::string& directory, const apps::DemoCampaign& campaign) {
  std::string actions;
  for (size_t i = 0; i < campaign.items.size(); ++i) {
    absl::StrAppend(&actions, "      - {id: ", apps::ActionIdOf(campaign.name, static_cast<int>(i)),
                    ", cost_micros: 2_000_000}\n");
  }
  WriteFile(directory + "/bundle.yaml", absl::StrCat(R"(server:
  {listen: "127.0.0.1:0", metrics_listen: "127.0.0.1:0", data_dir: data, durability: process}
model: {manifest: model/manifest.yaml}
surfaces:
  - id: shop
    campaigns: [all]
    latency_budget: 25ms
    slate_size_max: 1
    candidates_max: 100
    baseline: {value: 0}
    exploration_floor: 0.02
    segment_feature: user_feature_0
    policy_salt: bench
constraints:
  - {id: all-day, campaign: all, resource: cost, window: day, limit: 1_000_000_000_000_000}
  - {id: all-total, campaign: all, resource: cost, window: total, limit: 1_000_000_000_000_000}
  - {id: all-cap, campaign: all, resource: exposures, per: user, window: day, limit: 1_000_000}
campaigns:
  - id: all
    account: bench
    currency: JPY
    time_zone: Asia/Tokyo
    actions:
)",
                                                     actions));
  fs::copy_file(fs::path(FULCRUM_SOURCE_DIR) / "configs/demo/features.yaml",
                fs::path(directory) / "features.yaml");
}

void Train(const std::string& directory, const apps::DemoData& data) {
  training::TrainingOptions options;
  options.validation_share = 0;  // all rounds are kept: the work is what matters here
  options.segment_key = "user_feature_0";
  const auto model = training::TrainModel(apps::DemoTrainingRows(data), options);
  FULCRUM_CHECK(model.ok());
  FULCRUM_CHECK(training::WriteModel(base::PosixFileSystem(), directory + "/model", *model).ok());
}

void Load(const std::string& directory, const char* view, const std::string& csv) {
  const std::string path = absl::StrCat(directory, "/", view, ".csv");
  WriteFile(path, csv);
  auto loader = apps::ChildProcess::Start(
      {Binary("fulcrum"), "load", "--config", directory, "--view", view, "--file", path},
      directory + "/load.txt");
  FULCRUM_CHECK(loader.ok());
  const auto code = loader->Wait(absl::Minutes(1));
  FULCRUM_CHECK(code.ok() && *code == 0);
}

// A folder that goes with the process.
class Folder {
 public:
  Folder() {
    std::string path = (fs::temp_directory_path() / "fulcrum-decide-bench-XXXXXX").string();
    FULCRUM_CHECK(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~Folder() { fs::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Counts what the service says about its answers.
class Answers {
 public:
  void Note(const v1::DecideResponse& response) {
    ++count_;
    FULCRUM_CHECK(response.actions_size() == 1);
    FULCRUM_CHECK(response.features_missing() == 0 && response.features_stale() == 0);
    if (response.degraded()) {
      ++degraded_;
      return;
    }
    last_ = response;
    const v1::Timing& timing = response.timing();
    Add("edge", timing.edge());
    Add("features", timing.features());
    Add("scoring", timing.scoring());
    Add("orchestration", timing.orchestration());
    Add("log", timing.log());
    Add("total", timing.total());
  }
  void ForgetTimes() { stages_.clear(); }
  void PrintTimes() {
    for (auto& [stage, times] : stages_) {
      std::printf("  %-14s p50 %6.0f us   p99 %6.0f us\n", stage.c_str(), Quantile(times, 0.5),
                  Quantile(times, 0.99));
    }
  }
  const v1::DecideResponse& last() const { return last_; }
  size_t count() const { return count_; }
  size_t degraded() const { return degraded_; }

 private:
  void Add(const char* stage, const google::protobuf::Duration& spent) {
    stages_[stage].push_back(static_cast<double>(spent.seconds()) * 1e6 + spent.nanos() / 1e3);
  }

  size_t count_ = 0;
  size_t degraded_ = 0;
  v1::DecideResponse last_;
  std::map<std::string, std::vector<double>> stages_;
};

using Figures = std::vector<std::pair<Window, Window>>;

double MedianOf(const Figures& figures, bool ours, double Window::*figure) {
  std::vector<double> values;
  for (const auto& [a, b] : figures) values.push_back((ours ? a : b).*figure);
  return Median(std::move(values));
}

void ReportRatio(const char* name, const Figures& figures, double Window::*figure, Aim direction,
                 Gate gate, const std::string& against) {
  Row row;
  row.name = name;
  row.value = MedianRatio(figures, [figure](const Window& window) { return window.*figure; });
  row.unit = "ratio";
  row.aim = direction == Aim::kAtMost ? kRatioMax : 1 / kRatioMax;
  row.direction = direction;
  row.gate = gate;
  row.against =
      absl::StrFormat("bare gRPC echo, %d pairs of windows; here %.0f, echo %.0f %s%s", kPairs,
                      MedianOf(figures, true, figure), MedianOf(figures, false, figure),
                      direction == Aim::kAtMost ? "us" : "1/s", against);
  ReportRow(row);
}

int Run() {
  const Folder folder;
  const std::string& directory = folder.path();
  const apps::DemoData data = MadeUpData();
  const apps::DemoCampaign& campaign = data.campaigns.front();
  WriteBundle(directory, campaign);
  Train(directory, data);
  Load(directory, "user_profile", apps::UsersCsv(data));
  Load(directory, "item_profile", apps::ItemsCsv(data));

  const std::string ready = directory + "/ready";
  auto service = apps::ChildProcess::Start(
      {Binary("fulcrumd"), "--config", directory, "--seed", "1", "--ready-file", ready},
      directory + "/fulcrumd.txt");
  FULCRUM_CHECK(service.ok());
  const int port = WaitUntilReady(&*service, ready);

  base::RandomStream random(2);
  std::vector<v1::DecideRequest> requests;
  for (const apps::LoggedRow& row : campaign.random) {
    requests.push_back(RequestOf(campaign, row, random));
  }
  Answers answers;
  LoadClient ours(port, &requests, [&answers](const auto& response) { answers.Note(response); });
  ours.SendAll();
  const EchoProcess echo = StartEcho(EchoKind::kQueue, answers.last(), directory);
  LoadClient bare(echo.port, &requests,
                  [](const auto& response) { FULCRUM_CHECK(response.actions_size() == 1); });
  bare.SendAll();
  std::printf("request %zu bytes, response %zu bytes\n", requests.front().ByteSizeLong(),
              answers.last().ByteSizeLong());

  answers.ForgetTimes();
  MachineLag lag;
  const Figures sequential = Interleave(
      kPairs, [&] { return ours.Sequential(kSequentialWindow); },
      [&] { return bare.Sequential(kSequentialWindow); });
  std::vector<double> late_us = lag.Stop();
  std::puts("stages of the service, one call at a time:");
  answers.PrintTimes();
  const Figures parallel = Interleave(
      kPairs, [&] { return ours.Throughput(kOutstanding, kThroughputWindow); },
      [&] { return bare.Throughput(kOutstanding, kThroughputWindow); });
  std::printf("%zu decisions, %zu of them degraded\n", answers.count(), answers.degraded());
  FULCRUM_CHECK(answers.degraded() * 100 <= answers.count());

  ReportRatio("decide_p50_vs_echo", sequential, &Window::p50_us, Aim::kAtMost, Gate::kGated,
              ", one call at a time");
  ReportRatio(
      "decide_p99_vs_echo", sequential, &Window::p99_us, Aim::kAtMost, Gate::kReported,
      absl::StrFormat(", one call at a time; the machine's own lag (1 ms timer): p50 %.0f, "
                      "p99 %.0f, largest %.0f us",
                      Quantile(late_us, 0.5), Quantile(late_us, 0.99), Quantile(late_us, 1)));
  ReportRatio("decide_throughput_vs_echo", parallel, &Window::per_second, Aim::kAtLeast,
              Gate::kReported,
              absl::StrFormat(", %d calls outstanding, client and server on %u processors",
                              kOutstanding, std::thread::hardware_concurrency()));
  service->Signal(SIGTERM);
  const auto code = service->Wait(absl::Seconds(30));
  FULCRUM_CHECK(code.ok() && *code == 0);
  return 0;
}

}  // namespace
}  // namespace fulcrum::bench

int main(int argc, char** argv) {
  fulcrum::bench::MaybeRunEcho(argc, argv);
  return fulcrum::bench::Run();
}

#else

int main() {
  std::puts("decide_bench needs FULCRUM_WITH_XGBOOST: it trains its model");
  return 0;
}

#endif
