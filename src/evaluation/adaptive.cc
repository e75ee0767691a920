#include "evaluation/adaptive.h"

#include <algorithm>
#include <cmath>

namespace fulcrum::evaluation {
namespace {

constexpr double kMemory = 100;  // rows

// The mean of what was added, the latest kMemory in the main.
class RecentMean {
 public:
  void Add(double value) { mean_ += (value - mean_) / std::min(++seen_, kMemory); }
  double mean() const { return mean_; }  // 0 before anything was added

 private:
  double mean_ = 0;
  double seen_ = 0;
};

}  // namespace

void AddStableTerms(const RowSet& rows, const TargetOnRows& target, std::vector<Terms>* terms) {
  PastRewards past(rows.actions.size());
  RecentMean spread;
  const auto predict = [&past](uint32_t action) { return past.Predict(action); };
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    const Row& row = rows.rows[i];
    Terms& one = (*terms)[i];
    if (one.rows > 0) {
      const double weight = target.Weight(row);
      const double score =
          target.Mean(row, predict) + weight * (row.reward - past.Predict(row.action));
      const double stable = spread.mean() > 0 ? 1 / std::sqrt(spread.mean()) : 0;
      one.stable_weight = one.rows * stable;
      one.stable_reward = one.stable_weight * score;
      spread.Add(target.SquaredWeight(row));
    }
    past.Add(row);  // what it earned is known with or without detail
  }
}

}  // namespace fulcrum::evaluation
