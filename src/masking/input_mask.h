// The rules on the model inputs of a decision.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/bundle.h"
#include "config/manifest.h"
#include "fulcrum/decision_record.h"
#include "masking/text_mask.h"

namespace fulcrum::masking {

// Immutable and thread-safe.
class InputMask {
 public:
  // `manifest` is that of the model which makes the snapshots; null without a model.
  InputMask(const std::vector<config::MaskingRule>& rules, const config::ModelManifest* manifest);

  bool empty() const { return columns_.empty(); }

  // Masks the snapshot's columns and notes those that it changed; a second time changes nothing.
  // Fails if the snapshot is of another model or shape: then it must not be written.
  void Apply(FeatureSnapshot* snapshot, Masked* masked) const;

 private:
  struct Column {
    uint32_t column = 0;
    size_t rule = 0;
    double step = 0;  // to multiples of this; 0: to missing
  };

  bool Fits(const FeatureSnapshot& snapshot) const;

  uint64_t model_ = 0;
  size_t model_columns_ = 0;
  std::vector<Column> columns_;  // ascending
};

}  // namespace fulcrum::masking
