// The flat forest against the obvious walk from node to node, on random forests and rows.
#include <cmath>
#include <limits>

#include "base/random.h"
#include "scoring/forest.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Few distinct values, so that rows often sit exactly on a threshold.
float RandomValue(base::RandomStream* random) {
  switch (random->NextBelow(12)) {
    case 0:
      return kInfinity;
    case 1:
      return -kInfinity;
    case 2:
      return -0.0F;
    default:
      return static_cast<float>(random->NextBelow(9)) / 3.0F - 1.0F;
  }
}

// Splits a random leaf until there are `splits` of them; children are numbered in the order made,
// not breadth first, with unreachable nodes in between as pruning leaves them.
Tree RandomTree(uint32_t splits, uint32_t columns, base::RandomStream* random) {
  Tree tree(1);
  std::vector<size_t> leaves = {0};
  for (uint32_t i = 0; i < splits; ++i) {
    const size_t pick = random->NextBelow(static_cast<uint32_t>(leaves.size()));
    const size_t node = leaves[pick];
    if (random->NextBelow(4) == 0) tree.push_back({.left = 77, .right = -5, .value = kNan});
    const size_t left = tree.size();
    tree.resize(left + 2);
    tree[node] = {.left = static_cast<int32_t>(left),
                  .right = static_cast<int32_t>(left + 1),
                  .column = random->NextBelow(columns),
                  .value = RandomValue(random),
                  .default_left = random->NextBelow(2) == 0};
    leaves[pick] = left;
    leaves.push_back(left + 1);
  }
  for (const size_t leaf : leaves) {
    tree[leaf] = {.value = static_cast<float>(random->NextUniform() - 0.5)};
  }
  return tree;
}

float SlowWalk(const Tree& tree, const float* row) {
  size_t at = 0;
  while (tree[at].left != TreeNode::kLeaf) {
    const TreeNode& node = tree[at];
    const float x = row[node.column];
    const bool left = std::isnan(x) ? node.default_left : x < node.value;
    at = static_cast<size_t>(left ? node.left : node.right);
  }
  return tree[at].value;
}

TEST(ForestProperty, EqualsTheSlowWalkToTheLastBit) {
  base::RandomStream random(20191124);
  for (int round = 0; round < 300; ++round) {
    const uint32_t columns = 1 + random.NextBelow(20);
    std::vector<Tree> trees(random.NextBelow(12));
    for (Tree& tree : trees) tree = RandomTree(random.NextBelow(40), columns, &random);
    const absl::StatusOr<Forest> forest = Forest::Build(columns, 0.25F, trees);
    FULCRUM_ASSERT_OK(forest);

    const size_t count = random.NextBelow(40);
    std::vector<float> rows(count * columns);
    for (float& x : rows) x = random.NextBelow(4) == 0 ? kNan : RandomValue(&random);
    std::vector<float> margins(count, kNan);
    forest->Predict(rows, absl::MakeSpan(margins));

    for (size_t r = 0; r < count; ++r) {
      float expected = 0.25F;
      for (const Tree& tree : trees) expected += SlowWalk(tree, rows.data() + r * columns);
      ASSERT_EQ(margins[r], expected) << "round " << round << ", row " << r;
    }
  }
}

TEST(ForestProperty, ARowsMarginDoesNotDependOnItsNeighbours) {
  base::RandomStream random(7);
  std::vector<Tree> trees(9);
  for (Tree& tree : trees) tree = RandomTree(25, 6, &random);
  const absl::StatusOr<Forest> forest = Forest::Build(6, -1, trees);
  FULCRUM_ASSERT_OK(forest);
  std::vector<float> rows(size_t{37} * 6);
  for (float& x : rows) x = random.NextBelow(4) == 0 ? kNan : RandomValue(&random);
  std::vector<float> together(37);
  forest->Predict(rows, absl::MakeSpan(together));
  for (size_t r = 0; r < together.size(); ++r) {
    float alone = 0;
    forest->Predict(absl::MakeConstSpan(rows).subspan(r * 6, 6), {&alone, 1});
    EXPECT_EQ(alone, together[r]);
  }
}

}  // namespace
}  // namespace fulcrum::scoring
