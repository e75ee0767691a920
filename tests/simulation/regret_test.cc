// Policies that learn, side by side.
#include "simulation/regret.h"

#include <algorithm>
#include <cmath>

#include "simulation/chart.h"
#include "simulation/oracle.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::simulation {
namespace {

using ::testing::HasSubstr;

class RegretTest : public ::testing::Test {
 protected:
  RegretTest() {
    options.clock = &clock_;
    options.decisions = 2500;
    options.seeds = 2;
    for (const char* text : {"thompson", "uniform", "greedy@0", "epsilon_greedy:0.05@0"}) {
      options.policies.push_back(*ParsePolicy(text));
    }
  }

  RegretStudy Study(const std::string& world) {
    options.directory = temporary_.path() + "/" + std::to_string(++runs_);
    auto study = StudyRegret(*FindWorld(world), options, {});
    FULCRUM_EXPECT_OK(study);
    return *std::move(study);
  }

  static PolicyRegret Of(const RegretStudy& study, const std::string& policy) {
    for (const PolicyRegret& regret : study.policies) {
      if (regret.policy == policy) return regret;
    }
    ADD_FAILURE() << "not studied";
    return {};
  }

  RegretOptions options;

 private:
  base::SystemClock clock_;
  testing::TemporaryDirectory temporary_;
  int runs_ = 0;
};

TEST_F(RegretTest, LearningBeatsNotLearningInEveryWorld) {
  for (const std::string& world : WorldNames()) {
    const RegretStudy study = Study(world);
    ASSERT_EQ(study.policies.size(), 4u);
    const PolicyRegret uniform = Of(study, "uniform");
    const PolicyRegret thompson = Of(study, "thompson");
    EXPECT_LT(thompson.high, uniform.low) << world;
    // A visit's regret is negative where the oracle has used up its best arm on the user.
    if (world == "fatigue") continue;
    for (const PolicyRegret& regret : study.policies) {
      EXPECT_TRUE(std::is_sorted(regret.curve.begin(), regret.curve.end()))
          << "regret never shrinks";
    }
  }
}

TEST(Summarise, IsOverTheSeeds) {
  const PolicyRegret regret = Summarise("some", {{1, 4}, {3, 6}, {2, 11}});
  EXPECT_EQ(regret.policy, "some");
  EXPECT_THAT(regret.curve, ::testing::ElementsAre(2, 7));
  EXPECT_EQ(regret.mean, 7);
  EXPECT_DOUBLE_EQ(regret.se, std::sqrt(13.0 / 3));
  EXPECT_EQ(regret.low, 4);
  EXPECT_EQ(regret.high, 11);
  EXPECT_EQ(Summarise("one", {{1, 4}}).se, 0);
}

TEST_F(RegretTest, TheSameAgain) {
  options.decisions = 500;
  options.seeds = 2;
  const std::string first = RegretJson(Study("stationary"));
  EXPECT_EQ(first, RegretJson(Study("stationary")));
  EXPECT_THAT(first, HasSubstr("\"epsilon_greedy:0.05@0\""));
}

// What uniform loses is known: the mean over the arms of each cell.
TEST_F(RegretTest, UniformLosesWhatTheTruthSays) {
  const World world = *FindWorld("stationary");
  options.decisions = 10'000;
  options.seeds = 1;
  World unlimited = world;
  unlimited.budgeted.clear();
  const Oracle oracle = SolveOracle(unlimited, 0);
  double expected = 0;
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    for (size_t arm = 0; arm <= world.neutral(); ++arm) {
      expected += world.cells[cell].share * RegretOf(unlimited, oracle, cell, arm) /
                  static_cast<double>(world.arms.size() + 1);
    }
  }
  expected *= world.timing.shown * static_cast<double>(options.decisions);
  EXPECT_NEAR(Of(Study("stationary"), "uniform").mean, expected, 0.04 * expected);
}

TEST(Chart, ShowsEverySeriesWithinTheFrame) {
  Chart chart;
  chart.title = "a chart";
  chart.series.push_back({"up", {1, 2, 3}, {10, 20, 40}, {5, 10, 30}, {20, 30, 50}});
  chart.series.push_back({"flat", {1, 2, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}});
  chart.series.push_back({"no band", {1, 2, 3}, {10, 60, 90}, {}, {}});
  const std::string svg = ToSvg(chart);
  EXPECT_THAT(svg, HasSubstr(">up</text>"));
  EXPECT_THAT(svg, HasSubstr(">flat</text>"));
  EXPECT_THAT(svg, HasSubstr(">no band</text>"));
  EXPECT_THAT(svg, HasSubstr(">a chart</text>"));
  EXPECT_EQ(svg.find("y=\"-"), std::string::npos) << "something is above the frame";
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace fulcrum::simulation
