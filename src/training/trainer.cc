#include "training/trainer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/version.h"
#include "training/booster.h"
#include "training/boosting.h"
#include "training/columns.h"
#include "training/counts.h"
#include "training/summaries.h"
#include "training/weights.h"

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

std::string CountAll(absl::Span<const TrainingRow> rows) {
  Counts counts;
  for (const TrainingRow& row : rows) counts.Add(row.segment, row.action_id, row.reward);
  return counts.ToCsv();
}

// Sorted rows to columns, which are chosen by what the rows to learn from show.
absl::StatusOr<DataSet> EncodeSorted(absl::Span<const TrainingRow> rows,
                                     const TrainingOptions& options,
                                     std::vector<DroppedCategories>* dropped) {
  DataSet data;
  for (const TrainingRow& row : rows) {
    data.times_us.push_back(row.event_time_us);
    data.labels.push_back(static_cast<float>(row.reward));
    data.propensities.push_back(row.propensity);
  }
  FULCRUM_ASSIGN_OR_RETURN(const size_t learned,
                           SplitByTime(data.times_us, options.validation_share));
  FULCRUM_ASSIGN_OR_RETURN(Columns columns, ChooseColumns(rows, learned, options.categories_max));
  if (columns.columns.empty()) return absl::InvalidArgumentError("the rows have no features");
  FULCRUM_ASSIGN_OR_RETURN(data.values, EncodeRows(rows, columns.columns));
  data.columns = std::move(columns.columns);
  *dropped = std::move(columns.dropped);
  return data;
}

double Mean(absl::Span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value);
  return sum / static_cast<double>(values.size());
}

TrainingReport ReportOf(const DataSet& data, size_t learned, const Weights& weights,
                        const TrainingOptions& options) {
  TrainingReport report;
  report.rows = data.rows();
  report.validation_rows = data.rows() - learned;
  report.validation_share = options.validation_share;
  if (learned < data.rows()) report.validation_start_us = data.times_us[learned];
  report.reward_mean = Mean(data.labels);
  report.weight_cut = options.weight_cut;
  report.weight_cut_share = weights.cut_share;
  report.effective_sample_size = weights.effective_sample_size;
  report.columns = static_cast<uint32_t>(data.columns.size());
  return report;
}

config::ModelManifest ManifestOf(const DataSet& data, const TrainingOptions& options,
                                 const TrainedModel& model) {
  config::ModelManifest manifest;
  manifest.name = options.name;
  manifest.schema_version = options.schema_version;
  manifest.columns = data.columns;
  const std::vector<config::ColumnSummary> summaries = Summarise(data);
  for (size_t i = 0; i < summaries.size(); ++i) manifest.columns[i].summary = summaries[i];
  manifest.forest_file = kForestFile;
  manifest.forest_sha256 = base::ToHex(base::Sha256(model.forest_json));
  manifest.counts_file = kCountsFile;
  manifest.counts_sha256 = base::ToHex(base::Sha256(model.counts_csv));
  manifest.segment_key = options.segment_key;
  manifest.trained_on = options.trained_on;
  manifest.training_rows = data.rows();
  manifest.training_start_us = data.times_us.front();
  manifest.training_end_us = data.times_us.back();
  manifest.trainer = absl::StrCat("fulcrum ", kVersion, ", ", XgboostVersion());
  const TrainingReport& report = model.report;
  if (report.validation_rows != 0) {
    manifest.validation = {report.validation_share,    report.validation_rows,
                           report.validation_start_us, report.validation_loss,
                           report.constant_loss,       report.rounds,
                           report.rounds_tried};
  }
  return manifest;
}

}  // namespace

absl::StatusOr<TrainedModel> TrainOnDataSet(const DataSet& data, std::string counts_csv,
                                            uint64_t counts_lsn, const TrainingOptions& options) {
  FULCRUM_RETURN_IF_ERROR(CheckOptions(options));
  if (data.rows() == 0) return absl::InvalidArgumentError("there are no rows to train on");
  FULCRUM_ASSIGN_OR_RETURN(const size_t learned,
                           SplitByTime(data.times_us, options.validation_share));
  const Weights weights = InversePropensities(data.propensities, learned, options.weight_cut);
  TrainedModel model;
  model.report = ReportOf(data, learned, weights, options);
  FULCRUM_ASSIGN_OR_RETURN(model.forest_json,
                           Boost(data, learned, weights.values, options, &model.report));
  model.counts_csv = std::move(counts_csv);
  model.manifest = ManifestOf(data, options, model);
  model.manifest.counts_lsn = counts_lsn;
  return model;
}

absl::StatusOr<TrainedModel> TrainModel(std::vector<TrainingRow> rows,
                                        const TrainingOptions& options) {
  FULCRUM_RETURN_IF_ERROR(CheckOptions(options));
  FULCRUM_RETURN_IF_ERROR(CheckRows(rows));
  std::stable_sort(rows.begin(), rows.end(), [](const TrainingRow& a, const TrainingRow& b) {
    return a.event_time_us < b.event_time_us;
  });
  std::string counts = CountAll(rows);
  const auto is_neutral = [](const TrainingRow& row) { return row.action_id == kNeutralActionId; };
  const uint64_t neutral = std::erase_if(rows, is_neutral);
  if (rows.empty()) {
    return absl::InvalidArgumentError("all rows are of the neutral action: nothing to train on");
  }
  std::vector<DroppedCategories> dropped;
  FULCRUM_ASSIGN_OR_RETURN(const DataSet data, EncodeSorted(rows, options, &dropped));
  FULCRUM_ASSIGN_OR_RETURN(TrainedModel model, TrainOnDataSet(data, std::move(counts),
                                                              /*counts_lsn=*/0, options));
  model.report.rows_neutral = neutral;
  model.report.dropped = std::move(dropped);
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

}  // namespace fulcrum::training
