// Row `forest_k10_vs_xgboost`: how many times faster Model::Predict scores ten candidates than
// XGBoost's in-place dense prediction, with one thread, on the same model and rows, in one run
// (bench/interleave.h). Both give probabilities; ours starts from float64 rows, XGBoost's from
// float32.
//
// The demo's model and rows, if `make demo` has left them, else made-up ones; the row says which.
// The demo's training may stop after few trees, so `forest_k10_large_vs_xgboost` measures 200 trees
// of depth 5 on made-up data in any case.
#include <cstdio>

#include "bench/interleave.h"
#include "bench/rows.h"

#ifdef FULCRUM_WITH_TRAINING

#include <benchmark/benchmark.h>
#include <xgboost/c_api.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/demo_model.h"
#include "base/check.h"
#include "base/file.h"
#include "base/random.h"
#include "bench/made_up_data.h"
#include "config/manifest.h"
#include "scoring/model.h"
#include "training/booster.h"
#include "training/trainer.h"

namespace fulcrum {
namespace {

using bench::kCandidates;
constexpr size_t kRequests = 64;  // by turns, so that no branch predictor learns the rows
constexpr char kDemoModel[] = FULCRUM_SOURCE_DIR "/build/demo/config/model/manifest.yaml";
constexpr char kDemoData[] = FULCRUM_SOURCE_DIR "/build/demo-data/obd";

// A model as XGBoost and we read it, and what it is asked.
struct Case {
  config::ModelManifest manifest;
  std::string forest_json;
  apps::DemoData data;
  std::string origin;
};

Case LargeCase() {
  Case result;
  result.data = bench::MadeUpData();
  training::TrainingOptions options;
  options.validation_share = 0;
  options.rounds_max = 200;
  options.depth_max = 5;
  auto trained = training::TrainModel(apps::DemoTrainingRows(result.data), options);
  FULCRUM_CHECK(trained.ok());
  result.manifest = std::move(trained->manifest);
  result.forest_json = std::move(trained->forest_json);
  result.origin = "made-up data";
  return result;
}

std::optional<Case> DemoCase() {
  base::FileSystem* files = base::PosixFileSystem();
  Case result;
  auto manifest = config::LoadManifest(files, kDemoModel);
  auto data = apps::ReadDemoData(files, kDemoData);
  if (!manifest.ok() || !data.ok()) return std::nullopt;
  auto forest = base::ReadWholeFile(
      files, absl::StrCat(manifest->directory, "/", manifest->forest_file), size_t{64} << 20);
  FULCRUM_CHECK(forest.ok());
  return Case{*std::move(manifest), *std::move(forest), *std::move(data),
              "the demo's model and rows"};
}

std::vector<double> EncodedRows(const scoring::Model& model, const apps::DemoData& data) {
  const apps::DemoCampaign& campaign = data.campaigns.front();
  base::RandomStream random(2);
  std::vector<double> rows;
  for (size_t i = 0; i < kRequests; ++i) {
    const size_t row = i * campaign.random.size() / kRequests;
    bench::AppendEncoded(model, campaign, campaign.random[row], random, &rows);
  }
  return rows;
}

// XGBoost's side, with everything that can be prepared prepared.
class Peer {
 public:
  Peer(const std::string& json, const std::vector<double>& rows, size_t columns)
      : booster_(*training::Booster::FromJson(json)), rows_(rows.begin(), rows.end()) {
    FULCRUM_CHECK(booster_.SetParameters({{"nthread", "1"}, {"verbosity", "0"}}).ok());
    for (size_t request = 0; request < kRequests; ++request) {
      const auto address =
          reinterpret_cast<uintptr_t>(rows_.data() + request * kCandidates * columns);
      arrays_.push_back(absl::StrCat("{\"data\":[", address, ",true],\"shape\":[", kCandidates, ",",
                                     columns, "],\"typestr\":\"<f4\",\"version\":3}"));
    }
  }

  const float* Predict(size_t request) const {
    constexpr char kConfig[] =
        R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,)"
        R"("missing":NaN,"strict_shape":false,"cache_id":0})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* result = nullptr;
    FULCRUM_CHECK(XGBoosterPredictFromDense(booster_.handle(), arrays_[request].c_str(), kConfig,
                                            nullptr, &shape, &dimensions, &result) == 0);
    FULCRUM_CHECK(shape[0] == kCandidates);
    return result;
  }

 private:
  training::Booster booster_;
  std::vector<float> rows_;
  std::vector<std::string> arrays_;
};

void Compare(const char* name, const Case& given) {
  auto parsed = scoring::ParseXgboostJson(given.forest_json);
  FULCRUM_CHECK(parsed.ok());
  const std::string shape = absl::StrCat(parsed->forest.trees(), " trees, ", parsed->forest.nodes(),
                                         " nodes, ", parsed->forest.columns(), " columns");
  const std::shared_ptr<const scoring::Model> model =
      *scoring::Model::Create(given.manifest, *std::move(parsed));
  const size_t columns = model->columns();
  const std::vector<double> rows = EncodedRows(*model, given.data);
  const Peer peer(given.forest_json, rows, columns);

  std::vector<double> out(kCandidates);
  const auto predict = [&](size_t request) {
    const size_t values = kCandidates * columns;
    model->Predict(absl::MakeConstSpan(rows).subspan(request * values, values),
                   absl::MakeSpan(out));
  };
  for (size_t request = 0; request < kRequests; ++request) {
    predict(request);
    const float* expected = peer.Predict(request);
    for (size_t i = 0; i < kCandidates; ++i) {
      FULCRUM_CHECK(std::abs(out[i] - static_cast<double>(expected[i])) <= 1e-6);
    }
  }

  size_t ours = 0;
  size_t theirs = 0;
  const bench::TimeRatio times =
      bench::CompareTimes([&] { benchmark::DoNotOptimize(peer.Predict(theirs++ % kRequests)); },
                          [&] {
                            predict(ours++ % kRequests);
                            benchmark::DoNotOptimize(out.data());
                          });
  bench::ReportRow(
      {.name = name,
       .value = times.ratio,
       .unit = "times as fast",
       .aim = 1,
       .direction = bench::Aim::kAtLeast,
       .gate = bench::Gate::kGated,
       .against = absl::StrFormat("%s XGBoosterPredictFromDense, one thread, 20 pairs of windows; "
                                  "%s: %s; here %.2f, XGBoost %.2f us",
                                  training::XgboostVersion(), given.origin, shape, times.b_ns / 1e3,
                                  times.a_ns / 1e3)});
}

int Run() {
  const Case large = LargeCase();
  const std::optional<Case> demo = DemoCase();
  Compare("forest_k10_vs_xgboost", demo ? *demo : large);
  Compare("forest_k10_large_vs_xgboost", large);
  return 0;
}

}  // namespace
}  // namespace fulcrum

int main() {
  return fulcrum::Run();
}

#else

int main() {
  std::puts("forest_bench needs FULCRUM_WITH_XGBOOST");
  return 0;
}

#endif
