// What a training did, for people and programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fulcrum::training {

// Texts that got no column, because their feature has more than TrainingOptions::categories_max.
struct DroppedCategories {
  std::string feature;
  uint64_t categories = 0;
  uint64_t rows = 0;
};

struct TrainingReport {
  uint64_t rows = 0;                 // that the trees were learned from and stopped by
  uint64_t rows_neutral = 0;         // of the neutral action: counted, but no rows for the trees
  uint64_t validation_rows = 0;      // of `rows`, the latest
  double validation_share = 0;       // asked for
  int64_t validation_start_us = 0;   // of the first row held back; 0 without
  double reward_mean = 0;            // over `rows`
  double weight_cut = 0;             // largest weight, in multiples of the mean weight
  double weight_cut_share = 0;       // share of rows whose weight was cut
  double effective_sample_size = 0;  // (sum w)^2 / sum w^2 over all rows
  uint32_t columns = 0;
  uint32_t rounds = 0;         // that were kept
  uint32_t rounds_tried = 0;   // of these the kept ones are the first
  double validation_loss = 0;  // weighted log loss of what was kept; NaN without validation rows
  double constant_loss = 0;    // there, of the mean reward of the rows learned from; NaN without
  std::vector<double> curve;   // validation loss after each round tried; empty without
  std::vector<DroppedCategories> dropped;
};

// Several lines.
std::string ToText(const TrainingReport& report);

}  // namespace fulcrum::training
