#include "policy/gauss_quadrature.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/math.h"
#include "base/simd.h"
#include "policy/gauss_table.h"

namespace fulcrum::policy {
namespace {

constexpr double kNegligible = 1e-9;  // left of where all cdfs multiply to this, nothing counts
constexpr double kDensityAtMean = 0x1.9884533d43651p-2;  // 1 / sqrt(2 pi)

GaussPanelFunction PanelFunction() {
#if defined(__x86_64__)
  switch (base::ActiveSimdLevel()) {
    case base::SimdLevel::kAvx512:
      return IntegrateGaussPanelAvx512;
    case base::SimdLevel::kAvx2:
      return IntegrateGaussPanelAvx2;
    case base::SimdLevel::kSse2:
      break;
  }
#endif
  return IntegrateGaussPanelSse2;
}

GaussArm Clamped(const GaussArm& arm) {
  return {std::clamp(arm.mean, -1e300, 1e300), std::clamp(arm.sd, 1e-290, 1e300)};
}

}  // namespace

QuadratureReport GaussQuadrature::Compute(absl::Span<const GaussArm> arms, double known,
                                          absl::Span<double> probabilities) {
  FULCRUM_CHECK(!arms.empty() && arms.size() == probabilities.size());
  FULCRUM_CHECK(known == kNoKnownValue || std::isfinite(known));
  std::fill(probabilities.begin(), probabilities.end(), 0.0);
  const bool ends_at_known = KeepLiveArms(arms, known);
  GroupEqualArms();
  QuadratureReport report;
  double right = groups_.empty() ? 0 : groups_.front().high;
  size_t active = 0;
  double below = 1;  // at most this is the probability that every arm is left of the panels so far
  while (right > 0 && below > kNegligible) {
    active = Entered(right, active);
    double left = ChooseLeft(right, active);
    if (left > 0 && report.panels == settings_.most_panels - 1) {
      report.capped = true;
      left = 0;
    }
    active = Entered(left, active);
    below = Integrate(left, right, active);
    right = left;
    ++report.panels;
  }
  // Only a known value ends the integral where something is left to win.
  if (ends_at_known) report.known_wins = AllBelow();

  double total = report.known_wins;
  for (size_t group = 0; group < groups_.size(); ++group) {
    total += Probability(group) * members_[group];
  }
  report.defect = std::abs(1 - total);
  if (!(total > 0 && std::isfinite(total))) {
    // A last panel over all that is left of dozens of scales can miss every arm, or overflow.
    ShareEqually(probabilities);
    report.known_wins = 0;
    return report;
  }
  report.known_wins /= total;
  Spread(total, probabilities);
  return report;
}

// Drops the arms that lie below what another arm, or the known value, is sure to reach. Returns
// whether it is the known value.
bool GaussQuadrature::KeepLiveArms(absl::Span<const GaussArm> arms, double known) {
  const double reach = settings_.reach;
  // The arm with the highest lower end; of several the narrowest, whatever their order.
  GaussArm highest = Clamped(arms[0]);
  for (const GaussArm& given : arms) {
    FULCRUM_CHECK(std::isfinite(given.mean) && std::isfinite(given.sd) && given.sd > 0);
    const GaussArm arm = Clamped(given);
    const double low = arm.mean - reach * arm.sd;
    const double best = highest.mean - reach * highest.sd;
    if (low > best || (low == best && arm.sd < highest.sd)) highest = arm;
  }
  const bool ends_at_known = known >= highest.mean - reach * highest.sd;
  const double origin = ends_at_known ? std::clamp(known, -1e300, 1e300) : highest.mean;
  const double lift = ends_at_known ? 0 : reach * highest.sd;
  live_.clear();
  for (uint32_t i = 0; i < arms.size(); ++i) {
    const GaussArm arm = Clamped(arms[i]);
    // Never further than the reach, of which rounding may know nothing.
    const double mean = std::min((arm.mean - origin) + lift, reach * arm.sd);
    const double high = mean + reach * arm.sd;
    if (high > 0) live_.push_back({high, mean, arm.sd, i});
  }
  return ends_at_known;
}

void GaussQuadrature::GroupEqualArms() {
  std::sort(live_.begin(), live_.end(), [](const Live& a, const Live& b) {
    if (a.high != b.high) return a.high > b.high;
    if (a.mean != b.mean) return a.mean < b.mean;
    return a.sd < b.sd;
  });
  groups_.clear();
  means_.clear();
  inverse_sds_.clear();
  members_.clear();
  for (uint32_t i = 0; i < live_.size(); ++i) {
    const Live& arm = live_[i];
    if (i > 0 && live_[i - 1].mean == arm.mean && live_[i - 1].sd == arm.sd) {
      ++members_.back();
      continue;
    }
    groups_.push_back({arm.high, arm.sd, i});
    means_.push_back(arm.mean);
    inverse_sds_.push_back(1 / arm.sd);
    members_.push_back(1);
  }
  hazards_.resize(groups_.size() * kNodes);
  sums_.assign(groups_.size() * kNodes, 0.0);
  const auto live = static_cast<double>(std::max<size_t>(live_.size(), 1));
  widest_ = settings_.panel_sds / std::sqrt(1 + settings_.crowd * base::Log(live));
}

// How many groups reach above `left`, given that `from` do.
size_t GaussQuadrature::Entered(double left, size_t from) const {
  while (from < groups_.size() && groups_[from].high > left) ++from;
  return from;
}

// The left end of the panel that ends at `right`, where the first `active` groups reach to.
double GaussQuadrature::ChooseLeft(double right, size_t active) const {
  double left = 0;
  for (size_t i = 0; i < active; ++i) left = std::max(left, right - widest_ * groups_[i].sd);
  // A group that begins inside the panel is either resolved by it, or the panel ends before it.
  for (size_t i = active; i < groups_.size() && groups_[i].high > left; ++i) {
    left = std::max(left, std::min(right - widest_ * groups_[i].sd, groups_[i].high));
  }
  return left;
}

// Adds the panel's share of every active group's integral. Returns the product of all cdfs at the
// panel's first node.
double GaussQuadrature::Integrate(double left, double right, size_t active) {
  const double half = 0.5 * (right - left);
  const double centre = left + half;
  std::array<double, kNodes> nodes;
  std::array<double, kNodes> shares;
  for (size_t i = 0; i < kNodes; ++i) {
    nodes[i] = centre + half * kNodeAt[i];
    shares[i] = half * kWeight[i];
  }
  const GaussPanelFunction panel = panel_ != nullptr ? panel_ : PanelFunction();
  return panel({nodes.data(), shares.data(), active, means_.data(), inverse_sds_.data(),
                members_.data(), hazards_.data(), sums_.data()});
}

// Probability that every arm is below the integral's lower end.
double GaussQuadrature::AllBelow() {
  return Integrate(0, 0, groups_.size());  // a panel without width adds nothing
}

// Of one member, before normalising.
double GaussQuadrature::Probability(size_t group) const {
  const double* s = &sums_[group * kNodes];
  const double sum = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
  return sum * inverse_sds_[group] * kDensityAtMean;
}

void GaussQuadrature::Spread(double total, absl::Span<double> probabilities) const {
  for (size_t group = 0; group < groups_.size(); ++group) {
    const double each = Probability(group) / total;
    for (uint32_t i = 0; i < members_[group]; ++i) {
      probabilities[live_[groups_[group].first + i].index] = each;
    }
  }
}

void GaussQuadrature::ShareEqually(absl::Span<double> probabilities) const {
  for (const Live& arm : live_) probabilities[arm.index] = 1 / static_cast<double>(live_.size());
}

}  // namespace fulcrum::policy
