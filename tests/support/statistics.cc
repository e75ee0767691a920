#include "tests/support/statistics.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace fulcrum::testing {
namespace {

constexpr int kMostTerms = 100000;
constexpr double kPrecision = 1e-16;
constexpr double kLeastExpectation = 20;

// x^a e^-x / Gamma(a).
double GammaTerm(double a, double x) {
  return std::exp(a * std::log(x) - x - std::lgamma(a));
}

// P(a, x) by its power series; converges fast for x < a + 1.
double LowerGammaSeries(double a, double x) {
  double term = 1 / a;
  double sum = term;
  for (int n = 1; n < kMostTerms && term > sum * kPrecision; ++n) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * GammaTerm(a, x);
}

// Q(a, x) by its continued fraction x + 1 - a - 1 (1 - a) / (x + 3 - a - ...), evaluated forwards
// as a product of ratios of successive convergents.
double UpperGammaFraction(double a, double x) {
  double b = x + 1 - a;
  double numerator = 1e300;
  double denominator = 1 / b;
  double value = denominator;
  for (int n = 1; n < kMostTerms; ++n) {
    const double coefficient = -n * (n - a);
    b += 2;
    denominator = 1 / (b + coefficient * denominator);
    numerator = b + coefficient / numerator;
    const double ratio = numerator * denominator;
    value *= ratio;
    if (std::abs(ratio - 1) < kPrecision) break;
  }
  return value * GammaTerm(a, x);
}

struct Cell {
  double expected = 0;
  double drawn = 0;
};

// Cells under the least expectation become one; if that is still too small it joins the smallest.
std::vector<Cell> Merged(std::vector<Cell> cells) {
  std::sort(cells.begin(), cells.end(),
            [](const Cell& a, const Cell& b) { return a.expected > b.expected; });
  Cell rest;
  while (!cells.empty() && cells.back().expected < kLeastExpectation) {
    rest.expected += cells.back().expected;
    rest.drawn += cells.back().drawn;
    cells.pop_back();
  }
  if (rest.expected >= kLeastExpectation || cells.empty()) {
    cells.push_back(rest);
  } else {
    cells.back().expected += rest.expected;
    cells.back().drawn += rest.drawn;
  }
  return cells;
}

}  // namespace

double UpperGamma(double a, double x) {
  if (x <= 0) return 1;
  return x < a + 1 ? 1 - LowerGammaSeries(a, x) : UpperGammaFraction(a, x);
}

double ChiSquarePValue(double statistic, double degrees) {
  return UpperGamma(degrees / 2, statistic / 2);
}

double NormalPValue(double z) {
  return std::erfc(std::abs(z) / std::sqrt(2.0));
}

double KolmogorovSmirnovPValue(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double below = static_cast<double>(i) / n;
    const double upto = static_cast<double>(i + 1) / n;
    distance = std::max({distance, values[i] - below, upto - values[i]});
  }
  const double root = std::sqrt(n);
  const double lambda = (root + 0.12 + 0.11 / root) * distance;
  if (lambda < 0.2) return 1;  // the series below needs many terms and gives 1 to ten digits
  double sum = 0;
  double sign = 1;
  for (int j = 1; j <= 100; ++j) {
    sum += sign * std::exp(-2.0 * j * j * lambda * lambda);
    sign = -sign;
  }
  return std::clamp(2 * sum, 0.0, 1.0);
}

double FrozenPValue(absl::Span<const Ticks> ticks, absl::Span<const uint64_t> drawn) {
  double draws = 0;
  for (const uint64_t count : drawn) draws += static_cast<double>(count);
  std::vector<Cell> cells;
  for (size_t i = 0; i < ticks.size(); ++i) {
    if (ticks[i] == 0 && drawn[i] > 0) return 0;
    if (ticks[i] == 0) continue;
    cells.push_back({draws * PropensityOf(ticks[i]), static_cast<double>(drawn[i])});
  }
  cells = Merged(std::move(cells));
  if (cells.size() < 2) return -1;
  double statistic = 0;
  for (const Cell& cell : cells) {
    const double difference = cell.drawn - cell.expected;
    statistic += difference * difference / cell.expected;
  }
  return ChiSquarePValue(statistic, static_cast<double>(cells.size() - 1));
}

void VaryingDraws::Add(absl::Span<const uint32_t> actions, absl::Span<const Ticks> ticks,
                       size_t drawn) {
  if (ticks[drawn] == 0) impossible_ = true;
  for (size_t i = 0; i < actions.size(); ++i) {
    if (sums_.size() <= actions[i]) sums_.resize(actions[i] + 1);
    const double p = PropensityOf(ticks[i]);
    sums_[actions[i]].surprise += (i == drawn ? 1 : 0) - p;
    sums_[actions[i]].variance += p * (1 - p);
  }
}

double VaryingDraws::PValue() const {
  if (impossible_) return 0;
  Sums largest;
  for (const Sums& sums : sums_) {
    if (sums.variance > largest.variance) largest = sums;
  }
  // Under 20, as for the cells of the chi-square, the normal approximation would not hold.
  if (largest.variance < kLeastExpectation) return -1;
  return NormalPValue(largest.surprise / std::sqrt(largest.variance));
}

bool DrawnAgainstLogged::Add(double p_value) {
  if (p_value < 0) return false;
  p_values_.push_back(p_value);
  return true;
}

bool DrawnAgainstLogged::AddFrozen(absl::Span<const Ticks> ticks,
                                   absl::Span<const uint64_t> drawn) {
  return Add(FrozenPValue(ticks, drawn));
}

bool DrawnAgainstLogged::AddVarying(const VaryingDraws& draws) {
  return Add(draws.PValue());
}

double DrawnAgainstLogged::SmallestPValue() const {
  return p_values_.empty() ? 0 : *std::min_element(p_values_.begin(), p_values_.end());
}

double DrawnAgainstLogged::KolmogorovSmirnov() const {
  return KolmogorovSmirnovPValue(p_values_);
}

bool DrawnAgainstLogged::Passes() const {
  return !p_values_.empty() && SmallestPValue() >= 1e-6 && KolmogorovSmirnov() > 1e-4;
}

std::string DrawnAgainstLogged::Report() const {
  return absl::StrFormat("%d configurations, smallest p-value %.3g, Kolmogorov-Smirnov %.3g",
                         p_values_.size(), SmallestPValue(), KolmogorovSmirnov());
}

}  // namespace fulcrum::testing
