#include "scoring/model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/math.h"
#include "base/status_macros.h"

namespace fulcrum::scoring {
namespace {

using config::ColumnSource;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

bool IsShared(ColumnSource source) {
  return source == ColumnSource::kUser || source == ColumnSource::kContext;
}

const domain::FeatureValue* FindValue(const Model::Values& values, std::string_view key) {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &found->second;
}

const domain::FeatureValue* FindValue(const Model::Values* row, std::string_view key) {
  return row == nullptr ? nullptr : FindValue(*row, key);
}

absl::Status CheckNames(const config::ModelManifest& manifest,
                        const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] != manifest.columns[i].name) {
      return absl::InvalidArgumentError(
          absl::StrCat("column ", i, " is \"", names[i], "\" in the forest and \"",
                       manifest.columns[i].name, "\" in the manifest of model ", manifest.name));
    }
  }
  return absl::OkStatus();
}

// The forest's float32 view of a number. A number beyond float32 becomes an infinity, which is
// larger than every threshold, as it should be; the plain conversion would be undefined.
float Narrow(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (value > kMax) return kInfinity;
  if (value < -kMax) return -kInfinity;
  return static_cast<float>(value);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Model>> Model::Load(base::FileSystem* files,
                                                         const config::ModelManifest& manifest) {
  const std::string path = manifest.directory.empty()
                               ? manifest.forest_file
                               : absl::StrCat(manifest.directory, "/", manifest.forest_file);
  FULCRUM_ASSIGN_OR_RETURN(const std::string text,
                           base::ReadWholeFile(files, path, kXgboostJsonBytesMax));
  absl::StatusOr<XgboostModel> forest = ParseXgboostJson(text);
  absl::Status status = forest.status();
  if (status.ok()) {
    absl::StatusOr<std::shared_ptr<const Model>> model = Create(manifest, *std::move(forest));
    if (model.ok()) return model;
    status = model.status();
  }
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

absl::StatusOr<std::shared_ptr<const Model>> Model::Create(const config::ModelManifest& manifest,
                                                           XgboostModel forest) {
  if (manifest.columns.size() != forest.forest.columns()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the forest splits ", forest.forest.columns(), " columns, the manifest of model ",
        manifest.name, " names ", manifest.columns.size()));
  }
  FULCRUM_RETURN_IF_ERROR(CheckNames(manifest, forest.feature_names));
  auto model = std::make_shared<Model>();
  model->forest_ = std::move(forest.forest);
  model->link_ = forest.link;
  model->version_ = manifest.version;
  FULCRUM_RETURN_IF_ERROR(model->AddColumns(manifest));
  return model;
}

absl::Status Model::AddColumns(const config::ModelManifest& manifest) {
  for (size_t i = 0; i < manifest.columns.size(); ++i) {
    FULCRUM_RETURN_IF_ERROR(AddColumn(manifest.columns[i], static_cast<uint32_t>(i)));
  }
  return absl::OkStatus();
}

absl::Status Model::AddColumn(const config::ManifestColumn& column, uint32_t number) {
  Input* input = FindOrAddInput(column);
  if (!column.equals.has_value()) {
    input->numbers.push_back(number);
    return absl::OkStatus();
  }
  if (!input->of_text.emplace(*column.equals, number).second) {
    return absl::InvalidArgumentError(absl::StrCat("column ", column.name,
                                                   ": another column already is 1 where ",
                                                   column.key, " equals \"", *column.equals, "\""));
  }
  input->one_hot.push_back(number);
  return absl::OkStatus();
}

Model::Input* Model::FindOrAddInput(const config::ManifestColumn& column) {
  std::vector<Input>& inputs = IsShared(column.source) ? shared_inputs_ : candidate_inputs_;
  const std::string key =
      column.source == ColumnSource::kCandidate ? absl::StrCat(column.key, ".") : column.key;
  for (Input& input : inputs) {
    if (input.source == column.source && input.key == key) return &input;
  }
  Input& input = inputs.emplace_back();
  input.source = column.source;
  input.key = key;
  return &input;
}

void Model::Write(const Input& input, const domain::FeatureValue* value, absl::Span<double> out) {
  const double* number = value == nullptr ? nullptr : std::get_if<double>(value);
  const std::string* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  for (const uint32_t column : input.numbers) out[column] = number == nullptr ? kMissing : *number;
  for (const uint32_t column : input.one_hot) out[column] = text == nullptr ? kMissing : 0;
  if (text == nullptr) return;
  const auto found = input.of_text.find(*text);
  if (found != input.of_text.end()) out[found->second] = 1;
}

void Model::EncodeRequest(const Values* user, const Values& context, absl::Span<double> out) const {
  FULCRUM_CHECK(out.size() == columns());
  for (const Input& input : shared_inputs_) {
    const bool of_user = input.source == ColumnSource::kUser;
    Write(input, of_user ? FindValue(user, input.key) : FindValue(context, input.key), out);
  }
}

void Model::EncodeCandidate(const Values* item, const Values& context, std::string_view action_id,
                            absl::Span<double> out) const {
  FULCRUM_CHECK(out.size() == columns());
  std::string key;
  for (const Input& input : candidate_inputs_) {
    if (input.source == ColumnSource::kItem) {
      Write(input, FindValue(item, input.key), out);
      continue;
    }
    key.assign(input.key).append(action_id);
    Write(input, FindValue(context, key), out);
  }
}

void Model::Encode(const Values* user, const Values* item, const Values& context,
                   std::string_view action_id, absl::Span<double> out) const {
  EncodeRequest(user, context, out);
  EncodeCandidate(item, context, action_id, out);
}

// In blocks that fit a fixed buffer, so that nothing is allocated.
void Model::Predict(absl::Span<const double> rows, absl::Span<double> out) const {
  FULCRUM_CHECK(rows.size() == out.size() * columns());
  constexpr size_t kRowsMax = 16;
  std::array<float, Forest::kColumnsMax> narrow;
  std::array<float, kRowsMax> margins;
  const size_t block = std::clamp<size_t>(narrow.size() / columns(), 1, kRowsMax);
  for (size_t done = 0; done < out.size(); done += block) {
    const size_t count = std::min(block, out.size() - done);
    const absl::Span<const double> wide = rows.subspan(done * columns(), count * columns());
    std::transform(wide.begin(), wide.end(), narrow.begin(), Narrow);
    forest_.Predict({narrow.data(), wide.size()}, {margins.data(), count});
    for (size_t i = 0; i < count; ++i) {
      const auto margin = static_cast<double>(margins[i]);
      out[done + i] = link_ == Link::kLogistic ? base::Sigmoid(margin) : margin;
    }
  }
}

}  // namespace fulcrum::scoring
