#include "scoring/model.h"

#include <cmath>
#include <limits>

#include "base/math.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

using config::ColumnSource;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

// Adds `weight` to the margin where the column is at least 0.5; missing counts as below.
Tree AtLeastHalf(uint32_t column, float weight) {
  return {{.left = 1, .right = 2, .column = column, .value = 0.5F, .default_left = true},
          {.value = 0},
          {.value = weight}};
}

config::ModelManifest Manifest() {
  config::ModelManifest manifest;
  manifest.name = "small";
  manifest.version = 77;
  manifest.columns = {
      {"age", ColumnSource::kUser, "age", std::nullopt},
      {"city=a", ColumnSource::kUser, "city", "a"},
      {"city=b", ColumnSource::kUser, "city", "b"},
      {"price", ColumnSource::kItem, "price", std::nullopt},
      {"hour", ColumnSource::kContext, "hour", std::nullopt},
      {"affinity", ColumnSource::kCandidate, "affinity", std::nullopt},
      {"kind=x", ColumnSource::kItem, "kind", "x"},
  };
  return manifest;
}

XgboostModel SmallForest(uint32_t columns) {
  XgboostModel model;
  absl::StatusOr<Forest> forest = Forest::Build(columns, -1, {AtLeastHalf(2, 3)});
  EXPECT_TRUE(forest.ok());
  model.forest = *std::move(forest);
  return model;
}

std::shared_ptr<const Model> Small() {
  auto model = Model::Create(Manifest(), SmallForest(7));
  EXPECT_TRUE(model.ok()) << model.status();
  return *model;
}

TEST(Model, EncodesEachSourceIntoItsColumns) {
  const auto model = Small();
  const Model::Values user = {{"age", 31.0}, {"city", "b"}};
  const Model::Values item = {{"price", 9.5}, {"kind", "x"}};
  const Model::Values context = {{"hour", 13.0}, {"affinity.shoes", 4.0}, {"affinity.hat", 5.0}};
  std::vector<double> row(model->columns(), -99);
  model->Encode(&user, &item, context, "shoes", absl::MakeSpan(row));
  EXPECT_THAT(row, ElementsAre(31, 0, 1, 9.5, 13, 4, 1));
}

TEST(Model, MissingAndValuesOfTheOtherTypeAreNan) {
  const auto model = Small();
  const Model::Values user = {{"age", "old"}, {"city", 7.0}};
  const Model::Values item = {{"price", std::monostate()}, {"kind", "unseen"}};
  std::vector<double> row(model->columns(), -99);
  model->Encode(&user, &item, {{"affinity.hat", 5.0}}, "shoes", absl::MakeSpan(row));
  EXPECT_THAT(row, ElementsAre(IsNan(), IsNan(), IsNan(), IsNan(), IsNan(), IsNan(), 0));
  model->Encode(nullptr, nullptr, {}, "shoes", absl::MakeSpan(row));
  EXPECT_THAT(row, ::testing::Each(IsNan()));
}

TEST(Model, PredictsProbabilitiesForAnyNumberOfRows) {
  const auto model = Small();
  for (const size_t count : {0, 1, 10, 16, 17, 100}) {
    std::vector<double> rows(count * 7, 0);
    for (size_t i = 0; i < count; i += 2) rows[i * 7 + 2] = 1;
    std::vector<double> out(count, -1);
    model->Predict(rows, absl::MakeSpan(out));
    for (size_t i = 0; i < count; ++i) {
      EXPECT_THAT(out[i], DoubleEq(base::Sigmoid(i % 2 == 0 ? 2 : -1))) << count << ", " << i;
    }
  }
}

TEST(Model, NumbersBeyondFloat32AreComparedAsInfinities) {
  const auto model = Small();
  std::vector<double> rows(14, 0);
  rows[2] = 1e300;
  rows[9] = -1e300;
  std::vector<double> out(2);
  model->Predict(rows, absl::MakeSpan(out));
  EXPECT_THAT(out, ElementsAre(DoubleEq(base::Sigmoid(2)), DoubleEq(base::Sigmoid(-1))));
}

TEST(Model, PredictsAtTheLargestColumnCount) {
  config::ModelManifest manifest;
  for (uint32_t i = 0; i < Forest::kColumnsMax; ++i) {
    const std::string name = "c" + std::to_string(i);
    manifest.columns.push_back({name, ColumnSource::kContext, name, std::nullopt});
  }
  const auto model = Model::Create(manifest, SmallForest(Forest::kColumnsMax));
  FULCRUM_ASSERT_OK(model);
  std::vector<double> rows(size_t{3} * Forest::kColumnsMax, 0);
  rows[Forest::kColumnsMax + 2] = 1;
  std::vector<double> out(3);
  (*model)->Predict(rows, absl::MakeSpan(out));
  EXPECT_THAT(out, ElementsAre(base::Sigmoid(-1), base::Sigmoid(2), base::Sigmoid(-1)));
}

TEST(Model, SquaredErrorPredictsTheMarginItself) {
  XgboostModel forest = SmallForest(7);
  forest.link = Link::kIdentity;
  const auto model = Model::Create(Manifest(), std::move(forest));
  FULCRUM_ASSERT_OK(model);
  const std::vector<double> row(7, std::numeric_limits<double>::quiet_NaN());
  double out = 0;
  (*model)->Predict(row, {&out, 1});
  EXPECT_EQ(out, -1);
}

TEST(Model, KnowsItsManifestsVersion) {
  EXPECT_EQ(Small()->version(), 77);
}

TEST(Model, RefusesAForestOfAnotherShape) {
  EXPECT_THAT(
      Model::Create(Manifest(), SmallForest(8)),
      testing::StatusIs(absl::StatusCode::kInvalidArgument,
                        HasSubstr("splits 8 columns, the manifest of model small names 7")));
}

TEST(Model, RefusesAForestTrainedOnColumnsInAnotherOrder) {
  XgboostModel forest = SmallForest(7);
  forest.feature_names = {"age", "city=b", "city=a", "price", "hour", "affinity", "kind=x"};
  EXPECT_THAT(Model::Create(Manifest(), std::move(forest)),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("column 1 is \"city=b\" in the forest")));
}

TEST(Model, RefusesTwoColumnsForOneText) {
  config::ModelManifest manifest = Manifest();
  manifest.columns[1].equals = "b";
  EXPECT_THAT(Model::Create(manifest, SmallForest(7)),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("equals \"b\"")));
}

TEST(Model, NamesTheFileThatItCannotUse) {
  config::ModelManifest manifest = Manifest();
  manifest.directory = FULCRUM_SOURCE_DIR;
  manifest.forest_file = "no_such_forest.json";
  EXPECT_THAT(Model::Load(base::PosixFileSystem(), manifest),
              testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("no_such_forest.json")));
  manifest.forest_file = "CMakeLists.txt";
  EXPECT_THAT(
      Model::Load(base::PosixFileSystem(), manifest),
      testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("CMakeLists.txt: byte")));
}

}  // namespace
}  // namespace fulcrum::scoring
