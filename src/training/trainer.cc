#include "training/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/status_macros.h"
#include "fulcrum/version.h"
#include "scoring/posteriors.h"
#include "training/booster.h"
#include "training/columns.h"

namespace fulcrum::training {
namespace {

constexpr char kForestFile[] = "forest.json";
constexpr char kCountsFile[] = "counts.csv";
constexpr char kManifestFile[] = "manifest.yaml";

absl::Status CheckRows(absl::Span<const TrainingRow> rows) {
  if (rows.empty()) return absl::InvalidArgumentError("there are no rows to train on");
  for (size_t i = 0; i < rows.size(); ++i) {
    const TrainingRow& row = rows[i];
    const char* problem = nullptr;
    if (row.action_id.empty()) problem = "has no action id";
    if (!(row.reward >= 0 && row.reward <= 1)) problem = "has a reward outside [0, 1]";
    if (!(row.propensity > 0 && row.propensity <= 1)) problem = "has a propensity outside (0, 1]";
    if (problem != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("training row ", i + 1, " ", problem));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const TrainingOptions& options) {
  if (options.rounds_max < 1 || options.depth_max < 1) {
    return absl::InvalidArgumentError("training needs at least one round and one level");
  }
  if (!(options.validation_share >= 0 && options.validation_share < 1)) {
    return absl::InvalidArgumentError("the validation share must be in [0, 1)");
  }
  if (!(options.weight_cut >= 1)) {
    return absl::InvalidArgumentError("the weight cut must be at least 1, the mean weight");
  }
  return absl::OkStatus();
}

// 1/propensity in multiples of its mean, at most `cut`.
std::vector<float> Weigh(absl::Span<const TrainingRow> rows, double cut, TrainingReport* report) {
  double sum = 0;
  for (const TrainingRow& row : rows) sum += 1 / row.propensity;
  const double mean = sum / static_cast<double>(rows.size());
  std::vector<float> weights;
  weights.reserve(rows.size());
  double total = 0;
  double squares = 0;
  uint64_t cut_rows = 0;
  for (const TrainingRow& row : rows) {
    const double weight = 1 / row.propensity / mean;
    const double kept = std::min(weight, cut);
    cut_rows += weight > cut ? 1 : 0;
    total += kept;
    squares += kept * kept;
    weights.push_back(static_cast<float>(kept));
  }
  report->weight_cut_share = static_cast<double>(cut_rows) / static_cast<double>(rows.size());
  report->effective_sample_size = total * total / squares;
  return weights;
}

double WeightedMean(absl::Span<const float> values, absl::Span<const float> weights) {
  double sum = 0;
  double total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    sum += static_cast<double>(weights[i]) * static_cast<double>(values[i]);
    total += static_cast<double>(weights[i]);
  }
  return sum / total;
}

// Weighted log loss. NaN without rows.
double LogLoss(absl::Span<const float> labels, absl::Span<const float> weights,
               absl::Span<const float> predictions) {
  constexpr double kSmallest = 1e-12;
  double sum = 0;
  double total = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double p = std::clamp(static_cast<double>(predictions[i]), kSmallest, 1 - kSmallest);
    const auto label = static_cast<double>(labels[i]);
    const auto weight = static_cast<double>(weights[i]);
    sum -= weight * (label * base::Log(p) + (1 - label) * base::Log(1 - p));
    total += weight;
  }
  return sum / total;
}

// Rows as XGBoost takes them, the earlier ones to learn from and the later ones to stop by.
struct Prepared {
  std::vector<config::ManifestColumn> columns;
  std::vector<float> values;
  std::vector<float> labels;
  std::vector<float> weights;
  size_t learned = 0;
};

absl::StatusOr<Prepared> Prepare(absl::Span<const TrainingRow> rows, const TrainingOptions& options,
                                 TrainingReport* report) {
  Prepared prepared;
  const auto held_back =
      static_cast<size_t>(options.validation_share * static_cast<double>(rows.size()));
  prepared.learned = rows.size() - held_back;
  FULCRUM_ASSIGN_OR_RETURN(Columns columns,
                           ChooseColumns(rows, prepared.learned, options.categories_max));
  if (columns.columns.empty()) return absl::InvalidArgumentError("the rows have no features");
  FULCRUM_ASSIGN_OR_RETURN(prepared.values, EncodeRows(rows, columns.columns));
  prepared.weights = Weigh(rows, options.weight_cut, report);
  prepared.labels.reserve(rows.size());
  double reward = 0;
  for (const TrainingRow& row : rows) {
    prepared.labels.push_back(static_cast<float>(row.reward));
    reward += row.reward;
  }
  prepared.columns = std::move(columns.columns);
  report->dropped = std::move(columns.dropped);
  report->rows = rows.size();
  report->validation_rows = held_back;
  report->reward_mean = reward / static_cast<double>(rows.size());
  report->columns = static_cast<uint32_t>(prepared.columns.size());
  return prepared;
}

Booster::Parameters ParametersOf(const TrainingOptions& options, double base_score) {
  return {{"objective", "binary:logistic"},
          {"tree_method", "hist"},
          {"nthread", "1"},
          {"verbosity", "0"},
          {"seed", absl::StrCat(options.seed & 0x7fffffff)},
          {"base_score", absl::StrFormat("%.9g", base_score)},
          {"max_depth", absl::StrCat(options.depth_max)},
          {"eta", absl::StrFormat("%.9g", options.learning_rate)},
          {"min_child_weight", absl::StrFormat("%.9g", options.child_weight_min)}};
}

absl::StatusOr<TrainingMatrix> MatrixOf(const Prepared& prepared, size_t begin, size_t end) {
  const size_t columns = prepared.columns.size();
  return TrainingMatrix::Create(
      absl::MakeConstSpan(prepared.values).subspan(begin * columns, (end - begin) * columns),
      columns, absl::MakeConstSpan(prepared.labels).subspan(begin, end - begin),
      absl::MakeConstSpan(prepared.weights).subspan(begin, end - begin));
}

// Boosts until the validation loss has not improved for `rounds_patience` rounds and keeps the
// rounds up to the best.
class Boosting {
 public:
  Boosting(const Prepared& prepared, const TrainingOptions& options, TrainingReport* report)
      : prepared_(prepared),
        options_(options),
        report_(report),
        labels_(absl::MakeConstSpan(prepared.labels).subspan(prepared.learned)),
        weights_(absl::MakeConstSpan(prepared.weights).subspan(prepared.learned)) {}

