#include "training/trainer.h"

#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
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
  // One row of weight 1/1e-6 makes the mean of the 800 rows learned from about 1252: it is cut to
  // 10, the others are 2/1252.
  rows[500].propensity = 1e-6;
  trained = TrainModel(rows, Options());
  FULCRUM_ASSERT_OK(trained);
  EXPECT_EQ(trained->report.weight_cut_share, 0.001);
  const double others = 2 / ((799 * 2 + 1e6) / 800);
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

TEST(Trainer, WhatIsLaterThanTheSplitIsNeverLearned) {
  // `told` gives the reward away, but only in the last fifth: who learned from those rows would do
  // better on them than chance.
  std::vector<TrainingRow> rows = MadeUpLog(2000, 6);
  base::RandomStream coin(7);
  for (TrainingRow& row : rows) {
    row.user.clear();
    row.context.clear();
    row.candidate.clear();
    row.reward = coin.NextBelow(2) == 0 ? 1 : 0;
    const bool later = row.event_time_us >= 1600 * int64_t{1'000'000};
    row.context["told"] = later ? 10 + row.reward : static_cast<double>(coin.NextBelow(2));
  }
  const auto trained = TrainModel(rows, Options());
  FULCRUM_ASSERT_OK(trained);
  EXPECT_EQ(trained->report.validation_rows, 400);
  EXPECT_EQ(trained->report.validation_start_us, 1600 * int64_t{1'000'000});
  EXPECT_GT(trained->report.validation_loss, 0.6);  // ln 2 is 0.69
  // The mistake planted: with their times changed, half of those rows come before the split.
  for (size_t i = 1600; i < rows.size(); i += 2) rows[i].event_time_us -= 1500 * int64_t{1'000'000};
  const auto leaked = TrainModel(rows, Options());
  FULCRUM_ASSERT_OK(leaked);
  EXPECT_LT(leaked->report.validation_loss, 0.5);
}

TEST(Trainer, RowsHeldBackLeaveNoTraceInTheTrees) {
  TrainingOptions options = Options();
  options.rounds_max = 1;
  std::vector<TrainingRow> rows = MadeUpLog(2000, 8);
  const auto before = TrainModel(rows, options);
  FULCRUM_ASSERT_OK(before);
  for (size_t i = 1600; i < rows.size(); ++i) {
    rows[i].propensity = i % 2 == 0 ? 1e-3 : 1;
    rows[i].user["city"] = "elsewhere";
    rows[i].context["hour"] = 23.0;
  }
  const auto after = TrainModel(rows, options);
  FULCRUM_ASSERT_OK(after);
  EXPECT_EQ(before->forest_json, after->forest_json);
  EXPECT_NE(before->report.curve, after->report.curve);
}

// The plain formula of docs/training.md, by libm and from the forest as it is served.
double LossByHand(const TrainedModel& model, absl::Span<const TrainingRow> rows, size_t learned) {
  double mean = 0;
  for (size_t i = 0; i < learned; ++i) {
    mean += 1 / rows[i].propensity / static_cast<double>(learned);
  }
  const auto served =
      scoring::Model::Create(model.manifest, *scoring::ParseXgboostJson(model.forest_json));
  const auto values = *EncodeRows(rows, model.manifest.columns);
  std::vector<double> inputs(values.begin(), values.end());
  std::vector<double> predictions(rows.size());
  (*served)->Predict(inputs, absl::MakeSpan(predictions));
  double sum = 0;
  double total = 0;
  for (size_t i = learned; i < rows.size(); ++i) {
    const double weight = std::min(10.0, 1 / rows[i].propensity / mean);
    sum -= weight * std::log(rows[i].reward == 1 ? predictions[i] : 1 - predictions[i]);
    total += weight;
  }
  return sum / total;
}

TEST(Trainer, KeepsTheBestRoundOfTheCurve) {
  TrainingOptions options = Options();
  options.rounds_max = 80;
  options.rounds_patience = 80;
  const std::vector<TrainingRow> rows = MadeUpLog(2000, 9);
  const auto whole = TrainModel(rows, options);
  FULCRUM_ASSERT_OK(whole);
  const std::vector<double>& curve = whole->report.curve;
  ASSERT_EQ(curve.size(), 80);
  EXPECT_EQ(whole->report.rounds_tried, 80);
  const auto best = std::min_element(curve.begin(), curve.end());
  EXPECT_EQ(whole->report.rounds, best - curve.begin() + 1);
  EXPECT_GT(whole->report.rounds, 1);
  EXPECT_LT(whole->report.rounds, 80);
  EXPECT_EQ(whole->report.validation_loss, *best);
  EXPECT_NEAR(LossByHand(*whole, rows, 1600), *best, 1e-6);

  // Each point of the curve is the loss of a forest of so many rounds.
  for (const uint32_t rounds : {1U, 2U, 5U}) {
    options.rounds_max = rounds;
    const auto cut = TrainModel(rows, options);
    FULCRUM_ASSERT_OK(cut);
    ASSERT_EQ(cut->report.rounds, rounds);
    EXPECT_NEAR(LossByHand(*cut, rows, 1600), curve[rounds - 1], 1e-6);
  }

  // Stopping early tries less and keeps the best of what it tried.
  options.rounds_max = 80;
  options.rounds_patience = 5;
  const auto early = TrainModel(rows, options);
  FULCRUM_ASSERT_OK(early);
  EXPECT_LT(early->report.rounds_tried, 80);
  EXPECT_EQ(early->report.rounds_tried, early->report.rounds + 5);
  EXPECT_EQ(early->report.curve,
            std::vector<double>(curve.begin(), curve.begin() + early->report.rounds_tried));
}

