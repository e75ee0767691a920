// The worlds' truth, oracle and luck against tests/golden/regret/truth.csv: the same computed anew
// in Python from what `fulcrum simulate --export` writes, for 4,000 visits that are shown all arms
// in turn.
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "fulcrum/decision_record.h"
#include "simulation/traffic.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::simulation {
namespace {

constexpr char kGolden[] = FULCRUM_SOURCE_DIR "/tests/golden/regret/truth.csv";

// Shows visit n the arms n, n + 1, ..., down to the neutral action.
class InTurn final : public Endpoint {
 public:
  explicit InTurn(const World& world) : world_(world) {}

  absl::StatusOr<Answer> Decide(const Visit& visit) override {
    Answer answer;
    for (size_t place = 0; place < world_.positions.size(); ++place) {
      const size_t arm = (visit.number + place) % (world_.arms.size() + 1);
      answer.action_ids.push_back(arm == world_.neutral() ? kNeutralActionId : world_.arms[arm].id);
      if (arm == world_.neutral()) break;
    }
    return answer;
  }
  absl::Status ReportExposure(DecisionId, uint32_t, absl::Time) override {
    return absl::OkStatus();
  }
  absl::Status ReportOutcome(DecisionId, uint32_t, absl::Time) override { return absl::OkStatus(); }

 private:
  const World& world_;
};

TEST(TruthParity, EveryWorldIsWhatTheExportSays) {
  std::ifstream file(kGolden);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(line, "world,oracle,expected,earned");
  std::vector<std::string> seen;
  while (std::getline(file, line)) {
    const std::vector<std::string> row = absl::StrSplit(line, ',');
    ASSERT_EQ(row.size(), 4u) << line;
    seen.push_back(row[0]);
    double oracle = 0, expected = 0, earned = 0;
    ASSERT_TRUE(absl::SimpleAtod(row[1], &oracle) && absl::SimpleAtod(row[2], &expected) &&
                absl::SimpleAtod(row[3], &earned));
    World world = *FindWorld(row[0]);
    world.budgeted.clear();
    TrafficOptions options;
    options.decisions = 4000;
    InTurn endpoint(world);
    const auto played = PlayTraffic(world, SolveOracle(world, 0), options, endpoint);
    FULCRUM_ASSERT_OK(played);
    EXPECT_NEAR(played->oracle_reward, oracle, 1e-6) << row[0];
    EXPECT_NEAR(played->expected_reward, expected, 1e-6) << row[0];
    EXPECT_NEAR(played->regret, oracle - expected, 1e-6) << row[0];
    EXPECT_EQ(static_cast<double>(played->reward), earned) << row[0];
  }
  EXPECT_EQ(seen, WorldNames());
}

}  // namespace
}  // namespace fulcrum::simulation
