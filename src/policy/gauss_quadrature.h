// Choice probabilities of independent normal posteriors by composite Gauss quadrature
// (docs/choice_probabilities.md).
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "policy/choice.h"
#include "policy/gauss_panel.h"
#include "policy/quadrature_report.h"

namespace fulcrum::policy {

inline constexpr double kNoKnownValue = -std::numeric_limits<double>::infinity();

// What is traded for time; docs/choice_probabilities.md has the table the defaults came from.
struct GaussSettings {
  double reach = 5.6;      // sds from the mean at which an arm's probability ends, 3 to 6
  double panel_sds = 3.5;  // widest panel, in sds of the narrowest arm in it, if there is one arm
  double crowd = 0.4;      // how fast that falls with their number: the largest of many is narrower
  int most_panels = 64;    // ordinary arms need 3 to 12 panels
};

// Buffers are kept between calls: one object per thread, no allocation once it has grown. The same
// bits at every base::SimdLevel, and a permutation of the arms permutes them.
class GaussQuadrature {
 public:
  // `panel` is the inner loop to use, by default the one of base::ActiveSimdLevel().
  explicit GaussQuadrature(const GaussSettings& settings = {}, GaussPanelFunction panel = nullptr)
      : settings_(settings), panel_(panel) {}

  // Writes to probabilities[i] the probability that arms[i] has the largest value and exceeds the
  // known one (kNoKnownValue if there is none; otherwise finite). At least one arm; means finite,
  // sds finite and above 0. Absolute error at most 2e-6 per entry. Magnitudes beyond 1e300 count as
  // that, and sds below 1e-290 as that.
  QuadratureReport Compute(absl::Span<const GaussArm> arms, double known,
                           absl::Span<double> probabilities);

 private:
  // An arm seen from the integral's lower end, where all of them meet: |mean| <= reach * sd, so
  // that nothing is lost however far the posteriors are from 0 and however narrow they are.
  struct Live {
    double high = 0;  // mean + reach * sd
    double mean = 0;
    double sd = 0;
    uint32_t index = 0;
  };

  // Equal arms are one group: exact symmetry, and a crowd of newcomers costs one arm.
  struct Group {
    double high = 0;
    double sd = 0;
    uint32_t first = 0;  // of live_; its members stand together
  };

  bool KeepLiveArms(absl::Span<const GaussArm> arms, double known);
  void GroupEqualArms();
  double ChooseLeft(double right, size_t active) const;
  size_t Entered(double left, size_t from) const;
  double Integrate(double left, double right, size_t active);
  double AllBelow();
  double Probability(size_t group) const;
  void Spread(double total, absl::Span<double> probabilities) const;
  void ShareEqually(absl::Span<double> probabilities) const;

  GaussSettings settings_;
  GaussPanelFunction panel_;
  double widest_ = 0;  // panel, in standard deviations
  std::vector<Live> live_;
  std::vector<Group> groups_;  // by upper end, falling: those in a panel are a prefix
  std::vector<double> means_, inverse_sds_, hazards_, sums_;
  std::vector<uint32_t> members_;
};

}  // namespace fulcrum::policy
