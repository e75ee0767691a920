#include "policy/utility_quadrature.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "base/check.h"
#include "base/math.h"
#include "base/math_kernels.h"
#include "policy/gauss_table.h"

namespace fulcrum::policy {
namespace {

// Accuracy knobs; docs/choice_probabilities.md says where they come from.
constexpr double kPanelScales = 2.5;   // widest panel, in local standard deviations of one arm
constexpr double kCrowd = 0.3;         // the largest of many is narrower than each of them
constexpr double kNegligible = 1e-10;  // left of where all cdfs multiply to this, nothing counts
constexpr double kWidest = 4;          // panel, where densities bend
constexpr double kEdge = 0.2;          // 1 - rate by the peak, under which an upper end is an edge
constexpr int kFewestPanels = 64;      // of the cap

double Power(double x, uint32_t exponent) {
  double result = 1;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= x;
    x *= x;
  }
  return result;
}

NodeRow Power(const NodeRow& row, uint32_t exponent) {
  std::array<double, kNodes> values = ToArray(row);
  for (double& value : values) value = Power(value, exponent);
  return NodeRowOf(values);
}

double LogOfOffset(double offset) {
  return offset > 0 ? base::Log(offset) : kNoKnownUtility;
}

auto ParametersOf(const BetaArm& arm) {
  return std::tuple(arm.alpha, arm.beta, arm.value, arm.price);
}
auto ParametersOf(const LogitArm& arm) {
  return std::tuple(arm.mean, arm.sd, arm.value, arm.price);
}

}  // namespace

QuadratureReport UtilityQuadrature::Compute(absl::Span<const BetaArm> arms, double known,
                                            absl::Span<double> probabilities) {
  GroupEqualArms(arms);
  return ComputeGroups(known, probabilities);
}

QuadratureReport UtilityQuadrature::Compute(absl::Span<const LogitArm> arms, double known,
                                            absl::Span<double> probabilities) {
  GroupEqualArms(arms);
  return ComputeGroups(known, probabilities);
}

