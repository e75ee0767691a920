#include "evaluation/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/random.h"

namespace fulcrum::evaluation {
namespace {

Values ValuesOf(const Terms& sums) {
  return {sums.weighted_reward / sums.rows,
          sums.weighted_reward / sums.weight,
          sums.direct / sums.rows,
          sums.robust / sums.rows,
          sums.cascade / sums.slates,
          sums.whole / sums.slates,
          sums.stable_reward / sums.stable_weight};
}

Values ResampleOnce(absl::Span<const Terms> terms, uint64_t seed, uint32_t number) {
  base::RandomStream random(base::MixKey(std::to_string(seed), "bootstrap", number));
  const auto count = static_cast<uint32_t>(terms.size());
  Terms sums;
  for (uint32_t i = 0; i < count; ++i) Add(terms[random.NextBelow(count)], &sums);
  return ValuesOf(sums);
}

double Quantile(const std::vector<double>& sorted, double quantile) {
  const double place = quantile * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
}

}  // namespace

Values EstimateAll(absl::Span<const Terms> terms) {
  Terms sums;
  for (const Terms& row : terms) Add(row, &sums);
  return ValuesOf(sums);
}

std::vector<Values> Resample(absl::Span<const Terms> terms, uint64_t seed, int resamples,
                             int threads) {
  std::vector<Values> values(static_cast<size_t>(std::max(resamples, 0)));
  const size_t hands = std::clamp<size_t>(
      threads > 0 ? static_cast<size_t>(threads) : std::thread::hardware_concurrency(), 1,
      std::max<size_t>(values.size(), 1));
  const auto work = [&](size_t hand) {
    for (size_t i = hand; i < values.size(); i += hands) {
      values[i] = ResampleOnce(terms, seed, static_cast<uint32_t>(i));
    }
  };
  std::vector<std::thread> others;
  for (size_t hand = 1; hand < hands; ++hand) others.emplace_back(work, hand);
  work(0);
  for (std::thread& other : others) other.join();
  return values;
}

std::pair<double, double> PercentileInterval(absl::Span<const Values> resampled,
                                             Estimator estimator, double level) {
  std::vector<double> values;
  values.reserve(resampled.size());
  for (const Values& one : resampled) {
    const double value = one[static_cast<size_t>(estimator)];
    if (!std::isnan(value)) values.push_back(value);
  }
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (values.empty()) return {kNone, kNone};
  std::sort(values.begin(), values.end());
  return {Quantile(values, (1 - level) / 2), Quantile(values, (1 + level) / 2)};
}

}  // namespace fulcrum::evaluation
