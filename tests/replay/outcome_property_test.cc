// A line of a target file gives back what was written, and no other line ends the process or gets
// by unnoticed with numbers that are no distribution.
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "replay/outcome.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::replay {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;

class Lines : public ::testing::Test {
 protected:
  size_t Below(size_t bound) { return random_() % bound; }

  std::vector<Ticks> Distribution(size_t entries) {
    std::vector<Ticks> ticks(entries, 0);
    Ticks left = kTicksTotal;
    for (Ticks& one : ticks) left -= one = Below(left + 1);
    ticks.back() += left;
    return ticks;
  }

  Outcome RandomOutcome() {
    Outcome outcome;
    outcome.lsn = random_();
    outcome.id = DecisionId::FromTimeAndRandom(absl::FromUnixMillis(1574553600000), random_(), 7);
    if (Below(5) == 0) {
      outcome.not_replayed = "a \"reason\" \\ with\nsigns";
      outcome.slate.push_back({"none", {}});
      return outcome;
    }
    const size_t candidates = Below(6);
    for (size_t i = 0; i < candidates; ++i) {
      const auto mask = static_cast<MaskReason>(Below(6));
      outcome.candidates.push_back(
          {absl::StrCat("action-", i), mask, mask == MaskReason::kNoHold ? "row\t" : ""});
    }
    for (size_t i = Below(4); i > 0; --i) {
      outcome.slate.push_back({"action-0", Distribution(candidates + 1)});
      outcome.target.push_back(Below(2) == 0 ? outcome.slate.back().ticks
                                             : Distribution(candidates + 1));
    }
    if (Below(2) == 0) outcome.target.emplace_back();
    return outcome;
  }

  std::mt19937_64 random_{99};
};

TEST_F(Lines, GiveBackWhatWasWritten) {
  for (int i = 0; i < 2000; ++i) {
    const Outcome outcome = RandomOutcome();
    const auto again = ParseOutcome(ToLine(outcome));
    ASSERT_THAT(again, IsOk()) << ToLine(outcome);
    ASSERT_EQ(*again, outcome) << ToLine(outcome);
  }
  const TargetHeader header = {~uint64_t{0}, 3, 1, 900, "rescore=0 row@-1=5"};
  EXPECT_EQ(*ParseTargetHeader(ToLine(header)), header);
}

TEST_F(Lines, OthersAreRefusedOrWhole) {
  int refused = 0, read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string line = ToLine(RandomOutcome());
    for (size_t changes = 1 + Below(3); changes > 0 && !line.empty(); --changes) {
      const size_t at = Below(line.size());
      switch (Below(3)) {
        case 0:
          line[at] = static_cast<char>(random_());
          break;
        case 1:
          line.erase(at, 1 + Below(8));
          break;
        default:
          line.insert(at, line.substr(Below(line.size()), Below(16)));
      }
    }
    const auto outcome = ParseOutcome(line);
    (void)ParseTargetHeader(line);
    if (!outcome.ok()) {
      ++refused;
      continue;
    }
    ++read;
    for (const std::vector<Ticks>& target : outcome->target) {
      Ticks sum = 0;
      for (const Ticks ticks : target) sum += ticks;
      ASSERT_TRUE(target.empty() ||
                  (sum == kTicksTotal && target.size() == outcome->candidates.size() + 1))
          << line;
    }
  }
  EXPECT_GT(refused, 10'000);
  EXPECT_GT(read, 100);
}

TEST(TargetHeader, AnotherFormatIsRefused) {
  EXPECT_THAT(
      ParseTargetHeader("{\"fulcrum_target\":2}"),
      StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("not of this version")));
  EXPECT_THAT(ParseTargetHeader("[]"),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("no JSON object")));
}

}  // namespace
}  // namespace fulcrum::replay