  absl::StatusOr<std::string> Run() {
    const size_t learned = prepared_.learned;
    const double mean =
        WeightedMean(absl::MakeConstSpan(prepared_.labels).subspan(0, learned), prepared_.weights);
    if (!(mean > 0 && mean < 1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "all rewards of the ", learned, " rows to learn from are ", mean, ": nothing to learn"));
    }
    const std::vector<float> constant(labels_.size(), static_cast<float>(mean));
    report_->constant_loss = LogLoss(labels_, weights_, constant);
    FULCRUM_ASSIGN_OR_RETURN(const TrainingMatrix train, MatrixOf(prepared_, 0, learned));
    if (labels_.empty()) return RunAllRounds(train, mean);
    FULCRUM_ASSIGN_OR_RETURN(const TrainingMatrix held_back,
                             MatrixOf(prepared_, learned, prepared_.labels.size()));
    const DMatrixHandle cached[] = {train.handle(), held_back.handle()};
    FULCRUM_ASSIGN_OR_RETURN(Booster booster,
                             Booster::Create(cached, ParametersOf(options_, mean)));
    FULCRUM_RETURN_IF_ERROR(RunUntilNoBetter(train, held_back, &booster));
    FULCRUM_ASSIGN_OR_RETURN(Booster best, booster.FirstRounds(static_cast<int>(report_->rounds)));
    return best.ToJson();
  }

 private:
  absl::StatusOr<std::string> RunAllRounds(const TrainingMatrix& train, double mean) {
    const DMatrixHandle cached[] = {train.handle()};
    FULCRUM_ASSIGN_OR_RETURN(Booster booster,
                             Booster::Create(cached, ParametersOf(options_, mean)));
    for (uint32_t round = 0; round < options_.rounds_max; ++round) {
      FULCRUM_RETURN_IF_ERROR(booster.AddRound(static_cast<int>(round), train));
    }
    report_->rounds = options_.rounds_max;
    report_->validation_loss = std::numeric_limits<double>::quiet_NaN();
    return booster.ToJson();
  }

  absl::Status RunUntilNoBetter(const TrainingMatrix& train, const TrainingMatrix& held_back,
                                Booster* booster) {
    report_->validation_loss = std::numeric_limits<double>::infinity();
    for (uint32_t round = 0; round < options_.rounds_max; ++round) {
      FULCRUM_RETURN_IF_ERROR(booster->AddRound(static_cast<int>(round), train));
      FULCRUM_ASSIGN_OR_RETURN(const std::vector<float> predictions, booster->Predict(held_back));
      const double loss = LogLoss(labels_, weights_, predictions);
      if (loss < report_->validation_loss) {
        report_->validation_loss = loss;
        report_->rounds = round + 1;
      } else if (round + 1 - report_->rounds >= options_.rounds_patience) {
        break;
      }
    }
    return absl::OkStatus();
  }

