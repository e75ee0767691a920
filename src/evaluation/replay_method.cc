#include "evaluation/replay_method.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.h"

namespace fulcrum::evaluation {
namespace {

// How many rows are of each kind: that is all a resample needs to know.
struct Counts {
  uint64_t rows = 0;
  uint64_t clicks = 0;
  uint64_t matches = 0;
  uint64_t matched_clicks = 0;

  void Add(const ReplayRow& row) {
    ++rows;
    clicks += row.clicked ? 1 : 0;
    matches += row.matched ? 1 : 0;
    matched_clicks += row.matched && row.clicked ? 1 : 0;
  }
};

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? std::numeric_limits<double>::quiet_NaN()
                    : static_cast<double>(part) / static_cast<double>(whole);
}

// The central 95 % of `values`, NaNs (resamples without a match) left out.
std::pair<double, double> PercentileInterval(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return {Ratio(0, 0), Ratio(0, 0)};
  std::sort(values.begin(), values.end());
  const auto at = [&values](double quantile) {
    const double place = quantile * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, values.size() - 1);
    const double weight = place - static_cast<double>(below);
    return values[below] * (1 - weight) + values[above] * weight;
  };
  return {at(0.025), at(0.975)};
}

}  // namespace

ReplayEstimate EstimateByReplay(absl::Span<const ReplayRow> rows, uint64_t seed, int resamples) {
  Counts all;
  for (const ReplayRow& row : rows) all.Add(row);
  ReplayEstimate estimate;
  estimate.rows = all.rows;
  estimate.matches = all.matches;
  estimate.clicks = all.matched_clicks;
  estimate.click_rate = Ratio(all.matched_clicks, all.matches);
  estimate.logged_click_rate = Ratio(all.clicks, all.rows);
  estimate.difference = estimate.click_rate - estimate.logged_click_rate;

  base::RandomStream random(seed);
  std::vector<double> rates;
  std::vector<double> differences;
  for (int i = 0; i < resamples && !rows.empty(); ++i) {
    Counts drawn;
    for (size_t n = 0; n < rows.size(); ++n) {
      drawn.Add(rows[random.NextBelow(static_cast<uint32_t>(rows.size()))]);
    }
    rates.push_back(Ratio(drawn.matched_clicks, drawn.matches));
    differences.push_back(rates.back() - Ratio(drawn.clicks, drawn.rows));
  }
  std::tie(estimate.click_rate_low, estimate.click_rate_high) =
      PercentileInterval(std::move(rates));
  std::tie(estimate.difference_low, estimate.difference_high) =
      PercentileInterval(std::move(differences));
  return estimate;
}

}  // namespace fulcrum::evaluation
