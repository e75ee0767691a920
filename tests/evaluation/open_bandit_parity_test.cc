// The estimators against the figures of the Open Bandit Dataset's sample (campaign men), which is
// not part of the checkout: ../shared/data/obd beside it, or the tests are skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include "evaluation/evaluate.h"
#include "evaluation/open_bandit_rows.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::evaluation {
namespace {

class OpenBandit : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto text = base::ReadWholeFile(files_, folder_ + "/reference_men.json", 1 << 20);
    if (!text.ok()) GTEST_SKIP() << "no sample of the Open Bandit Dataset in " << folder_;
    expected_.Parse(text->c_str());
    ASSERT_FALSE(expected_.HasParseError());
  }

  RowSet Read(const std::string& policy) const {
    auto rows = ReadOpenBanditRows(files_, folder_ + "/" + policy + "/men/men.csv");
    EXPECT_THAT(rows, testing::IsOk());
    return rows.ok() ? std::move(*rows) : RowSet();
  }

  // Values and standard errors to 1e-9, the weights' figures too.
  static void ExpectFigures(const rapidjson::Value& figures, const Evaluation& evaluation) {
    EXPECT_EQ(evaluation.rows, figures["n"].GetUint64());
    EXPECT_NEAR(evaluation.mean_weight, figures["mean_weight"].GetDouble(), 1e-9);
    EXPECT_NEAR(evaluation.max_weight, figures["max_weight"].GetDouble(), 1e-9);
    EXPECT_NEAR(evaluation.effective_sample_size, figures["ess"].GetDouble(), 1e-7);
    ASSERT_EQ(evaluation.estimates.size(), EvaluateOptions().estimators.size());
    for (const Estimate& one : evaluation.estimates) {
      const char* const name = kEstimatorNames[static_cast<size_t>(one.estimator)];
      SCOPED_TRACE(name);
      const bool weights_only =
          one.estimator == Estimator::kIps || one.estimator == Estimator::kSnips;
      const auto& expected = weights_only ? figures[name] : figures["q_shrunk"][name];
      EXPECT_NEAR(one.value, expected["value"].GetDouble(), 1e-9);
      EXPECT_NEAR(one.se, expected["se"].GetDouble(), 1e-9);
    }
  }

  base::FileSystem* const files_ = base::PosixFileSystem();
  const std::string folder_ = FULCRUM_SOURCE_DIR "/../shared/data/obd";
  rapidjson::Document expected_;
};

TEST_F(OpenBandit, RandomLogTellsWhatThompsonSamplingEarns) {
  RowSet rows = Read("random");
  const auto target = Target::ReadCsv(files_, folder_ + "/bts_action_dist_men.csv", &rows.actions);
  FULCRUM_ASSERT_OK(target);
  EvaluateOptions options;
  options.resamples = 10'000;
  const auto evaluation = Evaluate(rows, *target, options);
  FULCRUM_ASSERT_OK(evaluation);
  ExpectFigures(expected_["ope_random_to_bts"], *evaluation);
  EXPECT_THAT(evaluation->warnings, ::testing::IsEmpty());
  EXPECT_TRUE(evaluation->verdict.ok);

  // The ends of 300,000 resamples; 10,000 of any seed are this close to them.
  constexpr double kLongRun[][2] = {
      {0.002472, 0.007074}, {0.002510, 0.007183}, {0.0049557, 0.0049919}, {0.002509, 0.007120}};
  for (const Estimate& one : evaluation->estimates) {
    const auto& [low, high] = kLongRun[static_cast<size_t>(one.estimator)];
    EXPECT_NEAR(one.ci_low, low, 0.04 * (high - low));
    EXPECT_NEAR(one.ci_high, high, 0.04 * (high - low));
  }
}

TEST_F(OpenBandit, ThompsonSamplingsLogHardlyTellsWhatRandomEarns) {
  const auto evaluation = Evaluate(Read("bts"), Target::Uniform(), {});
  FULCRUM_ASSERT_OK(evaluation);
  ExpectFigures(expected_["ope_bts_to_random"], *evaluation);
  EXPECT_NEAR(evaluation->effective_sample_size, 655.7, 0.05);
  ASSERT_EQ(evaluation->warnings.size(), 1u);
  EXPECT_EQ(evaluation->warnings[0].code, "low_sample_size");
  EXPECT_TRUE(evaluation->verdict.ok);
}

}  // namespace
}  // namespace fulcrum::evaluation
