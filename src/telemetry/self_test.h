// The running service's test of itself: whether what is drawn follows what is logged, whether the
// logged propensities weigh right, and whether the choice has collapsed. It sees what the log
// takes, off the request path, and shares no code with the draw.
//
// Per surface, over blocks of positions that double from 1,024 to 65,536, each judged by itself:
//
// - drawn: the actions of a distribution are ranked by their probability; counts of drawn ranks
//   against the sums of their probabilities, as a chi-square with the exact covariance, since the
//   distributions differ (sum of diag(p) - p p'). No draw may hit an action without ticks.
// - weight: the mean of q / p over the drawn actions, q being even over those with p of at least
//   0.02, is 1 but for chance; its variance follows from the distributions.
// - entropy: the mean entropy of the distributions as a share of the largest possible, log K.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/mutex.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::telemetry {

// Upper tail of the chi-square distribution; `degrees` at least 1, `statistic` at least 0.
double ChiSquareTail(double statistic, int degrees);

// Sums over one block of positions.
class SelfTestBlock {
 public:
  // A distribution and the index of what was drawn from it.
  void Add(absl::Span<const Ticks> ticks, size_t drawn);

  uint64_t positions() const { return positions_; }
  uint64_t impossible() const { return impossible_; }  // drawn without a tick
  double DrawnPValue() const;                          // 1 while too little was random
  double MeanWeight() const;
  double WeightZ() const;
  double Entropy() const;  // 0 to 1; NaN if nothing could be chosen

 private:
  static constexpr size_t kRanks = 8;  // the last one: all that come behind

  void AddWeight(absl::Span<const Ticks> ticks, size_t drawn);
  void AddEntropy(absl::Span<const Ticks> ticks);

  uint64_t positions_ = 0;
  uint64_t impossible_ = 0;
  std::array<double, kRanks> surprise_{};                      // sum of 1[rank] - p
  std::array<double, kRanks> expected_{};                      // sum of p
  std::array<std::array<double, kRanks>, kRanks> products_{};  // sum of p p'
  double weight_surprise_ = 0;                                 // sum of w - 1
  double weight_variance_ = 0;
  double entropy_ = 0;  // sum of shares of log K
  uint64_t choices_ = 0;
};

// What is known of one surface; the figures are those of the last block that was closed.
struct SelfTestReport {
  std::string surface;
  uint64_t positions = 0;  // since the start
  uint64_t block = 0;      // positions of that block; 0 = none is closed yet
  double drawn_p_value = 1;
  double mean_weight = 1;
  double weight_z = 0;
  double entropy = 1;
  uint64_t drawn_alarms = 0;    // blocks with a p-value under 1e-6, or an impossible draw
  uint64_t weight_alarms = 0;   // with a mean weight more than 6 standard errors from 1
  uint64_t entropy_alarms = 0;  // with an entropy under 0.02
};

// Alarms are also written to the diagnostics. Thread-safe.
class SelfTest {
 public:
  explicit SelfTest(const std::vector<std::string>& surfaces);
  void Observe(const LogEvent& event);  // one that the log has taken
  std::vector<SelfTestReport> Report() const;

 private:
  struct State {
    SelfTestReport report;
    SelfTestBlock block;
    uint64_t block_size = 1024;
  };
  static void Close(State* state);

  mutable base::Mutex mutex_;
  std::map<std::string, State> states_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fulcrum::telemetry