template <typename Arm>
void UtilityQuadrature::GroupEqualArms(absl::Span<const Arm> arms) {
  FULCRUM_CHECK(!arms.empty());
  order_.resize(arms.size());
  for (uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
  std::sort(order_.begin(), order_.end(),
            [&](uint32_t a, uint32_t b) { return ParametersOf(arms[a]) < ParametersOf(arms[b]); });
  groups_.clear();
  for (uint32_t i = 0; i < order_.size(); ++i) {
    const Arm& arm = arms[order_[i]];
    if (i > 0 && ParametersOf(arms[order_[i - 1]]) == ParametersOf(arm)) {
      ++groups_.back().members;
      continue;
    }
    Group group;
    group.shape = ShapeOfRate(arm);
    group.value = std::clamp(arm.value, 1e-100, 1e100);
    group.price = std::clamp(arm.price, -1e100, 1e100);
    group.first = i;
    group.members = 1;
    groups_.push_back(group);
  }
}

QuadratureReport UtilityQuadrature::ComputeGroups(double known, absl::Span<double> probabilities) {
  FULCRUM_CHECK(order_.size() == probabilities.size());
  std::fill(probabilities.begin(), probabilities.end(), 0.0);
  bottom_ = -groups_.front().price;
  for (const Group& group : groups_) bottom_ = std::max(bottom_, -group.price);
  for (Group& group : groups_) Place(group);
  const double known_at =
      known == kNoKnownUtility ? known : LogOfOffset(std::clamp(known, -1e100, 1e100) - bottom_);
  const double lower = KeepLiveGroups(known_at);
  const int most_panels = kFewestPanels + panels_per_arm_ * static_cast<int>(groups_.size());

  QuadratureReport report;
  double right = groups_.empty() ? lower : groups_.front().high;
  size_t active = TakeEnds(right, 0);
  double below = CdfProduct(active);  // probability that every arm is left of the panels so far
  while (right > lower && below > kNegligible) {
    double left = ChooseLeft(right, lower, active);
    if (left > lower && report.panels == most_panels - 1) {
      report.capped = true;
      left = lower;
    }
    active = Entered(left, active);
    Integrate(left, right, active);
    right = left;
    active = TakeEnds(right, active);
    below = CdfProduct(active);
    ++report.panels;
  }
  if (right <= lower && known_at >= lower) report.known_wins = below;
  if (right <= lower && known_at < lower) ShareBottom(below);

  double total = report.known_wins;
  for (const Group& group : groups_) total += group.probability * group.members;
  report.defect = std::abs(1 - total);
  if (!(total > 0 && std::isfinite(total))) {
    // A last panel over all that is left of dozens of scales can miss every arm, or overflow.
    total = 0;
    for (Group& group : groups_) total += group.members;
    for (Group& group : groups_) group.probability = 1;
    report.known_wins = 0;
  }
  report.known_wins /= total;
  for (const Group& group : groups_) {
    for (uint32_t i = 0; i < group.members; ++i) {
      probabilities[order_[group.first + i]] = group.probability / total;
    }
  }
  return report;
}

// Where the group lies, seen from the bottom.
void UtilityQuadrature::Place(Group& group) const {
  group.inverse_value = 1 / group.value;
  group.x_at_bottom = (bottom_ + group.price) * group.inverse_value;
  group.c_at_bottom =
      group.x_at_bottom == 0 ? 1 : ((group.value - group.price) - bottom_) * group.inverse_value;
  // From the nearer end, which keeps its digits.
  const auto offset_at = [&](const LogitPoint& at) {
    return group.value *
           (at.rate < 0.5 ? at.rate - group.x_at_bottom : group.c_at_bottom - at.complement);
  };
  const LogitPoint high = PointAt(std::min(group.shape.high, kHighestLogit));
  group.offset = offset_at(high);
  group.high = LogOfOffset(group.offset);
  group.low =
      LogOfOffset(offset_at(PointAt(std::clamp(group.shape.low, kLowestLogit, kHighestLogit))));
  group.free_c = PointAt(group.shape.free_logit).complement;
  group.on_end = group.shape.high > kHighestLogit ? group.shape.above_highest : 0;
  // On the scale of utilities the density at the upper end is that of y, by x (1 - x).
  group.begins_panel = group.on_end > 0 || high.complement < kEdge * group.shape.peak;
}

// Drops the groups that lie below what another arm, or the known utility, is sure to reach;
// prepares the rest. Returns the lower end of the integral.
double UtilityQuadrature::KeepLiveGroups(double known_at) {
  double lower = known_at;
  for (const Group& group : groups_) lower = std::max(lower, group.low);
  groups_.erase(std::remove_if(groups_.begin(), groups_.end(),
                               [&](const Group& group) {
                                 return group.high < lower ||
                                        (group.high == lower && group.on_end == 0);
                               }),
                groups_.end());
  std::sort(groups_.begin(), groups_.end(), [](const Group& a, const Group& b) {
    if (a.high != b.high) return a.high > b.high;
    return a.first < b.first;  // which follows from the parameters
  });
  bend_ = std::numeric_limits<double>::infinity();
  uint32_t live = 0;
  for (const Group& group : groups_) {
    live += group.members;
    bend_ = std::min(bend_, base::Log(group.value) - 0.7);
    if (group.x_at_bottom > 0) {
      bend_ = std::min(bend_, base::Log(group.value * group.x_at_bottom));
    }
  }
  panel_scales_ = kPanelScales / std::sqrt(1 + kCrowd * base::Log(std::max(live, 1u)));
  if (rows_.size() < groups_.size()) rows_.resize(groups_.size());
  return lower;
}

// How many groups reach above `left`, given that `from` do.
size_t UtilityQuadrature::Entered(double left, size_t from) const {
  while (from < groups_.size() && groups_[from].high > left) ++from;
  return from;
}

// The widest panel that resolves `group` and ends at bottom + offset. Leftwards 1 - rate grows, and
// with it the local deviation, so it is taken at the panel's left end.
double UtilityQuadrature::AllowedWidth(const Group& group, double offset) const {
  constexpr double kLeastC = 1e-13;
  const RateShape& shape = group.shape;
  const double share = offset * group.inverse_value;
  const double x = group.x_at_bottom + share;
  const double c = std::max(group.c_at_bottom - share, 0.0);
  if (shape.normal) {
    const double reach = panel_scales_ / shape.first * x;
    double left_c = reach < 0.75 ? c / (1 - reach) : 4 * c;
    left_c = std::clamp(std::max(left_c, group.free_c), kLeastC, 1.0);
    return reach * left_c / share;
  }
  const double sum = shape.first + shape.second;
  const double root = 0.5 * panel_scales_ * std::sqrt(x / sum);
  const double left_root = root + std::sqrt(root * root + c);
  const double left_c = std::clamp(left_root * left_root, kLeastC, 1.0);
  const double slope = shape.tail_slope * share / x;
  return panel_scales_ / std::sqrt(std::max(sum * share * share / (x * left_c), slope * slope));
}

// At the upper end of the group's utilities the density is a power of the distance to it: a panel
// that ends at bottom + offset may not reach four times as far from there, on the scale of
// logarithms, unless all that is right of it is negligible. Returns where it must begin at last.
double UtilityQuadrature::LeastOffset(const Group& group, double offset) {
  const double end = group.value * group.c_at_bottom;
  const double squared = offset / end * (offset / end);
  const double graded = end * (squared * squared);
  return std::min(graded, group.value * (group.c_at_bottom - group.free_c));
}

double UtilityQuadrature::ChooseLeft(double right, double lower, size_t active) const {
  const double offset = base::Exp(right);
  double width = std::min(right - lower, kWidest + 2 * std::max(0.0, bend_ - right));
  double least = 0;
  for (size_t i = 0; i < active; ++i) {
    width = std::min(width, AllowedWidth(groups_[i], offset));
    least = std::max(least, LeastOffset(groups_[i], offset));
  }
  double left = right - width <= lower ? lower : right - width;
  if (least > 0) left = std::max(left, base::Log(least));
  // A group that begins inside the panel is either resolved by it, or the panel ends before it.
  for (size_t i = active; i < groups_.size() && groups_[i].high > left; ++i) {
    const Group& group = groups_[i];
    const bool resolved = !group.begins_panel &&
                          group.high - AllowedWidth(group, group.offset) <= left &&
                          LogOfOffset(LeastOffset(group, group.offset)) <= left;
    if (!resolved) left = group.high;
  }
  const double least_step = 1e-14 * std::max(1.0, std::abs(right));
  return std::max(lower, std::min(left, right - least_step));
}

// Takes in the groups that begin at `right`. Rates that count as one are ties there: as if uniform
// over a panel of no width, which is what happens to ties.
size_t UtilityQuadrature::TakeEnds(double right, size_t active) {
  size_t end = active;
  bool any = false;
  for (; end < groups_.size() && groups_[end].high >= right; ++end) {
    any = any || groups_[end].on_end > 0;
  }
  if (!any) return end;
  const NodeRow remaining = 0.5 - 0.5 * NodeRowOf(kNodeAt);  // from a node to the panel's end
  for (size_t k = 0; k < end; ++k) {
    Group& group = groups_[k];
    const double own = k < active ? 0 : group.on_end;
    const NodeRow cdf = AtLeast(0, 1 - (group.tail + own * remaining));
    const NodeRow others = Power(cdf, group.members - 1);
    rows_[k].own = own * others;
    rows_[k].cdf = cdf * others;
    group.tail += own;
  }
  AddProducts(0.5 * NodeRowOf(kWeight), end);
  return end;
}

void UtilityQuadrature::EvaluateGroup(Group& group, const NodeRow& offsets, double half,
                                      PanelRows& rows) {
  const RateShape& shape = group.shape;
  const NodeRow share = group.inverse_value * offsets;
  const NodeRow x = AtLeast(1e-300, group.x_at_bottom + share);
  const NodeRow c = group.c_at_bottom - share;
  const double inverse_x = 1 / shape.mode_x;
  const double inverse_c = 1 / shape.mode_c;
  const NodeRow from_mode = AtLeast(-1, -shape.mode_x + x);
  const auto density_at = [&](base::Lanes x_at, base::Lanes c_at, base::Lanes change,
                              base::Lanes share_at) {
    const base::Lanes none = {0, 0};
    const base::Lanes least = {1e-300, 1e-300};
    const base::Lanes safe_c = c_at > least ? c_at : least;
    const base::Lanes ln_x = base::LogOfRatio(x_at * inverse_x, change * inverse_x);
    const base::Lanes ln_c = base::LogOfRatio(safe_c * inverse_c, change * -inverse_c);
    base::Lanes exponent;
    if (shape.normal) {
      const base::Lanes z = shape.first * (ln_x - ln_c);
      exponent = z * z * -0.5;
    } else {
      exponent = shape.first * ln_x + shape.second * ln_c;
    }
    const base::Lanes bound = {-700, -700};
    exponent = exponent > bound ? exponent : bound;
    // dy / d ln(offset) = share / (x c)
    const base::Lanes density = base::ExpInRange(exponent) * (share_at / (x_at * safe_c));
    return c_at > none ? density : none;
  };
  const NodeRow density = shape.peak * Map(density_at, x, c, from_mode, share);
  const std::array<double, kNodes> values = ToArray(density);
  NodeRow right_of = {};
  for (size_t j = 0; j < kNodes; ++j) {
    right_of = right_of + values[j] * NodeRowOf(kRightIntegral[j]);
  }
  const NodeRow cdf = AtLeast(0, 1 - (group.tail + half * right_of));
  group.tail += half * Sum(NodeRowOf(kWeight) * density);
  rows.own = density;
  rows.cdf = cdf;
  if (group.members == 1) return;
  const NodeRow others = Power(cdf, group.members - 1);
  rows.own = rows.own * others;
  rows.cdf = rows.cdf * others;
}

void UtilityQuadrature::Integrate(double left, double right, size_t active) {
  const double half = 0.5 * (right - left);
  const NodeRow at = (left + half) + half * NodeRowOf(kNodeAt);
  const NodeRow offsets = Map([](base::Lanes pair) { return base::ExpInRange(pair); }, at);
  for (size_t k = 0; k < active; ++k) EvaluateGroup(groups_[k], offsets, half, rows_[k]);
  AddProducts(half * NodeRowOf(kWeight), active);
}

// Adds to every group's integral its own density times the cdfs of all others, as products from
// both ends, since dividing by a vanishing cdf would lose everything.
void UtilityQuadrature::AddProducts(const NodeRow& shares, size_t active) {
  NodeRow product = RowOf<2, kNodes>(1);
  for (size_t k = 0; k < active; ++k) {
    rows_[k].before = product;
    product = product * rows_[k].cdf;
  }
  NodeRow after = shares;
  for (size_t k = active; k-- > 0;) {
    const PanelRows& rows = rows_[k];
    groups_[k].probability += Sum(rows.own * (rows.before * after));
    after = after * rows.cdf;
  }
}

// Rates that count as nil are ties at the bottom.
void UtilityQuadrature::ShareBottom(double below) {
  uint32_t tied = 0;
  const auto is_tied = [](const Group& group) {
    return group.x_at_bottom == 0 && group.shape.low < kLowestLogit;
  };
  for (const Group& group : groups_) tied += is_tied(group) ? group.members : 0;
  for (Group& group : groups_) {
    if (is_tied(group)) group.probability += below / tied;
  }
}

double UtilityQuadrature::CdfProduct(size_t active) const {
  double product = 1;
  for (size_t k = 0; k < active; ++k) {
    product *= Power(std::max(0.0, 1 - groups_[k].tail), groups_[k].members);
  }
  return product;
}

}  // namespace fulcrum::policy
