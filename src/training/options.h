// What training can be told, with the values it takes otherwise.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace fulcrum::training {

struct TrainingOptions {
  std::string name = "click";
  std::string trained_on;   // in words, for the manifest
  std::string segment_key;  // user feature that names the segment; for the manifest
  uint32_t schema_version = 1;
  uint64_t seed = 1;
  uint32_t rounds_max = 200;
  uint32_t rounds_patience = 25;  // stop when so many rounds brought no better validation loss
  uint32_t depth_max = 5;
  double learning_rate = 0.05;
  double child_weight_min = 1;    // smallest sum of hessians in a leaf
  double validation_share = 0.2;  // the latest rows; 0 = none, and all rounds are kept
  double weight_cut = 10;         // largest weight, in multiples of the mean weight
  uint32_t categories_max = 64;   // most frequent texts per feature that get a column
};

// INVALID_ARGUMENT names the option that cannot be.
absl::Status CheckOptions(const TrainingOptions& options);

}  // namespace fulcrum::training
