// p-values for tests of randomness, and the test that what was drawn follows what was logged: a
// Pearson chi-square per frozen configuration, then a Kolmogorov-Smirnov test of those p-values.
// Own code, so that the judge shares nothing with the judged. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "fulcrum/propensity.h"

namespace fulcrum::testing {

// Upper regularised incomplete gamma function Q(a, x), a > 0, x >= 0.
double UpperGamma(double a, double x);
// Probability that chi-square with `degrees` of freedom exceeds `statistic`.
double ChiSquarePValue(double statistic, double degrees);
// Two-sided, of a standard normal.
double NormalPValue(double z);
// Of `values` against the uniform distribution on [0, 1] (asymptotic, Stephens' correction).
double KolmogorovSmirnovPValue(std::vector<double> values);

// Pearson's p-value of counts against ticks; cells with an expectation under 20 are merged. An
// action drawn against zero ticks gives 0. Negative if one cell is left: draw another
// configuration.
double FrozenPValue(absl::Span<const Ticks> ticks, absl::Span<const uint64_t> drawn);

// For a configuration whose distribution differs from draw to draw (positions of a slate, holds
// that fail): z = sum(1[a] - p) / sqrt(sum p (1 - p)) of the action with the largest sum p (1 - p).
class VaryingDraws {
 public:
  // One draw: ticks[i] was logged for action actions[i], and actions[drawn] was taken. Actions are
  // small numbers, the same for the whole configuration.
  void Add(absl::Span<const uint32_t> actions, absl::Span<const Ticks> ticks, size_t drawn);
  // Negative if nothing was random; 0 if an action with zero ticks was taken.
  double PValue() const;

 private:
  struct Sums {
    double surprise = 0;  // sum(1[a] - p)
    double variance = 0;  // sum p (1 - p)
  };
  std::vector<Sums> sums_;
  bool impossible_ = false;
};

// Collects one p-value per configuration and judges them together.
class DrawnAgainstLogged {
 public:
  // False, and nothing is recorded, if the configuration has to be drawn anew.
  bool AddFrozen(absl::Span<const Ticks> ticks, absl::Span<const uint64_t> drawn);
  bool AddVarying(const VaryingDraws& draws);

  size_t configurations() const { return p_values_.size(); }
  double SmallestPValue() const;
  double KolmogorovSmirnov() const;
  // No p-value under 1e-6 and the Kolmogorov-Smirnov p-value over 1e-4.
  bool Passes() const;
  std::string Report() const;

 private:
  bool Add(double p_value);
  std::vector<double> p_values_;
};

}  // namespace fulcrum::testing
