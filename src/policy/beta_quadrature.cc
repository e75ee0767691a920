#include "policy/beta_quadrature.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/math.h"
#include "base/math_kernels.h"

namespace fulcrum::policy {
namespace {

// Accuracy knobs; docs/choice_probabilities.md has the table they were chosen from.
constexpr double kDrop = 15;           // the support ends e^-kDrop below the top
constexpr double kPanelScales = 3;     // widest panel, in local standard deviations of one arm
constexpr double kCrowd = 0.2;         // the largest of many is narrower than each of them
constexpr double kTailScales = 0.375;  // curvature that stands for an exponential tail's slope
constexpr double kTailShare = 0.3;     // but at most this share of the curvature at the mode
constexpr double kNegligible = 1e-10;  // left of where all cdfs multiply to this, nothing counts

double Power(double x, uint32_t exponent) {
  double result = 1;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= x;
    x *= x;
  }
  return result;
}

// x (1 - x) at y: the curvature of ln f per trial.
double VarianceAt(double y) {
  const LogitPoint point = PointAt(y);
  return point.rate * point.complement;
}

}  // namespace

QuadratureReport BetaQuadrature::Compute(absl::Span<const BetaArm> arms, double known_logit,
                                         absl::Span<double> probabilities) {
  std::fill(probabilities.begin(), probabilities.end(), 0.0);
  GroupEqualArms(arms);
  const double lower = KeepLiveGroups(known_logit);
  QuadratureReport report;
  double right = groups_.empty() ? lower : groups_.front().shape.high;
  size_t active = 0;
  double below = 1;  // probability that every arm is left of the panels done so far
  while (right > lower && below > kNegligible) {
    const double width = ChooseWidth(right, lower, Entered(right, active));
    double left = right - lower <= width ? lower : right - width;
    if (left > lower && report.panels == most_panels_ - 1) {
      report.capped = true;
      left = lower;
    }
    const LogitPoint previous = panel_.centre;
    MovePanel(left, right);
    Advance(previous, active);
    const size_t entered = Entered(left, active);
    Enter(active, entered);
    active = entered;
    Integrate(active);
    below = CdfProduct(active);
    right = left;
    ++report.panels;
  }
  // Only a known rate ends the integral where something is left to win.
  if (known_logit >= lower && right <= lower) report.known_wins = below;

  double total = report.known_wins;
  for (const Group& group : groups_) total += group.probability * group.members;
  FULCRUM_CHECK(total > 0);
  report.defect = std::abs(1 - total);
  report.known_wins /= total;
  for (const Group& group : groups_) {
    for (uint32_t i = 0; i < group.members; ++i) {
      probabilities[order_[group.first + i]] = group.probability / total;
    }
  }
  return report;
}

void BetaQuadrature::GroupEqualArms(absl::Span<const BetaArm> arms) {
  order_.resize(arms.size());
  for (uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
  std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
    if (arms[a].alpha != arms[b].alpha) return arms[a].alpha < arms[b].alpha;
    return arms[a].beta < arms[b].beta;
  });
  groups_.clear();
  for (uint32_t i = 0; i < order_.size(); ++i) {
    const BetaArm& arm = arms[order_[i]];
    if (i > 0) {
      const BetaArm& last = arms[order_[i - 1]];
      if (last.alpha == arm.alpha && last.beta == arm.beta) {
        ++groups_.back().members;
        continue;
      }
    }
    Group group;
    group.arm = Clamped(arm);
    group.shape = ShapeOf(group.arm, kDrop);
    group.first = i;
    group.members = 1;
    groups_.push_back(group);
  }
}

// Drops the groups that lie below what another arm, or the known rate, is sure to reach; prepares
// the rest. Returns the lower end of the integral.
double BetaQuadrature::KeepLiveGroups(double known_logit) {
  double lower = known_logit;
  for (const Group& group : groups_) lower = std::max(lower, group.shape.low);
  groups_.erase(std::remove_if(groups_.begin(), groups_.end(),
                               [&](const Group& group) { return group.shape.high <= lower; }),
                groups_.end());
  std::sort(groups_.begin(), groups_.end(), [](const Group& a, const Group& b) {
    if (a.shape.high != b.shape.high) return a.shape.high > b.shape.high;
    if (a.arm.alpha != b.arm.alpha) return a.arm.alpha < b.arm.alpha;
    return a.arm.beta < b.arm.beta;
  });
  for (Group& group : groups_) {
    const BetaArm& arm = group.arm;
    const double most = kTailShare * group.shape.curvature;
    group.sum = arm.alpha + arm.beta;
    group.floor_left = std::min(kTailScales * kTailScales * arm.alpha * arm.alpha, most);
    group.floor_right = std::min(kTailScales * kTailScales * arm.beta * arm.beta, most);
    group.peak = PeakOf(arm);
  }
  uint32_t live = 0;
  for (const Group& group : groups_) live += group.members;
  panel_scales_ = kPanelScales / std::sqrt(1 + kCrowd * base::Log(std::max(live, 1u)));
  if (rows_.size() < groups_.size()) rows_.resize(groups_.size());
  return lower;
}

// How many groups reach above `left`, given that `from` do.
size_t BetaQuadrature::Entered(double left, size_t from) const {
  while (from < groups_.size() && groups_[from].shape.high > left) ++from;
  return from;
}

// The widest panel ending at `right` that resolves `group`, if x (1 - x) <= variance on it.
double BetaQuadrature::AllowedWidth(const Group& group, double right, double variance) const {
  const double floor = right <= group.shape.mode.y ? group.floor_left : group.floor_right;
  return panel_scales_ / std::sqrt(std::max(group.sum * variance, floor));
}

