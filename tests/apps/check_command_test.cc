#include "apps/check_command.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <fstream>

#include "apps/command_line.h"
#include "tests/apps/command_run.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Result = testing::CommandRun;

Result Check(const std::vector<std::string>& arguments) {
  return testing::RunCommand(AddCheckCommand, "check", arguments);
}

constexpr char kExample[] = FULCRUM_SOURCE_DIR "/configs/example";

// A bundle with two mistakes.
class BadBundle : public ::testing::Test {
 protected:
  BadBundle() {
    std::ofstream(directory_.path() + "/bundle.yaml") << "surfaces:\n"
                                                         "  - id: home\n"
                                                         "    campaigns: [sprng]\n"
                                                         "    sale: 1\n"
                                                         "campaigns:\n"
                                                         "  - id: spring\n"
                                                         "    account: shop\n"
                                                         "    currency: EUR\n"
                                                         "    actions: [{id: coat}]\n";
  }
  testing::TemporaryDirectory directory_;
};

TEST(CheckCommand, SummarisesAGoodBundle) {
  const Result result = Check({kExample});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(result.out, HasSubstr("good, version "));
  EXPECT_THAT(result.out, HasSubstr("homepage: 10ms, 5 actions of editorial, spring, winter_sale"));
  EXPECT_THAT(result.out, HasSubstr("spring-day: at most 50.00 EUR a day for 2 actions"));
  EXPECT_THAT(result.out, HasSubstr("sale-cap: at most 3 exposures per user a day"));
  EXPECT_THAT(result.err, IsEmpty());
}

TEST(CheckCommand, SummarisesAsJson) {
  const Result result = Check({kExample, "--json"});
  EXPECT_EQ(result.exit_code, kExitOk);
  rapidjson::Document json;
  json.Parse(result.out.c_str());
  ASSERT_FALSE(json.HasParseError());
  EXPECT_TRUE(json["ok"].GetBool());
  EXPECT_EQ(json["actions"].GetUint64(), 5u);
  EXPECT_EQ(std::string(json["version"].GetString()),
            std::string(json["digest"].GetString()).substr(0, 16));
  EXPECT_EQ(json["problems"].Size(), 0u);
}

TEST_F(BadBundle, IsReportedLikeACompilerDoes) {
  const Result result = Check({directory_.path()});
  EXPECT_EQ(result.exit_code, kExitFinding);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err,
              HasSubstr("bundle.yaml:3:17: error: surfaces[0].campaigns[0]: there is no "
                        "campaign 'sprng'; the nearest valid name is 'spring'\n"));
  EXPECT_THAT(result.err, HasSubstr("bundle.yaml:4:5: error: unknown field 'sale'"));
  EXPECT_THAT(result.err, HasSubstr(": 2 errors\n"));
}

TEST_F(BadBundle, IsReportedAsJson) {
  const Result result = Check({directory_.path(), "--json"});
  EXPECT_EQ(result.exit_code, kExitFinding);
  rapidjson::Document json;
  json.Parse(result.out.c_str());
  ASSERT_FALSE(json.HasParseError());
  EXPECT_FALSE(json["ok"].GetBool());
  EXPECT_EQ(json["problem_count"].GetUint64(), 2u);
  EXPECT_EQ(json["problems"][0]["line"].GetInt(), 3);
  EXPECT_EQ(json["problems"][0]["column"].GetInt(), 17);
}

TEST(CheckCommand, ADirectoryThatIsNotThereIsAFailure) {
  const Result result = Check({"no/such/directory"});
  EXPECT_EQ(result.exit_code, kExitFailure);
  EXPECT_THAT(result.err, HasSubstr("fulcrum check: "));
  EXPECT_THAT(result.err, HasSubstr("no/such/directory"));
}

}  // namespace
}  // namespace fulcrum::apps
