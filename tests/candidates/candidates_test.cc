#include "candidates/candidates.h"

#include "tests/support/status_matchers.h"

namespace fulcrum::candidates {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Actions a0 to a4; the surface's campaigns own a0, a2, a3 and a4.
class CandidatesTest : public ::testing::Test {
 protected:
  CandidatesTest() {
    for (int32_t i = 0; i < 5; ++i) {
      config::Action action;
      action.id = "a" + std::to_string(i);
      bundle_.action_index[action.id] = i;
      bundle_.actions.push_back(std::move(action));
    }
    surface_.id = "page";
    surface_.actions = {0, 2, 3, 4};
    surface_.candidates_max = 4;
  }

  absl::StatusOr<std::vector<int32_t>> Find(std::vector<std::string> asked) {
    domain::DecisionContext context;
    context.candidates = std::move(asked);
    const auto list = ReadList(bundle_, surface_, context);
    if (!list.ok()) return list.status();
    return FindCandidates(bundle_, surface_, context, /*user=*/nullptr, *list);
  }
  void ExpectRefused(std::vector<std::string> asked, const char* what) {
    EXPECT_THAT(Find(std::move(asked)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(::testing::StartsWith("candidates:"), HasSubstr(what))));
  }

  config::Bundle bundle_;
  config::Surface surface_;
};

TEST_F(CandidatesTest, WithoutAListTheyAreTheSurfacesOwn) {
  EXPECT_THAT(*Find({}), ElementsAre(0, 2, 3, 4));
}

TEST_F(CandidatesTest, AListIsSortedByActionId) {
  EXPECT_THAT(*Find({"a4", "a0", "a2"}), ElementsAre(0, 2, 4));
}

TEST_F(CandidatesTest, UnknownForeignAndDoubledActionsAreNamed) {
  ExpectRefused({"a0", "a9"}, "surface 'page' has no action 'a9'");
  ExpectRefused({"a1"}, "surface 'page' has no action 'a1'");
  ExpectRefused({"none"}, "surface 'page' has no action 'none'");
  ExpectRefused({""}, "surface 'page' has no action ''");
  ExpectRefused({"a2", "a0", "a2"}, "'a2' is named twice");
}

TEST_F(CandidatesTest, TooManyAreRefusedWhereverTheyComeFrom) {
  surface_.candidates_max = 3;
  ExpectRefused({}, "4 actions, but surface 'page' allows 3 (candidates_max)");
  ExpectRefused({"a0", "a2", "a3", "a4"}, "4 actions, but surface 'page' allows 3");
  EXPECT_THAT(*Find({"a3", "a2", "a0"}), ElementsAre(0, 2, 3));
}

TEST_F(CandidatesTest, ASurfaceWithoutActionsHasNone) {
  surface_.actions.clear();
  EXPECT_TRUE(Find({})->empty());
}

}  // namespace
}  // namespace fulcrum::candidates
