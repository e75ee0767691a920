// Choice probabilities of independent Beta posteriors by composite Gauss quadrature on the logit
// scale (docs/choice_probabilities.md).
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "policy/beta_density.h"
#include "policy/choice.h"
#include "policy/node_row.h"
#include "policy/quadrature_report.h"

namespace fulcrum::policy {

inline constexpr double kNoKnownLogit = -std::numeric_limits<double>::infinity();

// Buffers are kept between calls: one object per thread, no allocation once it has grown.
class BetaQuadrature {
 public:
  // Posteriors of ordinary sizes need at most about 25 panels, absurd ones 50.
  explicit BetaQuadrature(int most_panels = 64) : most_panels_(most_panels) {}

  // Writes to probabilities[i] the probability that arms[i] has the largest rate and exceeds the
  // known one, whose logit is `known_logit` (kNoKnownLogit if there is none). At least one arm.
  QuadratureReport Compute(absl::Span<const BetaArm> arms, double known_logit,
                           absl::Span<double> probabilities);

 private:
  // Equal arms are one group: exact symmetry, and a crowd of newcomers costs one arm.
  struct Group {
    BetaArm arm;
    BetaShape shape;
    double sum = 0;         // alpha + beta
    double floor_left = 0;  // least curvature that panels left of the mode resolve
    double floor_right = 0;
    double peak = 0;                  // density at the mode
    double exponent = 0;              // ln(density / peak) at the current panel's centre
    double tail = 0;                  // probability right of the current panel
    double probability = 0;           // of one member, before normalising
    uint32_t first = 0, members = 0;  // range of order_
  };

  struct PanelRows {
    NodeRow own;     // density * cdf^(members - 1)
    NodeRow cdf;     // cdf^members
    NodeRow before;  // product of the cdfs of the groups before
  };

  struct Panel {
    LogitPoint centre;
    double half = 0;
    NodeRow rate, complement;  // LogChange from the centre to each node
  };

  void GroupEqualArms(absl::Span<const BetaArm> arms);
  double KeepLiveGroups(double known_logit);
  size_t Entered(double left, size_t from) const;
  double AllowedWidth(const Group& group, double right, double variance) const;
  double ChooseWidth(double right, double lower, size_t active) const;
  void MovePanel(double left, double right);
  void Enter(size_t begin, size_t end);
  void Advance(const LogitPoint& previous, size_t active);
  void EvaluateGroup(Group& group, PanelRows& rows) const;
  void Integrate(size_t active);
  double CdfProduct(size_t active) const;

  int most_panels_;
  std::vector<uint32_t> order_;
  std::vector<Group> groups_;  // by upper support end, falling: those in a panel are a prefix
  std::vector<PanelRows> rows_;
  Panel panel_;
  double panel_scales_ = 0;  // widest panel, in local standard deviations
};

}  // namespace fulcrum::policy
