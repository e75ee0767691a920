#include "scoring/forest.h"

#include <limits>

#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tree Stump() {
  return {{.left = 1, .right = 2, .column = 0, .value = 0.5F, .default_left = true},
          {.value = -1},
          {.value = 2}};
}

float Margin(const Forest& forest, float x) {
  float margin = 0;
  forest.Predict({&x, 1}, {&margin, 1});
  return margin;
}

TEST(Forest, SplitsStrictlyBelowAndSendsMissingTheDefaultWay) {
  const absl::StatusOr<Forest> forest = Forest::Build(1, 10, {Stump()});
  FULCRUM_ASSERT_OK(forest);
  EXPECT_EQ(Margin(*forest, 0.4F), 9);
  EXPECT_EQ(Margin(*forest, 0.5F), 12);
  EXPECT_EQ(Margin(*forest, kNan), 9);
}

TEST(Forest, WithoutTreesIsItsBaseMargin) {
  const absl::StatusOr<Forest> forest = Forest::Build(1, 0.5F, {});
  FULCRUM_ASSERT_OK(forest);
  EXPECT_EQ(Margin(*forest, 3), 0.5F);
}

TEST(Forest, AddsInTreeOrderInFloat32) {
  const Tree large = {{.value = 16777216.0F}};
  const Tree one = {{.value = 1}};
  const Tree minus = {{.value = -16777216.0F}};
  // 2^24 + 1 is not a float32: the one is lost in the first order and kept in the second.
  EXPECT_EQ(Margin(*Forest::Build(1, 0, {large, one, minus}), 0), 0);
  EXPECT_EQ(Margin(*Forest::Build(1, 0, {large, minus, one}), 0), 1);
}

Tree Chain(int32_t levels) {
  Tree tree;
  for (int32_t i = 0; i < levels; ++i) {
    tree.push_back({.left = 2 * i + 1, .right = 2 * i + 2, .value = 1});
    tree.push_back({.value = 1});
  }
  // Node 2i is the i-th split: move the children in place.
  Tree placed(2 * static_cast<size_t>(levels) + 1);
  for (size_t i = 0; i < static_cast<size_t>(levels); ++i) {
    placed[2 * i] = tree[2 * i];
  }
  return placed;
}

TEST(Forest, HoldsTreesOfTheLargestDepth) {
  FULCRUM_EXPECT_OK(Forest::Build(1, 0, {Chain(Forest::kDepthMax)}));
}

struct Refusal {
  const char* what;
  Tree tree;
  const char* message;
};

TEST(Forest, RefusesWhatIsNoTree) {
  const std::vector<Refusal> refusals = {
      {"no nodes", {}, "needs a root"},
      {"cycle to the root", {{.left = 0, .right = 1}, {}}, "cycle"},
      {"self", {{.left = 1, .right = 2}, {.left = 1, .right = 2}, {}}, "reached twice"},
      {"shared child", {{.left = 1, .right = 1}, {}}, "reached twice"},
      {"child out of range", {{.left = 1, .right = 3}, {}, {}}, "child 3 does not exist"},
      {"negative child", {{.left = 1, .right = -2}, {}}, "child -2 does not exist"},
      {"half a leaf", {{.left = 1, .right = -1}, {}}, "child -1 does not exist"},
      {"column", {{.left = 1, .right = 2, .column = 2}, {}, {}}, "column 2 of 2"},
      {"NaN threshold", {{.left = 1, .right = 2, .value = kNan}, {}, {}}, "threshold is NaN"},
      {"NaN leaf", {{.value = kNan}}, "not a finite number"},
      {"infinite leaf", {{.value = std::numeric_limits<float>::infinity()}}, "not a finite"},
      {"too deep", Chain(Forest::kDepthMax + 1), "deeper than 64"},
  };
  for (const Refusal& refusal : refusals) {
    EXPECT_THAT(
        Forest::Build(2, 0, {Stump(), refusal.tree}),
        testing::StatusIs(absl::StatusCode::kInvalidArgument,
                          ::testing::AllOf(HasSubstr("tree 1, node"), HasSubstr(refusal.message))))
        << refusal.what;
  }
}

TEST(Forest, RefusesImpossibleShapes) {
  EXPECT_THAT(Forest::Build(0, 0, {}),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 columns")));
  EXPECT_THAT(Forest::Build(Forest::kColumnsMax + 1, 0, {}),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("4097 columns")));
  EXPECT_THAT(Forest::Build(1, kNan, {}),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("base margin")));
}

}  // namespace
}  // namespace fulcrum::scoring
