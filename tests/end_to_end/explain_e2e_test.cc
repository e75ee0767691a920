// `fulcrum explain` of a decision of the running service, with a model and a linear posterior.
#include <rapidjson/document.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "apps/service.h"
#include "fulcrum/client.h"
#include "tests/end_to_end/world.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_model.h"

namespace fulcrum {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kLong = absl::Seconds(20);

std::string ReadText(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(ExplainEndToEnd, NamesWhatTheModelSawAndFollowsTheReports) {
  const testing::TemporaryDirectory temporary;
  const std::string directory = temporary.path() + "/bundle";
  testing::WriteBundle(directory, testing::TestBundle());
  std::ofstream(directory + "/model.yaml") << "model: {manifest: ../model/manifest.yaml}\n";
  testing::WriteTestModel(temporary.path() + "/model", "manifest.yaml");
  const std::string plain = ReadText(directory + "/bundle.yaml");
  const std::string linear = absl::StrReplaceAll(
      plain, {{"    exploration_floor: 0.1\n",
               "    exploration_floor: 0.1\n    linear: {context_keys: [hour]}\n"}});
  ASSERT_NE(linear, plain);
  std::ofstream(directory + "/bundle.yaml") << linear;

  apps::ServiceOptions options;
  options.bundle_directory = directory;
  auto service = apps::Service::Start(options);
  FULCRUM_ASSERT_OK(service);
  const auto client = DecisionClient::Connect(absl::StrCat("127.0.0.1:", (*service)->port()));
  FULCRUM_ASSERT_OK(client->WaitUntilServing(kLong));
  DecisionRequest request;
  request.user_id = "ann";
  request.surface = "page";
  request.candidates = {"free-1", "free-2"};
  request.context["hour"] = 13.0;
  const auto decision = client->Decide(request, kLong);
  FULCRUM_ASSERT_OK(decision);
  FULCRUM_ASSERT_OK(client->ReportExposure(decision->id, 1, std::nullopt, kLong));
  DecisionClient::Outcome click;
  click.decision = decision->id;
  click.position = 1;
  click.outcome_id = "c-1";
  click.kind = "click";
  FULCRUM_ASSERT_OK(client->ReportOutcome(click, kLong));

  const std::string output = temporary.path() + "/out.txt";
  const auto explain = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {testing::BinaryPath("fulcrum"), "explain",
                                          decision->id.ToString(), "--log",
                                          directory + "/data/log/"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::filesystem::remove(output);
    auto process = apps::ChildProcess::Start(arguments, output);
    EXPECT_THAT(process, testing::IsOk());
    EXPECT_EQ(process->Wait(absl::Seconds(60)).value_or(-1), 0);
    return ReadText(output);
  };
  const std::string words = explain({});  // while the service runs
  EXPECT_THAT(words, AllOf(HasSubstr("free-1: hour 0=13, hour 1=13"), HasSubstr("Gauss("),
                           HasSubstr("x: 1=1, score="), HasSubstr(", hour=13"),
                           HasSubstr("replay      full\n"),
                           HasSubstr("click 1 (c-1) for position 1"), HasSubstr(": credited"),
                           HasSubstr("reward (click) so far 1; pending"), Not(HasSubstr("note:"))));

  rapidjson::Document json;
  ASSERT_FALSE(json.Parse(explain({"--json"}).c_str()).HasParseError());
  EXPECT_EQ(json["columns"].Size(), 5u);
  EXPECT_EQ(json["terms"].Size(), 3u);
  EXPECT_EQ(json["candidates"].Size(), 2u);
  EXPECT_EQ(json["candidates"][0]["inputs"][0].GetDouble(), 13);
  EXPECT_EQ(json["positions"][0]["propensity"].GetDouble(),
            PropensityOf(decision->actions[0].ticks));
  EXPECT_EQ(json["positions"][0]["outcome"]["reward"].GetDouble(), 1);
  EXPECT_EQ(json["later"].Size(), 2u);
  FULCRUM_EXPECT_OK((*service)->Stop(absl::Seconds(5)));
}

}  // namespace
}  // namespace fulcrum
