#include "apps/evaluate_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "apps/command_line.h"
#include "tests/apps/command_run.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kGolden[] = FULCRUM_SOURCE_DIR "/tests/golden/evaluation/rows.jsonl";
constexpr char kTarget[] = FULCRUM_SOURCE_DIR "/tests/golden/evaluation/target.csv";

using Result = testing::CommandRun;

Result Evaluate(const std::vector<std::string>& arguments) {
  return testing::RunCommand(AddEvaluateCommand, "evaluate", arguments);
}

// 1,200 rows of an even choice between two actions.
class EvenLog : public ::testing::Test {
 protected:
  EvenLog() {
    std::ofstream out(path());
    for (int i = 0; i < 1200; ++i) {
      out << R"({"action":")" << (i % 2 == 0 ? "a" : "b") << R"(","propensity":0.5,"reward":)"
          << (i % 4 == 0 ? 1 : 0) << "}\n";
    }
  }
  std::string path() const { return directory_.path() + "/log.jsonl"; }
  testing::TemporaryDirectory directory_;
};

TEST_F(EvenLog, IsEvaluatedInWords) {
  const Result result = Evaluate({path(), "--format", "jsonl"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(result.out, HasSubstr("log.jsonl, target logged\n"));
  EXPECT_THAT(result.out, HasSubstr("ips                0.25"));
  EXPECT_THAT(result.out, HasSubstr("verdict: ok\n"));
  EXPECT_THAT(result.err, IsEmpty());
}

TEST_F(EvenLog, IsEvaluatedAsJson) {
  const Result result = Evaluate({path(), "--format", "jsonl", "--target", "uniform", "--json",
                                  "--estimator", "ips,dr", "--seed", "7", "--resamples", "300",
                                  "--level", "0.9", "--reward-model", "shrunk"});
  EXPECT_EQ(result.exit_code, kExitOk);
  rapidjson::Document json;
  json.Parse(result.out.c_str());
  ASSERT_FALSE(json.HasParseError()) << result.out;
  EXPECT_EQ(json["target"], "uniform");
  EXPECT_EQ(json["seed"].GetUint64(), 7u);
  EXPECT_EQ(json["resamples"].GetInt(), 300);
  EXPECT_EQ(json["level"].GetDouble(), 0.9);
  ASSERT_EQ(json["estimators"].MemberCount(), 2u);
  const auto& ips = json["estimators"]["ips"];
  EXPECT_EQ(ips["value"].GetDouble(), 0.25);
  EXPECT_GT(ips["se"].GetDouble(), 0);
  EXPECT_LT(ips["ci_low"].GetDouble(), 0.25);
  EXPECT_GT(ips["ci_high"].GetDouble(), 0.25);
  EXPECT_TRUE(json["estimators"].HasMember("dr"));
  EXPECT_EQ(json["rows"].GetUint64(), 1200u);
  EXPECT_EQ(json["excluded"].MemberCount(), 0u);
  EXPECT_EQ(json["mean_reward"].GetDouble(), 0.25);
  EXPECT_EQ(json["effective_sample_size"].GetDouble(), 1200);
  EXPECT_EQ(json["max_weight"].GetDouble(), 1);
  EXPECT_EQ(json["mean_weight"].GetDouble(), 1);
  EXPECT_EQ(json["mean_weight_se"].GetDouble(), 0);
  EXPECT_EQ(json["unsupported_share"].GetDouble(), 0);
  EXPECT_EQ(json["fallback_share"].GetDouble(), 0);
  EXPECT_EQ(json["warnings"].Size(), 0u);
  EXPECT_EQ(json["verdict"]["status"], "ok");
}

// Two positions each, drawn evenly; the target takes a first and b then.
TEST(EvaluateCommand, SlatesAreEvaluatedAsAWhole) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/slates.jsonl";
  std::ofstream out(path);
  for (int i = 0; i < 8000; ++i) {
    for (int position = 1; position <= 2; ++position) {
      const bool a = (position == 1 ? i : i / 2) % 2 == 0;
      out << R"({"decision":)" << i << R"(,"position":)" << position << R"(,"action":")"
          << (a ? "a" : "b") << R"(","propensity":0.5,"reward":)" << (a ? 1 : 0) << "}\n";
    }
  }
  out.close();
  const std::string target = directory.path() + "/target.csv";
  std::ofstream(target) << "item_id,pos1,pos2\na,1,0\nb,0,1\n";
  const Result result = Evaluate({path, "--format", "jsonl", "--target", target, "--estimator",
                                  "rips,slate_ips", "--resamples", "50", "--json"});
  rapidjson::Document json;
  json.Parse(result.out.c_str());
  ASSERT_FALSE(json.HasParseError()) << result.out;
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(json["estimators"]["rips"]["value"].GetDouble(), 1);
  EXPECT_EQ(json["estimators"]["slate_ips"]["value"].GetDouble(), 1);
  EXPECT_EQ(json["slate_weights"]["slates"].GetUint64(), 8000u);
  EXPECT_EQ(json["slate_weights"]["broken"].GetUint64(), 0u);
  EXPECT_EQ(json["slate_weights"]["effective_sample_size"].GetDouble(), 2000);
  EXPECT_EQ(json["slate_weights"]["mean"].GetDouble(), 1);
  EXPECT_EQ(json["slate_weights"]["max"].GetDouble(), 4);
  EXPECT_EQ(json["warnings"].Size(), 0u);
  const Result adaptive =
      Evaluate({path, "--format", "jsonl", "--target", target, "--estimator", "aipw"});
  EXPECT_EQ(adaptive.exit_code, kExitFailure);
  EXPECT_THAT(adaptive.err, HasSubstr("aipw is for decisions of one position"));
}

