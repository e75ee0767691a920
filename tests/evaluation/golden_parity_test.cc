// The estimators against figures by numpy, on the made-up log of tests/golden/evaluation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include "evaluation/evaluate.h"
#include "evaluation/jsonl_rows.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::evaluation {
namespace {

constexpr char kFolder[] = FULCRUM_SOURCE_DIR "/tests/golden/evaluation";

class GoldenLog : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    base::FileSystem* const files = base::PosixFileSystem();
    const std::string folder = kFolder;
    const auto text = base::ReadWholeFile(files, folder + "/expected.json", 1 << 20);
    FULCRUM_ASSERT_OK(text);
    expected_.Parse(text->c_str());
    ASSERT_FALSE(expected_.HasParseError());
    auto rows = ReadJsonlRows(files, folder + "/rows.jsonl");
    FULCRUM_ASSERT_OK(rows);
    rows_ = std::move(*rows);
    auto table = Target::ReadCsv(files, folder + "/target.csv", &rows_.actions);
    FULCRUM_ASSERT_OK(table);
    table_ = std::move(*table);
  }

  Target TargetNamed(const std::string& name) const {
    if (name == "logged") return Target::Logged();
    return name == "uniform" ? Target::Uniform() : table_;
  }

  rapidjson::Document expected_;
  RowSet rows_;
  Target table_ = Target::Logged();
};

TEST_P(GoldenLog, GivesTheFiguresOfNumpy) {
  const auto& expected = expected_[GetParam()];
  EvaluateOptions options;
  options.resamples = 10'000;
  const auto evaluation = Evaluate(rows_, TargetNamed(GetParam()), options);
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_EQ(evaluation->rows, expected_["rows"].GetUint64());
  EXPECT_NEAR(evaluation->mean_reward, expected_["mean_reward"].GetDouble(), 1e-9);
  EXPECT_NEAR(evaluation->effective_sample_size, expected["effective_sample_size"].GetDouble(),
              1e-9);
  EXPECT_NEAR(evaluation->mean_weight, expected["mean_weight"].GetDouble(), 1e-12);
  EXPECT_NEAR(evaluation->mean_weight_se, expected["mean_weight_se"].GetDouble(), 1e-12);
  EXPECT_NEAR(evaluation->max_weight, expected["max_weight"].GetDouble(), 1e-12);
  EXPECT_NEAR(evaluation->unsupported_share, expected["unsupported_share"].GetDouble(), 1e-12);
  ASSERT_EQ(evaluation->estimates.size(), options.estimators.size());
  for (const Estimate& one : evaluation->estimates) {
    const char* const name = kEstimatorNames[static_cast<size_t>(one.estimator)];
    SCOPED_TRACE(name);
    const auto& figures = expected[name];
    EXPECT_NEAR(one.value, figures["value"].GetDouble(), 1e-9);
    EXPECT_NEAR(one.se, figures["se"].GetDouble(), 1e-9);
    const double low = figures["ci_low"].GetDouble();
    const double high = figures["ci_high"].GetDouble();
    EXPECT_NEAR(one.ci_low, low, 0.04 * (high - low));
    EXPECT_NEAR(one.ci_high, high, 0.04 * (high - low));
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, GoldenLog, ::testing::Values("table", "logged", "uniform"),
                         [](const auto& target) { return std::string(target.param); });

}  // namespace
}  // namespace fulcrum::evaluation
