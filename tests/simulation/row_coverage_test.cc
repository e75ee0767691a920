// A short form of the study where hard rows bind; all of it: `make soak PART=coverage-rows`.
#include "simulation/row_coverage.h"

#include <numeric>

#include "tests/simulation/coverage_fixture.h"
#include "tests/support/statistics.h"

namespace fulcrum::simulation {
namespace {

constexpr double kMaskedShare = 0.01;  // at least, of all candidates, for want of room

// Counts masks, and what was drawn against what was logged: each run is a configuration, in which
// the distribution changes with the holds that fail.
class Watch {
 public:
  explicit Watch(uint64_t replications) : draws_(replications) {}

  void See(uint64_t replication, const DecisionRecord& record) {
    candidates_ += record.candidates.size();
    for (const CandidateRecord& candidate : record.candidates) {
      no_hold_ += candidate.mask == MaskReason::kNoHold ? 1 : 0;
      others_ += candidate.mask != MaskReason::kNoHold && candidate.mask != MaskReason::kNone;
    }
    const PositionRecord& position = record.positions[0];
    std::vector<uint32_t> actions(position.ticks.size());
    std::iota(actions.begin(), actions.end(), 0u);
    size_t drawn = 0;
    while (drawn < record.candidates.size() &&
           record.candidates[drawn].action_id != position.action_id) {
      ++drawn;
    }
    draws_[replication].Add(actions, position.ticks, drawn);
  }

  double no_hold_share() const {
    return static_cast<double>(no_hold_) / static_cast<double>(candidates_);
  }
  uint64_t others() const { return others_; }
  testing::DrawnAgainstLogged Judge() const {
    testing::DrawnAgainstLogged judge;
    for (const testing::VaryingDraws& draws : draws_) judge.AddVarying(draws);
    return judge;
  }

 private:
  uint64_t candidates_ = 0;
  uint64_t no_hold_ = 0;
  uint64_t others_ = 0;  // masked for another reason
  std::vector<testing::VaryingDraws> draws_;
};

class RowCoverageTest : public CoverageStudy {};

TEST_F(RowCoverageTest, IntervalsHoldTheTruthWhereRowsBindAndDrawnIsLogged) {
  Watch watch(options.replications);
  const auto cells =
      Report(RunRowCoverage(options, [&](uint64_t replication, const DecisionRecord& record) {
        watch.See(replication, record);
      }));
  for (const CoverageCell& cell : cells) {
    ExpectCovered(cell, 0.93, 0.97);
    EXPECT_LT(std::fabs(cell.Bias()), 4 * cell.StandardError()) << CoverageRow(cell);
  }
  std::printf("figure: share of candidates without room = %.4f\n", watch.no_hold_share());
  EXPECT_GE(watch.no_hold_share(), kMaskedShare);
  EXPECT_EQ(watch.others(), 0u);
  const testing::DrawnAgainstLogged judge = watch.Judge();
  EXPECT_EQ(judge.configurations(), options.replications);
  EXPECT_TRUE(judge.Passes()) << judge.Report();
}

}  // namespace
}  // namespace fulcrum::simulation