TEST_F(EvenLog, AdaptiveLogsHaveAnEstimatorOfTheirOwn) {
  const Result result = Evaluate({path(), "--format", "jsonl", "--estimator", "aipw"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(result.out, HasSubstr("aipw           0.249374"));  // all rows but the first
}

TEST(EvaluateCommand, RefusesAVerdictWithExitCodeOneAndPrintsTheValueStill) {
  const Result result = Evaluate({kGolden, "--format", "jsonl", "--target", kTarget, "--json"});
  EXPECT_EQ(result.exit_code, kExitFinding);
  rapidjson::Document json;
  json.Parse(result.out.c_str());
  ASSERT_FALSE(json.HasParseError()) << result.out;
  EXPECT_TRUE(json["estimators"]["snips"]["value"].IsDouble());
  EXPECT_EQ(json["verdict"]["status"], "refused");
  EXPECT_THAT(json["verdict"]["reason"].GetString(), HasSubstr("the log could not draw"));
  ASSERT_EQ(json["warnings"].Size(), 2u);
  EXPECT_EQ(json["warnings"][0]["code"], "no_support");
  EXPECT_EQ(json["warnings"][1]["code"], "sample_size_too_small");
}

TEST(EvaluateCommand, AnEmptyLogGivesNullsAndNoVerdict) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/empty.jsonl";
  std::ofstream(path) << "\n";
  const Result result = Evaluate({path, "--format", "jsonl", "--json"});
  EXPECT_EQ(result.exit_code, kExitFinding);
  rapidjson::Document json;
  json.Parse(result.out.c_str());
  ASSERT_FALSE(json.HasParseError()) << result.out;
  EXPECT_TRUE(json["estimators"]["ips"]["value"].IsNull());
  EXPECT_EQ(json["rows"].GetUint64(), 0u);
}

TEST_F(EvenLog, MistakesAreToldWithTheirRemedy) {
  const std::string bad_target = directory_.path() + "/target.csv";
  std::ofstream(bad_target) << "item_id,pos1\na,0.5\nb,0.4\n";
  struct Case {
    std::vector<std::string> arguments;
    const char* error;
  };
  const Case cases[] = {
      {{path()}, "fulcrum evaluate: "},  // a file is no decision log
      {{directory_.path() + "/gone", "--format", "jsonl"}, "gone"},
      {{path(), "--format", "open-bandit"}, "log.jsonl:1"},
      {{path(), "--format", "jsonl", "--estimator", "ips,mrdr"},
       "--estimator: there is no mrdr; there are ips, snips, dm, dr, rips, slate_ips, aipw"},
      {{path(), "--format", "jsonl", "--target", "evn"},
       "give logged, uniform, greedy, a CSV file"},
      {{path(), "--format", "jsonl", "--target", bad_target}, "target.csv:3: the probabilities of"},
      {{path(), "--format", "jsonl", "--target", "greedy"}, "greedy needs the posterior means"},
      {{path(), "--format", "jsonl", "--surface", "home"}, "--surface goes with --format fulcrum"},
      {{path(), "--format", "jsonl", "--level", "95"}, "between 0 and 1, such as 0.95; it is 95"},
  };
  for (const auto& [arguments, error] : cases) {
    const Result result = Evaluate(arguments);
    EXPECT_EQ(result.exit_code, kExitFailure) << error;
    EXPECT_THAT(result.err, HasSubstr(error));
    EXPECT_THAT(result.out, IsEmpty());
  }
  EXPECT_THROW(Evaluate({path(), "--format", "parquet"}), CLI::ValidationError);
  ::testing::internal::GetCapturedStdout();
  ::testing::internal::GetCapturedStderr();
  EXPECT_THROW(Evaluate({path(), "--resamples", "0"}), CLI::ValidationError);
  ::testing::internal::GetCapturedStdout();
  ::testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace fulcrum::apps
