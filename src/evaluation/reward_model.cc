#include "evaluation/reward_model.h"

namespace fulcrum::evaluation {

ShrunkRewards::ShrunkRewards(const RowSet& rows) {
  for (size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<double> rewards(rows.actions.size());
    std::vector<double> counts(rows.actions.size());
    double sum = 0;
    double count = 0;
    for (size_t i = 0; i < rows.rows.size(); ++i) {
      if (i % kFolds == fold) continue;
      const Row& row = rows.rows[i];
      rewards[row.action] += row.reward;
      counts[row.action] += 1;
      sum += row.reward;
      count += 1;
    }
    const double mean = count == 0 ? 0 : sum / count;
    for (size_t action = 0; action < rewards.size(); ++action) {
      rewards[action] = (rewards[action] + kPriorRows * mean) / (counts[action] + kPriorRows);
    }
    by_action_[fold] = std::move(rewards);
    for_others_[fold] = mean;
  }
}

double ShrunkRewards::Predict(size_t row, uint32_t action) const {
  const std::vector<double>& rewards = by_action_[row % kFolds];
  return action < rewards.size() ? rewards[action] : for_others_[row % kFolds];
}

void PastRewards::Add(const Row& row) {
  rewards_[row.action] += row.reward;
  counts_[row.action] += 1;
  sum_ += row.reward;
  count_ += 1;
}

double PastRewards::Predict(uint32_t action) const {
  const double mean = count_ == 0 ? 0 : sum_ / count_;
  if (action >= rewards_.size()) return mean;
  return (rewards_[action] + kPriorRows * mean) / (counts_[action] + kPriorRows);
}

}  // namespace fulcrum::evaluation
