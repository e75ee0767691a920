// What an action would have earned, where the log did not try it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "evaluation/rows.h"

namespace fulcrum::evaluation {

// Rows of the mean of all that an action's own mean is drawn towards.
inline constexpr double kPriorRows = 100;

// Thread-safe.
class RewardModel {
 public:
  virtual ~RewardModel() = default;
  // Expected reward of `action` at the row of that index in RowSet::rows. The row's own reward must
  // not have been used for it, or DR is biased.
  virtual double Predict(size_t row, uint32_t action) const = 0;
};

// The model `shrunk`: each action's mean reward, drawn towards the mean of all by kPriorRows that
// are worth that mean, and cross-fitted: row i (from 0) is in fold i mod 3 and gets
//
//   q(a) = (sum of a's rewards + 100 c) / (rows of a + 100),   c = mean reward
//
// where sums, counts and c are taken over the rows of the other two folds. It knows neither context
// nor position. With no row outside the fold it predicts 0.
class ShrunkRewards final : public RewardModel {
 public:
  explicit ShrunkRewards(const RowSet& rows);
  double Predict(size_t row, uint32_t action) const override;

 private:
  static constexpr size_t kFolds = 3;

  std::vector<double> by_action_[kFolds];
  double for_others_[kFolds] = {};  // actions that are not in the log
};

// The same formula on the rows that were added so far, for going through a log in time: what it
// predicts at a row hangs on nothing that came after.
class PastRewards {
 public:
  explicit PastRewards(size_t actions) : rewards_(actions), counts_(actions) {}
  void Add(const Row& row);
  double Predict(uint32_t action) const;

 private:
  std::vector<double> rewards_;  // sums, by action
  std::vector<double> counts_;
  double sum_ = 0;
  double count_ = 0;
};

}  // namespace fulcrum::evaluation
