#include "scoring/forest.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace fulcrum::scoring {
namespace {

absl::Status Wrong(size_t tree, size_t node, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("tree ", tree, ", node ", node, ": ", what));
}

bool IsLeaf(const TreeNode& node) {
  return node.left == TreeNode::kLeaf && node.right == TreeNode::kLeaf;
}

absl::Status CheckNode(size_t tree, size_t index, const TreeNode& node, uint32_t columns) {
  if (IsLeaf(node)) {
    if (!std::isfinite(node.value)) return Wrong(tree, index, "the leaf is not a finite number");
    return absl::OkStatus();
  }
  if (std::isnan(node.value)) return Wrong(tree, index, "the threshold is NaN");
  if (node.column >= columns) {
    return Wrong(tree, index,
                 absl::StrCat("splits on column ", node.column, " of ", columns, " columns"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Forest> Forest::Build(uint32_t columns, float base_margin,
                                     absl::Span<const Tree> trees) {
  if (columns == 0 || columns > kColumnsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a forest over ", columns, " columns: use 1 to ", kColumnsMax));
  }
  if (!std::isfinite(base_margin)) {
    return absl::InvalidArgumentError("the forest's base margin is not a finite number");
  }
  Forest forest;
  forest.columns_ = columns;
  forest.base_margin_ = base_margin;
  for (size_t i = 0; i < trees.size(); ++i) {
    FULCRUM_RETURN_IF_ERROR(forest.Append(i, trees[i]));
  }
  return forest;
}

// Breadth first: `order` is the queue of the walk and the new numbering at once.
absl::Status Forest::Append(size_t number, const Tree& tree) {
  if (tree.empty()) return Wrong(number, 0, "a tree needs a root");
  if (nodes_.size() + tree.size() > kNodesMax) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kNodesMax, " nodes at tree ",
                                                   number, ": train a smaller model"));
  }
  const auto root = static_cast<uint32_t>(nodes_.size());
  std::vector<bool> reached(tree.size(), false);
  std::vector<int32_t> order = {0};
  reached[0] = true;
  uint32_t depth = 0;
  size_t level_end = 1;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == level_end) {
      level_end = order.size();
      if (++depth > kDepthMax) {
        return Wrong(number, static_cast<size_t>(order[i]),
                     absl::StrCat("deeper than ", kDepthMax, " levels"));
      }
    }
    const auto index = static_cast<size_t>(order[i]);
    const TreeNode& node = tree[index];
    FULCRUM_RETURN_IF_ERROR(CheckNode(number, index, node, columns_));
    const auto self = static_cast<uint32_t>(root + i);
    if (IsLeaf(node)) {
      nodes_.push_back({node.value, 0, {self, self}});
      continue;
    }
    for (const int32_t child : {node.left, node.right}) {
      if (child < 0 || static_cast<size_t>(child) >= tree.size()) {
        return Wrong(
            number, index,
            absl::StrCat("child ", child, " does not exist; the tree has ", tree.size(), " nodes"));
      }
      if (reached[static_cast<size_t>(child)]) {
        return Wrong(number, index, absl::StrCat("child ", child, " is reached twice (a cycle)"));
      }
      reached[static_cast<size_t>(child)] = true;
      order.push_back(child);
    }
    const auto left = static_cast<uint32_t>(root + order.size() - 2);
    nodes_.push_back(
        {node.value, node.column | (node.default_left ? kDefaultLeft : 0), {left, left + 1}});
  }
  trees_.push_back({root, depth});
  return absl::OkStatus();
}

inline uint32_t Forest::Step(const Node& node, const float* row) {
  const float x = row[node.column & ~kDefaultLeft];
  const bool missing = x != x;
  const bool default_right = (node.column & kDefaultLeft) == 0;
  // No branch: which way a row goes is what a processor cannot predict.
  const auto right = static_cast<unsigned>(x >= node.value) |
                     (static_cast<unsigned>(missing) & static_cast<unsigned>(default_right));
  return node.child[right];
}

void Forest::PredictBlock(const float* rows, size_t count, float* margins) const {
  const Node* const nodes = nodes_.data();
  std::array<uint32_t, kBlock> at;
  std::fill_n(margins, count, base_margin_);
  for (const TreeSpan& tree : trees_) {
    at.fill(tree.root);
    for (uint32_t level = 0; level < tree.depth; ++level) {
      const float* row = rows;
      for (size_t r = 0; r < count; ++r, row += columns_) at[r] = Step(nodes[at[r]], row);
    }
    for (size_t r = 0; r < count; ++r) margins[r] += nodes[at[r]].value;
  }
}

void Forest::Predict(absl::Span<const float> rows, absl::Span<float> margins) const {
  FULCRUM_CHECK(rows.size() == margins.size() * columns_);
  for (size_t done = 0; done < margins.size(); done += kBlock) {
    const size_t count = std::min(kBlock, margins.size() - done);
    PredictBlock(rows.data() + done * columns_, count, margins.data() + done);
  }
}

}  // namespace fulcrum::scoring