  const Prepared& prepared_;
  const TrainingOptions& options_;
  TrainingReport* const report_;
  const absl::Span<const float> labels_;  // of the rows held back
  const absl::Span<const float> weights_;
};

std::string Quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

// Per segment and arm, and per arm over all segments under the empty name.
std::string CountsCsv(absl::Span<const TrainingRow> rows) {
  std::map<std::pair<std::string, std::string>, scoring::ArmCounts> counts;
  for (const TrainingRow& row : rows) {
    std::vector<std::string> segments = {""};
    if (!row.segment.empty()) segments.push_back(row.segment);
    for (std::string& segment : segments) {
      scoring::ArmCounts& arm = counts[{std::move(segment), row.action_id}];
      arm.trials += 1;
      arm.successes += row.reward;
    }
  }
  std::string csv = "segment,action_id,trials,successes\n";
  for (const auto& [place, arm] : counts) {
    absl::StrAppend(&csv, Quoted(place.first), ",", Quoted(place.second), ",",
                    absl::StrFormat("%.17g,%.17g\n", arm.trials, arm.successes));
  }
  return csv;
}

config::ModelManifest ManifestOf(absl::Span<const TrainingRow> rows, const TrainingOptions& options,
                                 const TrainedModel& model,
                                 std::vector<config::ManifestColumn> columns) {
  config::ModelManifest manifest;
  manifest.name = options.name;
  manifest.schema_version = options.schema_version;
  manifest.columns = std::move(columns);
  manifest.forest_file = kForestFile;
  manifest.forest_sha256 = base::ToHex(base::Sha256(model.forest_json));
  manifest.counts_file = kCountsFile;
  manifest.counts_sha256 = base::ToHex(base::Sha256(model.counts_csv));
  manifest.segment_key = options.segment_key;
  manifest.trained_on = options.trained_on;
  manifest.training_rows = rows.size();
  manifest.training_start_us = rows.front().event_time_us;
  manifest.training_end_us = rows.back().event_time_us;
  manifest.trainer = absl::StrCat("fulcrum ", kVersion, ", ", XgboostVersion());
  return manifest;
}

}  // namespace

absl::StatusOr<TrainedModel> TrainModel(std::vector<TrainingRow> rows,
                                        const TrainingOptions& options) {
  FULCRUM_RETURN_IF_ERROR(CheckOptions(options));
  FULCRUM_RETURN_IF_ERROR(CheckRows(rows));
  std::stable_sort(rows.begin(), rows.end(), [](const TrainingRow& a, const TrainingRow& b) {
    return a.event_time_us < b.event_time_us;
  });
  TrainedModel model;
  FULCRUM_ASSIGN_OR_RETURN(Prepared prepared, Prepare(rows, options, &model.report));
  FULCRUM_ASSIGN_OR_RETURN(model.forest_json, Boosting(prepared, options, &model.report).Run());
  model.counts_csv = CountsCsv(rows);
  model.manifest = ManifestOf(rows, options, model, std::move(prepared.columns));
  return model;
}

absl::Status WriteModel(base::FileSystem* files, const std::string& directory,
                        const TrainedModel& model) {
  FULCRUM_RETURN_IF_ERROR(files->CreateDirectories(directory));
  const std::pair<const char*, std::string> contents[] = {
      {kForestFile, model.forest_json},
      {kCountsFile, model.counts_csv},
      // Last: a directory with a manifest is complete.
      {kManifestFile, config::WriteManifest(model.manifest)}};
  for (const auto& [name, content] : contents) {
    FULCRUM_RETURN_IF_ERROR(
        base::WriteFileAtomically(files, absl::StrCat(directory, "/", name), content));
  }
  return absl::OkStatus();
}

std::string ToText(const TrainingReport& report) {
  std::string text = absl::StrFormat(
      "rows %d (%d held back, the latest), mean reward %.6f\n"
      "weights: %.2f%% cut, effective sample size %.0f\n"
      "columns %d, trees kept %d\n"
      "log loss on the rows held back: %.6f, of the constant %.6f\n",
      report.rows, report.validation_rows, report.reward_mean, 100 * report.weight_cut_share,
      report.effective_sample_size, report.columns, report.rounds, report.validation_loss,
      report.constant_loss);
  for (const DroppedCategories& dropped : report.dropped) {
    absl::StrAppendFormat(&text, "feature %s: %d rare texts (%d rows) got no column\n",
                          dropped.feature, dropped.categories, dropped.rows);
  }
  return text;
}

}  // namespace fulcrum::training
