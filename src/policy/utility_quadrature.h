// Choice probabilities of arms whose utility is value * rate - price, each with a value and a price
// of its own and a posterior on its rate: Beta, or normal on the rate's logit. Composite Gauss
// quadrature over the utility (docs/choice_probabilities.md).
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "policy/choice.h"
#include "policy/node_row.h"
#include "policy/quadrature_report.h"
#include "policy/rate_shape.h"

namespace fulcrum::policy {

inline constexpr double kNoKnownUtility = -std::numeric_limits<double>::infinity();

// Buffers are kept between calls: one object per thread, no allocation once it has grown. A
// permutation of the arms permutes the result bit for bit.
class UtilityQuadrature {
 public:
  // Each upper end of an arm's utility within the others' reach takes a panel or a few, so the cap
  // is 64 and `panels_per_arm` for each different arm.
  explicit UtilityQuadrature(int panels_per_arm = 16) : panels_per_arm_(panels_per_arm) {}

  // Writes to probabilities[i] the probability that arms[i] has the largest utility and exceeds the
  // known one (kNoKnownUtility if there is none; otherwise finite). At least one arm, all valid.
  // Absolute error at most 2e-6 per entry. Rates above 1 - 2e-12 count as one rate; magnitudes of
  // values and prices beyond 1e100 count as that, values below 1e-100 as that.
  QuadratureReport Compute(absl::Span<const BetaArm> arms, double known,
                           absl::Span<double> probabilities);
  QuadratureReport Compute(absl::Span<const LogitArm> arms, double known,
                           absl::Span<double> probabilities);

 private:
  // Equal arms are one group.
  struct Group {
    RateShape shape;
    double value = 1, price = 0;
    double inverse_value = 1;
    double x_at_bottom = 0, c_at_bottom = 1;  // rate, and 1 - rate, at the bottom
    double high = 0;                          // where the group begins, as ln(utility - bottom)
    double offset = 0;                        // its exponential
    double low = 0;                           // likewise, where it ends
    double on_end = 0;  // probability of the rates that count as one: a point mass at `high`
    double free_c = 1;  // 1 - rate at free_logit
    bool begins_panel = false;        // the density jumps there
    double tail = 0;                  // probability right of the current panel
    double probability = 0;           // of one member, before normalising
    uint32_t first = 0, members = 0;  // range of order_
  };

  struct PanelRows {
    NodeRow own;     // density * cdf^(members - 1)
    NodeRow cdf;     // cdf^members
    NodeRow before;  // product of the cdfs of the groups before
  };

  template <typename Arm>
  void GroupEqualArms(absl::Span<const Arm> arms);
  QuadratureReport ComputeGroups(double known, absl::Span<double> probabilities);
  void Place(Group& group) const;
  double KeepLiveGroups(double known);
  size_t Entered(double left, size_t from) const;
  double AllowedWidth(const Group& group, double offset) const;
  static double LeastOffset(const Group& group, double offset);
  double ChooseLeft(double right, double lower, size_t active) const;
  size_t TakeEnds(double right, size_t active);
  static void EvaluateGroup(Group& group, const NodeRow& offsets, double half, PanelRows& rows);
  void Integrate(double left, double right, size_t active);
  void ShareBottom(double below);
  void AddProducts(const NodeRow& shares, size_t active);
  double CdfProduct(size_t active) const;

  int panels_per_arm_;
  double bottom_ =
      0;             // the highest of the arms' lowest utilities: there one of them is sure to win
  double bend_ = 0;  // below this all arms' densities are powers of utility - bottom
  double panel_scales_ = 0;
  std::vector<uint32_t> order_;
  std::vector<Group> groups_;  // by `high`, falling: those in a panel are a prefix
  std::vector<PanelRows> rows_;
};

}  // namespace fulcrum::policy
