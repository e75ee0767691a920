#include "training/columns.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "scoring/model.h"

namespace fulcrum::training {
namespace {

using config::ColumnSource;

constexpr struct {
  ColumnSource source;
  const char* name;
  Values TrainingRow::*values;
} kSources[] = {{ColumnSource::kUser, "user", &TrainingRow::user},
                {ColumnSource::kItem, "item", &TrainingRow::item},
                {ColumnSource::kContext, "context", &TrainingRow::context},
                {ColumnSource::kCandidate, "candidate", &TrainingRow::candidate}};

// What one feature looked like.
struct Seen {
  std::string name;  // with the source, for people and as column name
  bool number = false;
  bool text = false;
  bool learned = false;                   // has a value in the rows to learn from
  std::map<std::string, uint64_t> texts;  // in the rows to learn from
};

using Features = std::map<std::pair<ColumnSource, std::string>, Seen>;

absl::Status Note(const domain::FeatureValue& value, bool learned, Seen* seen) {
  if (std::holds_alternative<std::monostate>(value)) return absl::OkStatus();
  if (const double* number = std::get_if<double>(&value)) {
    if (std::isnan(*number)) return absl::OkStatus();  // missing
    if (!(std::abs(*number) <= std::numeric_limits<float>::max())) {
      return absl::InvalidArgumentError(
          absl::StrCat("feature ", seen->name, ": ", *number, " is beyond float32"));
    }
    seen->number = true;
  } else {
    seen->text = true;
    if (learned) ++seen->texts[std::get<std::string>(value)];
  }
  seen->learned |= learned;
  if (seen->number && seen->text) {
    return absl::InvalidArgumentError(absl::StrCat(
        "feature ", seen->name, " is a number in one row and a text in another: make it one"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Features> FindFeatures(absl::Span<const TrainingRow> rows, size_t rows_learned) {
  Features features;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const auto& [source, source_name, values] : kSources) {
      for (const auto& [key, value] : rows[i].*values) {
        Seen& seen = features[{source, key}];
        if (seen.name.empty()) seen.name = absl::StrCat(source_name, ".", key);
        FULCRUM_RETURN_IF_ERROR(Note(value, i < rows_learned, &seen));
      }
    }
  }
  return features;
}

// The most frequent texts, by name; ties go to the smaller name.
std::vector<std::string> Keep(const Seen& seen, uint32_t categories_max, Columns* columns) {
  std::vector<std::pair<std::string, uint64_t>> texts(seen.texts.begin(), seen.texts.end());
  std::stable_sort(texts.begin(), texts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (texts.size() > categories_max) {
    DroppedCategories dropped = {seen.name, texts.size() - categories_max, 0};
    for (size_t i = categories_max; i < texts.size(); ++i) dropped.rows += texts[i].second;
    columns->dropped.push_back(std::move(dropped));
    texts.resize(categories_max);
  }
  std::vector<std::string> names;
  names.reserve(texts.size());
  for (auto& [text, count] : texts) names.push_back(std::move(text));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

absl::StatusOr<Columns> ChooseColumns(absl::Span<const TrainingRow> rows, size_t rows_learned,
                                      uint32_t categories_max) {
  FULCRUM_ASSIGN_OR_RETURN(const Features features, FindFeatures(rows, rows_learned));
  Columns result;
  for (const auto& [place, seen] : features) {
    const auto& [source, key] = place;
    if (!seen.learned) continue;
    if (seen.number) {
      result.columns.push_back({seen.name, source, key, std::nullopt});
      continue;
    }
    for (std::string& text : Keep(seen, categories_max, &result)) {
      std::string name = absl::StrCat(seen.name, "=", text);
      result.columns.push_back({std::move(name), source, key, std::move(text)});
    }
  }
  return result;
}

absl::StatusOr<std::vector<float>> EncodeRows(absl::Span<const TrainingRow> rows,
                                              const std::vector<config::ManifestColumn>& columns) {
  config::ModelManifest manifest;
  manifest.columns = columns;
  scoring::XgboostModel without_trees;
  FULCRUM_ASSIGN_OR_RETURN(without_trees.forest,
                           scoring::Forest::Build(static_cast<uint32_t>(columns.size()), 0, {}));
  FULCRUM_ASSIGN_OR_RETURN(const std::shared_ptr<const scoring::Model> encoder,
                           scoring::Model::Create(manifest, std::move(without_trees)));
  std::vector<float> matrix;
  matrix.reserve(rows.size() * columns.size());
  std::vector<double> wide(columns.size());
  for (const TrainingRow& row : rows) {
    Values context = row.context;
    for (const auto& [key, value] : row.candidate) {
      context[absl::StrCat(key, ".", row.action_id)] = value;
    }
    encoder->Encode(&row.user, &row.item, context, row.action_id, absl::MakeSpan(wide));
    matrix.insert(matrix.end(), wide.begin(), wide.end());
  }
  return matrix;
}

}  // namespace fulcrum::training
