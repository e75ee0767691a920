#include "training/trainer.h"

#include <cmath>
#include <set>

#include "base/hash.h"
#include "base/random.h"
#include "scoring/model.h"
#include "scoring/posteriors.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "training/booster.h"
#include "training/columns.h"

namespace fulcrum::training {
namespace {

using ::testing::HasSubstr;

// Clicks depend on the user's city and on the candidate's affinity; `b` is shown four times as
// often as `a`.
std::vector<TrainingRow> MadeUpLog(size_t count, uint64_t seed) {
  base::RandomStream random(seed);
  std::vector<TrainingRow> rows(count);
  for (size_t i = 0; i < count; ++i) {
    TrainingRow& row = rows[i];
    const bool is_a = random.NextBelow(5) == 0;
    row.event_time_us = static_cast<int64_t>(1'000'000 * i);
    row.action_id = is_a ? "a" : "b";
    row.propensity = is_a ? 0.2 : 0.8;
    const bool north = random.NextBelow(2) == 0;
    row.segment = north ? "north" : "south";
    row.user["city"] = row.segment;
    row.context["hour"] = static_cast<double>(random.NextBelow(24));
    row.item["price"] = is_a ? 1.0 : 2.0;
    const auto affinity = static_cast<double>(random.NextBelow(3));
    if (random.NextBelow(3) != 0) row.candidate["affinity"] = affinity;
    const double rate = north ? 0.1 : 0.5 + 0.15 * affinity * (is_a ? 1 : 0);
    row.reward = random.NextUniform() < rate ? 1 : 0;
  }
  return rows;
}

TrainingOptions Options() {
  TrainingOptions options;
  options.segment_key = "city";
  options.trained_on = "made up";
  options.rounds_max = 60;
  options.learning_rate = 0.2;
  return options;
}

TEST(Trainer, TheSameRowsGiveTheSameBytes) {
  const auto first = TrainModel(MadeUpLog(3000, 1), Options());
  const auto second = TrainModel(MadeUpLog(3000, 1), Options());
  FULCRUM_ASSERT_OK(first);
  FULCRUM_ASSERT_OK(second);
  EXPECT_EQ(first->forest_json, second->forest_json);
  EXPECT_EQ(first->counts_csv, second->counts_csv);
  EXPECT_EQ(config::WriteManifest(first->manifest), config::WriteManifest(second->manifest));
  const auto other = TrainModel(MadeUpLog(3000, 2), Options());
  FULCRUM_ASSERT_OK(other);
  EXPECT_NE(first->forest_json, other->forest_json);
}

TEST(Trainer, TheOrderOfTheRowsDoesNotMatterOnlyTheirTimes) {
  std::vector<TrainingRow> backwards = MadeUpLog(1000, 1);
  std::reverse(backwards.begin(), backwards.end());
  const auto first = TrainModel(MadeUpLog(1000, 1), Options());
  const auto second = TrainModel(std::move(backwards), Options());
  FULCRUM_ASSERT_OK(first);
  FULCRUM_ASSERT_OK(second);
  EXPECT_EQ(first->forest_json, second->forest_json);
}

TEST(Trainer, WhatItWritesCanBeServed) {
  const auto trained = TrainModel(MadeUpLog(4000, 1), Options());
  FULCRUM_ASSERT_OK(trained);
  testing::TemporaryDirectory directory;
  base::FileSystem* const files = base::PosixFileSystem();
  const std::string path = directory.path() + "/models/click";
  FULCRUM_ASSERT_OK(WriteModel(files, path, *trained));

  const auto manifest = config::LoadManifest(files, path + "/manifest.yaml");
  FULCRUM_ASSERT_OK(manifest);
  EXPECT_EQ(manifest->training_rows, 4000);
  EXPECT_EQ(manifest->training_end_us, 3999'000'000);
  EXPECT_EQ(manifest->segment_key, "city");
  EXPECT_THAT(manifest->trainer, HasSubstr("XGBoost 1."));
  const auto model = scoring::Model::Load(files, *manifest);
  FULCRUM_ASSERT_OK(model);
  const auto posteriors =
      scoring::Posteriors::LoadCounts(files, path + "/" + manifest->counts_file);
  FULCRUM_ASSERT_OK(posteriors);

  const auto predict = [&](const char* city, double affinity) {
    std::vector<double> row((*model)->columns());
    const Values user = {{"city", city}};
    const Values item = {{"price", 1.0}};
    (*model)->Encode(&user, &item, {{"hour", 12.0}, {"affinity.a", affinity}}, "a",
                     absl::MakeSpan(row));
    double out = 0;
    (*model)->Predict(row, {&out, 1});
    return out;
  };
  EXPECT_NEAR(predict("north", 1), 0.1, 0.06);
  EXPECT_GT(predict("south", 2), predict("south", 0) + 0.1);
}

TEST(Trainer, CountsAreWhatWasLogged) {
  std::vector<TrainingRow> rows = MadeUpLog(500, 3);
  scoring::ArmCounts north_a;
  scoring::ArmCounts all_a;
  for (TrainingRow& row : rows) {
    if (row.action_id != "a") continue;
    row.action_id = "a,\"quoted\"";
    all_a.trials += 1;
    all_a.successes += row.reward;
    if (row.segment != "north") continue;
    north_a.trials += 1;
    north_a.successes += row.reward;
  }
  const auto trained = TrainModel(rows, Options());
  FULCRUM_ASSERT_OK(trained);
  testing::TemporaryDirectory directory;
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_ASSERT_OK(WriteModel(files, directory.path(), *trained));
  const auto posteriors = scoring::Posteriors::LoadCounts(files, directory.path() + "/counts.csv");
  FULCRUM_ASSERT_OK(posteriors);
  EXPECT_EQ(posteriors->Find("north", "a,\"quoted\"").trials, north_a.trials);
  EXPECT_EQ(posteriors->Find("north", "a,\"quoted\"").successes, north_a.successes);
  EXPECT_EQ(posteriors->Find("", "a,\"quoted\"").trials, all_a.trials);
  EXPECT_EQ(posteriors->Find("", "a,\"quoted\"").successes, all_a.successes);
  EXPECT_GT(north_a.trials, 10);
  EXPECT_LT(north_a.trials, all_a.trials);
}

TEST(Trainer, ReportsCutWeightsAndEffectiveSampleSize) {
  std::vector<TrainingRow> rows = MadeUpLog(1000, 4);
  for (TrainingRow& row : rows) row.propensity = 0.5;
  auto trained = TrainModel(rows, Options());
  FULCRUM_ASSERT_OK(trained);
  EXPECT_EQ(trained->report.weight_cut_share, 0);
  EXPECT_NEAR(trained->report.effective_sample_size, 1000, 1e-6);
  // One row of weight 1/1e-6 makes the mean about 1002: it is cut to 10, the others are 2/1002.
  rows[500].propensity = 1e-6;
  trained = TrainModel(rows, Options());
  FULCRUM_ASSERT_OK(trained);
  EXPECT_EQ(trained->report.weight_cut_share, 0.001);
  const double others = 2 / 1001.998;
  const double expected = std::pow(10 + 999 * others, 2) / (100 + 999 * others * others);
  EXPECT_NEAR(trained->report.effective_sample_size, expected, 1e-4);
}

TEST(Trainer, StopsEarlyAndSaysHowGoodItIs) {
  TrainingOptions options = Options();
  options.rounds_max = 400;
  options.rounds_patience = 10;
  const auto trained = TrainModel(MadeUpLog(3000, 5), options);
  FULCRUM_ASSERT_OK(trained);
  EXPECT_GT(trained->report.rounds, 0);
  EXPECT_LT(trained->report.rounds, 400);
  EXPECT_EQ(trained->report.validation_rows, 600);
  EXPECT_LT(trained->report.validation_loss, 0.95 * trained->report.constant_loss);
  const auto forest = scoring::ParseXgboostJson(trained->forest_json);
  FULCRUM_ASSERT_OK(forest);
  EXPECT_EQ(forest->forest.trees(), trained->report.rounds);
  EXPECT_THAT(ToText(trained->report), HasSubstr("600 held back"));
}

TEST(Trainer, WithoutValidationAllRoundsAreKept) {
  TrainingOptions options = Options();
  options.validation_share = 0;
  options.rounds_max = 7;
  const auto trained = TrainModel(MadeUpLog(300, 5), options);
  FULCRUM_ASSERT_OK(trained);
  EXPECT_EQ(trained->report.rounds, 7);
  EXPECT_TRUE(std::isnan(trained->report.validation_loss));
}

TEST(Trainer, WeightsKeepTheLoggingPolicyOutOfTheModel) {
  // Clicks depend on a hidden taste; the logging policy shows `a` to those who like it.
  // Propensities undo that: without them `a` would look better than it is.
  base::RandomStream random(11);
  std::vector<TrainingRow> rows(20000);
  for (size_t i = 0; i < rows.size(); ++i) {
    TrainingRow& row = rows[i];
    row.event_time_us = static_cast<int64_t>(i);
    const bool likes = random.NextBelow(2) == 0;
    const double to_a = likes ? 0.9 : 0.1;
    const bool is_a = random.NextUniform() < to_a;
    row.action_id = is_a ? "a" : "b";
    row.propensity = is_a ? to_a : 1 - to_a;
    row.item["is_a"] = is_a ? 1.0 : 0.0;
    row.reward = random.NextUniform() < (likes ? 0.6 : 0.2) ? 1 : 0;
  }
  const auto trained = TrainModel(rows, Options());
  FULCRUM_ASSERT_OK(trained);
  const auto model =
      scoring::Model::Create(trained->manifest, *scoring::ParseXgboostJson(trained->forest_json));
  FULCRUM_ASSERT_OK(model);
  std::vector<double> out(2);
  (*model)->Predict(std::vector<double>{0, 1}, absl::MakeSpan(out));
  EXPECT_NEAR(out[1], 0.4, 0.03);  // 0.56 without weights
  EXPECT_NEAR(out[0], 0.4, 0.03);  // 0.24 without weights
}

TEST(Columns, TextsGetTheMostFrequentValuesOnly) {
  std::vector<TrainingRow> rows(10);
  const char* texts[] = {"x", "x", "x", "y", "y", "z", "w", "w", "new", "new"};
  for (size_t i = 0; i < rows.size(); ++i) rows[i].user["kind"] = texts[i];
  const auto columns = ChooseColumns(rows, 8, 3);
  FULCRUM_ASSERT_OK(columns);
  std::vector<std::string> names;
  for (const auto& column : columns->columns) names.push_back(column.name);
  EXPECT_THAT(names, ::testing::ElementsAre("user.kind=w", "user.kind=x", "user.kind=y"));
  ASSERT_EQ(columns->dropped.size(), 1);
  EXPECT_EQ(columns->dropped[0].feature, "user.kind");
  EXPECT_EQ(columns->dropped[0].categories, 1);
  EXPECT_EQ(columns->dropped[0].rows, 1);
}

TEST(Columns, AFeatureIsANumberOrATextNotBoth) {
  std::vector<TrainingRow> rows(2);
  rows[0].context["age"] = 3.0;
  rows[1].context["age"] = "three";
  EXPECT_THAT(ChooseColumns(rows, 2, 64),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("context.age is a number in one row and a text")));
}

TEST(Trainer, RefusesRowsThatCannotBe) {
  const auto with = [](void (*spoil)(TrainingRow*)) {
    std::vector<TrainingRow> rows = MadeUpLog(50, 1);
    spoil(&rows[6]);
    return TrainModel(std::move(rows), Options());
  };
  const auto wrong = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(with([](TrainingRow* row) { row->propensity = 0; }),
              testing::StatusIs(wrong, HasSubstr("row 7 has a propensity")));
  EXPECT_THAT(with([](TrainingRow* row) { row->propensity = NAN; }),
              testing::StatusIs(wrong, HasSubstr("row 7 has a propensity")));
  EXPECT_THAT(with([](TrainingRow* row) { row->reward = 2; }),
              testing::StatusIs(wrong, HasSubstr("row 7 has a reward")));
  EXPECT_THAT(with([](TrainingRow* row) { row->action_id = ""; }),
              testing::StatusIs(wrong, HasSubstr("row 7 has no action id")));
  EXPECT_THAT(with([](TrainingRow* row) { row->context["hour"] = 1e300; }),
              testing::StatusIs(wrong, HasSubstr("beyond float32")));
  EXPECT_THAT(TrainModel({}, Options()), testing::StatusIs(wrong, HasSubstr("no rows")));
  std::vector<TrainingRow> dull = MadeUpLog(50, 1);
  for (TrainingRow& row : dull) row.reward = 0;
  EXPECT_THAT(TrainModel(dull, Options()), testing::StatusIs(wrong, HasSubstr("nothing to learn")));
}

}  // namespace
}  // namespace fulcrum::training
