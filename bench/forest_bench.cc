// Row `forest_k10_vs_xgboost`: how many times faster Model::Predict scores ten candidates than
// XGBoost's in-place dense prediction, with one thread, on the same model and rows, in one run
// (bench/interleave.h). Both give probabilities; ours starts from float64 rows, XGBoost's from
// float32. The model has the size of the demo's: 200 trees of depth 5 over about 60 columns.
#include <cstdio>

#include "bench/interleave.h"
#include "bench/rows.h"

#ifdef FULCRUM_WITH_TRAINING

#include <benchmark/benchmark.h>
#include <xgboost/c_api.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/random.h"
#include "scoring/model.h"
#include "training/booster.h"
#include "training/trainer.h"

namespace fulcrum {
namespace {

constexpr size_t kCandidates = 10;
constexpr size_t kRequests = 64;  // by turns, so that no branch predictor learns the rows

// Shaped as the demo's logs: four text features of the user, one number and three texts of the
// item, hour of day and an affinity per candidate.
std::vector<training::TrainingRow> MadeUpLog() {
  base::RandomStream random(1);
  std::vector<training::TrainingRow> rows(20000);
  for (size_t i = 0; i < rows.size(); ++i) {
    training::TrainingRow& row = rows[i];
    double margin = -2;
    row.event_time_us = static_cast<int64_t>(i);
    row.action_id = absl::StrCat("item-", random.NextBelow(40));
    for (int f = 0; f < 4; ++f) {
      const uint32_t text = random.NextBelow(10);
      row.user[absl::StrCat("user_feature_", f)] = absl::StrCat("text-", text);
      margin += 0.08 * text * (f - 1.5);
    }
    for (int f = 1; f < 4; ++f) {
      row.item[absl::StrCat("item_feature_", f)] = absl::StrCat("text-", random.NextBelow(6));
    }
    row.item["item_feature_0"] = random.NextUniform() - 0.5;
    row.context["hour"] = static_cast<double>(random.NextBelow(24));
    if (random.NextBelow(5) != 0) {
      const uint32_t affinity = random.NextBelow(4);
      row.candidate["affinity"] = static_cast<double>(affinity);
      margin += 0.5 * affinity;
    }
    row.reward = random.NextUniform() < 1 / (1 + std::exp(-margin)) ? 1 : 0;
  }
  return rows;
}

training::TrainedModel Train() {
  training::TrainingOptions options;
  options.validation_share = 0;
  options.rounds_max = 200;
  options.depth_max = 5;
  auto trained = training::TrainModel(MadeUpLog(), options);
  FULCRUM_CHECK(trained.ok());
  return *std::move(trained);
}

// Encoded rows, as they come: about one value in ten is missing, texts are one-hot.
std::vector<double> MadeUpRows(const std::vector<config::ManifestColumn>& columns) {
  base::RandomStream random(2);
  std::vector<double> rows;
  for (size_t i = 0; i < kRequests * kCandidates; ++i) {
    for (const config::ManifestColumn& column : columns) {
      const double value = column.equals.has_value() ? (random.NextBelow(8) == 0 ? 1 : 0)
                                                     : 20 * random.NextUniform();
      const bool missing = random.NextBelow(10) == 0;
      rows.push_back(missing ? std::numeric_limits<double>::quiet_NaN() : value);
    }
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

int Run() {
  const training::TrainedModel trained = Train();
  auto parsed = scoring::ParseXgboostJson(trained.forest_json);
  FULCRUM_CHECK(parsed.ok());
  std::printf("model: %zu trees, %zu nodes, %u columns\n", parsed->forest.trees(),
              parsed->forest.nodes(), parsed->forest.columns());
  const std::shared_ptr<const scoring::Model> model =
      *scoring::Model::Create(trained.manifest, *std::move(parsed));
  const size_t columns = model->columns();
  const std::vector<double> rows = MadeUpRows(trained.manifest.columns);
  const Peer peer(trained.forest_json, rows, columns);

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
  std::printf("ten candidates: ours %.2f us, XGBoost %.2f us\n", times.b_ns / 1e3,
              times.a_ns / 1e3);
  bench::ReportRow(
      {.name = "forest_k10_vs_xgboost",
       .value = times.ratio,
       .unit = "times as fast",
       .aim = 1,
       .direction = bench::Aim::kAtLeast,
       .gate = bench::Gate::kGated,
       .against = absl::StrCat(training::XgboostVersion(),
                               " XGBoosterPredictFromDense, one thread, same model and "
                               "rows, 20 pairs of windows")});
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