TEST(Trainer, TheManifestSaysHowItWasValidated) {
  const auto trained = TrainModel(MadeUpLog(2000, 9), Options());
  FULCRUM_ASSERT_OK(trained);
  const TrainingReport& report = trained->report;
  const config::ModelValidation expected = {0.2,
                                            400,
                                            1600 * int64_t{1'000'000},
                                            report.validation_loss,
                                            report.constant_loss,
                                            report.rounds,
                                            report.rounds_tried};
  EXPECT_EQ(trained->manifest.validation, expected);
  EXPECT_EQ(trained->manifest.counts_lsn, 0);
  EXPECT_GT(report.constant_loss, report.validation_loss);
}

TEST(Trainer, TheNeutralActionIsCountedButNotLearned) {
  std::vector<TrainingRow> rows = MadeUpLog(2000, 10);
  const auto without = TrainModel(rows, Options());
  FULCRUM_ASSERT_OK(without);
  TrainingRow neutral = rows[3];
  neutral.action_id = "none";
  neutral.reward = 1;
  neutral.item = {{"price", "not even a number"}};
  rows.insert(rows.begin() + 900, neutral);
  const auto with = TrainModel(rows, Options());
  FULCRUM_ASSERT_OK(with);
  EXPECT_EQ(with->report.rows, 2000);
  EXPECT_EQ(with->report.rows_neutral, 1);
  EXPECT_EQ(with->forest_json, without->forest_json);
  EXPECT_THAT(with->counts_csv, HasSubstr("\n,none,1,1\n"));
  EXPECT_THAT(with->counts_csv, HasSubstr(absl::StrCat("\n", neutral.segment, ",none,1,1\n")));
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
}

TEST(Trainer, RefusesTooFewRewardsWithTheRemedy) {
  const auto with = [](size_t first, size_t last, double inside) {
    std::vector<TrainingRow> rows = MadeUpLog(100, 1);
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].reward = i >= first && i < last ? inside : 1 - inside;
    }
    return TrainModel(std::move(rows), Options());
  };
  const auto wrong = absl::StatusCode::kInvalidArgument;
  const auto nothing = ::testing::AllOf(HasSubstr("nothing to learn"), HasSubstr("reward kind"));
  EXPECT_THAT(with(0, 0, 1), testing::StatusIs(wrong, nothing));
  EXPECT_THAT(with(71, 100, 1), testing::StatusIs(wrong, nothing));  // nine of them learned from
  EXPECT_THAT(with(70, 99, 1), testing::IsOk());
  EXPECT_THAT(with(71, 100, 0), testing::StatusIs(wrong, nothing));
  EXPECT_THAT(with(0, 40, 1), testing::StatusIs(wrong, HasSubstr("Hold back a larger share")));
  EXPECT_THAT(with(0, 40, 0), testing::StatusIs(wrong, HasSubstr("held back are all 1")));
}

TEST(Trainer, RefusesOptionsThatCannotBe) {
  const auto with = [](void (*spoil)(TrainingOptions*)) {
    TrainingOptions options = Options();
    spoil(&options);
    return TrainModel(MadeUpLog(300, 1), options);
  };
  const auto wrong = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(with([](TrainingOptions* options) { options->validation_share = 1; }),
              testing::StatusIs(wrong, HasSubstr("validation share")));
  EXPECT_THAT(with([](TrainingOptions* options) { options->rounds_max = 0; }),
              testing::StatusIs(wrong, HasSubstr("one round")));
  EXPECT_THAT(with([](TrainingOptions* options) { options->rounds_patience = 0; }),
              testing::StatusIs(wrong, HasSubstr("early stopping")));
  EXPECT_THAT(with([](TrainingOptions* options) { options->depth_max = 31; }),
              testing::StatusIs(wrong, HasSubstr("depth")));
  EXPECT_THAT(with([](TrainingOptions* options) { options->learning_rate = NAN; }),
              testing::StatusIs(wrong, HasSubstr("learning rate")));
  EXPECT_THAT(with([](TrainingOptions* options) { options->weight_cut = INFINITY; }),
              testing::StatusIs(wrong, HasSubstr("weight cut")));
}

}  // namespace
}  // namespace fulcrum::training
