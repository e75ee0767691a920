#include "training/summaries.h"

#include <algorithm>
#include <cmath>

namespace fulcrum::training {
namespace {

using config::ColumnSummary;

// `sorted` is not empty.
double Quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = place - static_cast<double>(below);
  if (part == 0 || sorted[below] == sorted[above]) return sorted[below];
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

ColumnSummary SummaryOf(std::vector<double> values, size_t rows) {
  ColumnSummary summary;
  summary.count = values.size();
  summary.missing_share = static_cast<double>(rows - values.size()) / static_cast<double>(rows);
  if (values.empty()) return summary;
  const auto count = static_cast<double>(values.size());
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  summary.mean = sum / count;
  double squares = 0;
  for (const double value : values) squares += (value - summary.mean) * (value - summary.mean);
  summary.sd = std::sqrt(squares / count);
  constexpr size_t kLast = ColumnSummary::kQuantiles - 1;
  for (size_t i = 0; i <= kLast; ++i) {
    summary.quantiles.push_back(
        Quantile(values, static_cast<double>(i) / static_cast<double>(kLast)));
  }
  // A rounding must not make a manifest that its reader refuses.
  for (size_t i = 1; i <= kLast; ++i) {
    summary.quantiles[i] = std::max(summary.quantiles[i], summary.quantiles[i - 1]);
  }
  return summary;
}

}  // namespace

std::vector<ColumnSummary> Summarise(const DataSet& data) {
  const size_t columns = data.columns.size();
  std::vector<ColumnSummary> summaries;
  summaries.reserve(columns);
  for (size_t column = 0; column < columns; ++column) {
    std::vector<double> values;
    for (size_t row = 0; row < data.rows(); ++row) {
      const auto value = static_cast<double>(data.values[row * columns + column]);
      if (!std::isnan(value)) values.push_back(value);
    }
    summaries.push_back(SummaryOf(std::move(values), data.rows()));
  }
  return summaries;
}

}  // namespace fulcrum::training