double BetaQuadrature::ChooseWidth(double right, double lower, size_t active) const {
  const auto narrowest = [&](double variance) {
    double width = right - lower;
    for (size_t i = 0; i < active; ++i) {
      width = std::min(width, AllowedWidth(groups_[i], right, variance));
    }
    return width;
  };
  double variance = VarianceAt(right);
  double width = narrowest(variance);
  if (right > 0) {  // leftwards the curvature still rises
    double largest = 0;
    for (size_t i = 0; i < active; ++i) largest = std::max(largest, groups_[i].sum);
    const double scales = width / panel_scales_;
    const double flat_until = std::max(0.0, base::Log(largest * scales * scales));
    variance = VarianceAt(std::max(0.0, right - width));
    width = std::min(width, std::max(narrowest(variance), right - flat_until));
  }
  // A group that begins inside the panel is either resolved by it, or the panel ends before it.
  for (size_t i = active; i < groups_.size() && groups_[i].shape.high > right - width; ++i) {
    const double own = AllowedWidth(groups_[i], right, variance);
    if (own < width) width = std::max(own, right - groups_[i].shape.high);
  }
  return width;
}

void BetaQuadrature::MovePanel(double left, double right) {
  panel_.half = 0.5 * (right - left);
  panel_.centre = PointAt(left + panel_.half);
  if (panel_.half > kLongestExactStep) {
    const LogChange centre = LogsAt(panel_.centre.y);
    std::array<double, kNodes> rate;
    std::array<double, kNodes> complement;
    for (size_t i = 0; i < kNodes; ++i) {
      const LogChange at = LogsAt(panel_.centre.y + panel_.half * kNodeAt[i]);
      rate[i] = at.rate - centre.rate;
      complement[i] = at.complement - centre.complement;
    }
    panel_.rate = NodeRow::Of(rate);
    panel_.complement = NodeRow::Of(complement);
    return;
  }
  // The mirrored point where the rate is above one half: see ChangeAlong.
  const bool mirrored = panel_.centre.rate > 0.5;
  const double smaller = mirrored ? panel_.centre.complement : panel_.centre.rate;
  const double direction = mirrored ? -panel_.half : panel_.half;
  const NodeRow step = direction * NodeRow::Of(kNodeAt);
  const NodeRow b = step.Map(
      [&](base::Lanes pair) { return base::Log1pNearZero(smaller * base::Expm1InRange(pair)); });
  (mirrored ? panel_.complement : panel_.rate) = step - b;
  (mirrored ? panel_.rate : panel_.complement) = -1.0 * b;
}

void BetaQuadrature::Enter(size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    Group& group = groups_[i];
    const LogitPoint& mode = group.shape.mode;
    const LogChange change = ChangeAlong(mode, panel_.centre.y - mode.y);
    group.exponent = group.arm.alpha * change.rate + group.arm.beta * change.complement;
  }
}

// Exponents of the groups already in play, from the previous panel's centre to this one's: the
// change is shared, and small steps keep full accuracy for any number of trials.
void BetaQuadrature::Advance(const LogitPoint& previous, size_t active) {
  if (active == 0) return;
  const LogChange change = ChangeAlong(previous, panel_.centre.y - previous.y);
  for (size_t i = 0; i < active; ++i) {
    Group& group = groups_[i];
    group.exponent += group.arm.alpha * change.rate + group.arm.beta * change.complement;
  }
}

void BetaQuadrature::EvaluateGroup(Group& group, PanelRows& rows) const {
  const NodeRow exponent =
      group.exponent + (group.arm.alpha * panel_.rate + group.arm.beta * panel_.complement);
  // The bound keeps ExpInRange in range where the density is nil anyway.
  const NodeRow density = group.peak * AtLeast(-700, exponent).Map([](base::Lanes pair) {
    return base::ExpInRange(pair);
  });
  const std::array<double, kNodes> values = density.ToArray();
  NodeRow right_of;
  for (size_t j = 0; j < kNodes; ++j) {
    right_of = right_of + values[j] * NodeRow::Of(kRightIntegral[j]);
  }
  const double whole = (NodeRow::Of(kWeight) * density).Sum();
  rows.own = density;
  rows.cdf = AtLeast(0, 1 - (group.tail + panel_.half * right_of));
  group.tail += panel_.half * whole;
  if (group.members == 1) return;
  std::array<double, kNodes> others = rows.cdf.ToArray();
  for (double& cdf : others) cdf = Power(cdf, group.members - 1);
  rows.own = rows.own * NodeRow::Of(others);
  rows.cdf = rows.cdf * NodeRow::Of(others);
}

// Adds the panel's share of every group's integral: own density times the cdfs of all others, as
// products from both ends, since dividing by a vanishing cdf would lose everything.
void BetaQuadrature::Integrate(size_t active) {
  NodeRow product = NodeRow::All(1);
  for (size_t k = 0; k < active; ++k) {
    PanelRows& rows = rows_[k];
    EvaluateGroup(groups_[k], rows);
    rows.before = product;
    product = product * rows.cdf;
  }
  NodeRow after = panel_.half * NodeRow::Of(kWeight);
  for (size_t k = active; k-- > 0;) {
    const PanelRows& rows = rows_[k];
    groups_[k].probability += (rows.own * (rows.before * after)).Sum();
    after = after * rows.cdf;
  }
}

double BetaQuadrature::CdfProduct(size_t active) const {
  double product = 1;
  for (size_t k = 0; k < active; ++k) {
    product *= Power(std::max(0.0, 1 - groups_[k].tail), groups_[k].members);
  }
  return product;
}

}  // namespace fulcrum::policy
