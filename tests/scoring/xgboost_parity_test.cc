// Our predictions against those that XGBoost recorded (tests/golden/xgboost/make_golden.py).
#include <cmath>
#include <fstream>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "scoring/model.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

constexpr double kProbabilityError = 1e-6;
constexpr double kMarginError = 1e-5;  // times max(1, |margin|)

std::string GoldenPath(const std::string& name) {
  return absl::StrCat(FULCRUM_SOURCE_DIR, "/tests/golden/xgboost/", name);
}

struct Golden {
  size_t columns = 0;
  std::vector<double> rows;
  std::vector<double> margins;
  std::vector<double> predictions;
};

double ToNumber(absl::string_view cell) {
  double value = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(cell.empty() || absl::SimpleAtod(cell, &value)) << std::string(cell);
  return value;
}

Golden ReadGolden(const std::string& name) {
  std::ifstream file(GoldenPath(name + ".csv"));
  std::string line;
  std::getline(file, line);
  Golden golden;
  golden.columns = std::vector<std::string>(absl::StrSplit(line, ',')).size() - 2;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    EXPECT_EQ(cells.size(), golden.columns + 2);
    for (size_t i = 0; i < golden.columns; ++i) golden.rows.push_back(ToNumber(cells[i]));
    golden.margins.push_back(ToNumber(cells[golden.columns]));
    golden.predictions.push_back(ToNumber(cells[golden.columns + 1]));
  }
  return golden;
}

std::shared_ptr<const Model> LoadGolden(const std::string& name, size_t columns) {
  config::ModelManifest manifest;
  manifest.name = name;
  manifest.directory = GoldenPath("");
  manifest.forest_file = name + ".json";
  for (size_t i = 0; i < columns; ++i) {
    manifest.columns.push_back(
        {absl::StrCat("x", i), config::ColumnSource::kContext, absl::StrCat("x", i), std::nullopt});
  }
  absl::StatusOr<std::shared_ptr<const Model>> model =
      Model::Load(base::PosixFileSystem(), manifest);
  FULCRUM_EXPECT_OK(model);
  return model.ok() ? *model : nullptr;
}

class XgboostParity : public ::testing::TestWithParam<const char*> {};

TEST_P(XgboostParity, PredictionsAreXgboosts) {
  const Golden golden = ReadGolden(GetParam());
  ASSERT_GE(golden.margins.size(), 50);
  const auto model = LoadGolden(GetParam(), golden.columns);
  ASSERT_NE(model, nullptr);
  std::vector<double> predictions(golden.margins.size());
  model->Predict(golden.rows, absl::MakeSpan(predictions));
  const bool probability = std::string(GetParam()).starts_with("logistic");
  double worst = 0;
  for (size_t i = 0; i < predictions.size(); ++i) {
    const double expected = golden.predictions[i];
    const double allowed =
        probability ? kProbabilityError : kMarginError * std::max(1.0, std::abs(expected));
    EXPECT_NEAR(predictions[i], expected, allowed) << "row " << i;
    worst = std::max(worst, std::abs(predictions[i] - expected) / allowed);
  }
  RecordProperty("worst_share_of_allowed_error", absl::StrCat(worst));
}

TEST_P(XgboostParity, MarginsAreXgboosts) {
  const Golden golden = ReadGolden(GetParam());
  const absl::StatusOr<std::string> text = base::ReadWholeFile(
      base::PosixFileSystem(), GoldenPath(std::string(GetParam()) + ".json"), kXgboostJsonBytesMax);
  FULCRUM_ASSERT_OK(text);
  const absl::StatusOr<XgboostModel> model = ParseXgboostJson(*text);
  FULCRUM_ASSERT_OK(model);
  const std::vector<float> rows(golden.rows.begin(), golden.rows.end());
  std::vector<float> margins(golden.margins.size());
  model->forest.Predict(rows, absl::MakeSpan(margins));
  double worst = 0;
  for (size_t i = 0; i < margins.size(); ++i) {
    const double allowed = kMarginError * std::max(1.0, std::abs(golden.margins[i]));
    EXPECT_NEAR(margins[i], golden.margins[i], allowed) << "row " << i;
    worst = std::max(worst, std::abs(margins[i] - golden.margins[i]) / allowed);
  }
  RecordProperty("worst_share_of_allowed_error", absl::StrCat(worst));
}

TEST_P(XgboostParity, TheRowsHaveMissingValuesAndSeveralAnswers) {
  const Golden golden = ReadGolden(GetParam());
  const auto missing =
      std::count_if(golden.rows.begin(), golden.rows.end(), [](double x) { return std::isnan(x); });
  EXPECT_GE(missing, 10);
  const auto [low, high] = std::minmax_element(golden.margins.begin(), golden.margins.end());
  EXPECT_GT(*high - *low, 0.5);
}

INSTANTIATE_TEST_SUITE_P(Golden, XgboostParity,
                         ::testing::Values("logistic_missing", "logistic_rare_leafwise",
                                           "logistic_share_stumps", "squared_error_forest"));

}  // namespace
}  // namespace fulcrum::scoring
