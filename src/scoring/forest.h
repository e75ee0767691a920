// A forest of regression trees, laid out for the request path: one margin per row.
//
// Nodes are 16 bytes, each tree in breadth-first order, so that the levels which every row visits
// lie together. A leaf is its own child: every row takes `depth` steps through a tree without a
// branch, and several rows walk side by side, which hides the latency of the loads.
//
// Arithmetic is float32 throughout and the leaves are added in tree order, as XGBoost does, so the
// margins are the trainer's. Missing is NaN and follows the node's default direction.
//
// Immutable and thread-safe once built. Predict allocates nothing and cannot fail.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fulcrum::scoring {

// One node as a model file has it. Rows with `x < threshold` go left, missing by default_left.
struct TreeNode {
  static constexpr int32_t kLeaf = -1;
  int32_t left = kLeaf;  // index into the tree's nodes; kLeaf in both: a leaf
  int32_t right = kLeaf;
  uint32_t column = 0;
  float value = 0;  // threshold, or the leaf's output
  bool default_left = false;
};

using Tree = std::vector<TreeNode>;  // the root is the first node

class Forest {
 public:
  static constexpr uint32_t kColumnsMax = 4096;
  static constexpr uint32_t kDepthMax = 64;
  static constexpr size_t kNodesMax = 1 << 22;  // 64 MB

  Forest() = default;

  // INVALID_ARGUMENT names the tree and node that is wrong: a child that does not exist, a node
  // reached twice (cycle), a column out of range, a threshold that is NaN, a leaf that is not
  // finite, a tree deeper than kDepthMax. Nodes that the root does not reach are ignored.
  static absl::StatusOr<Forest> Build(uint32_t columns, float base_margin,
                                      absl::Span<const Tree> trees);

  // `rows` holds margins.size() rows of columns() values, row by row.
  void Predict(absl::Span<const float> rows, absl::Span<float> margins) const;

  uint32_t columns() const { return columns_; }
  float base_margin() const { return base_margin_; }
  size_t trees() const { return trees_.size(); }
  size_t nodes() const { return nodes_.size(); }

 private:
  struct Node {
    float value;        // threshold, or the leaf's output
    uint32_t column;    // kDefaultLeft is the top bit
    uint32_t child[2];  // left, right; a leaf: itself
  };
  struct TreeSpan {
    uint32_t root;
    uint32_t depth;
  };
  static constexpr uint32_t kDefaultLeft = 1U << 31;
  static constexpr size_t kBlock = 16;  // rows that walk side by side

  absl::Status Append(size_t number, const Tree& tree);
  void PredictBlock(const float* rows, size_t count, float* margins) const;
  static uint32_t Step(const Node& node, const float* row);

  uint32_t columns_ = 0;
  float base_margin_ = 0;
  std::vector<Node> nodes_;
  std::vector<TreeSpan> trees_;
};

}  // namespace fulcrum::scoring
