#include "policy/beta_quadrature.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/math.h"
#include "base/simd.h"
#include "policy/beta_loops_kernel.h"

namespace fulcrum::policy {
namespace {

// Accuracy knobs; docs/choice_probabilities.md has the table they were chosen from.
constexpr double kDrop = 15;           // the support ends e^-kDrop below the top
constexpr double kPanelScales = 3;     // widest panel, in local standard deviations of one arm
constexpr double kCrowd = 0.2;         // the largest of many is narrower than each of them
constexpr double kTailScales = 0.375;  // curvature that stands for an exponential tail's slope
constexpr double kTailShare = 0.3;     // but at most this share of the curvature at the mode
constexpr double kNegligible = 1e-10;  // left of where all cdfs multiply to this, nothing counts

const BetaLoops& LoopsInUse() {
#if defined(__x86_64__)
  switch (base::ActiveSimdLevel()) {
    case base::SimdLevel::kAvx512:
      return kBetaLoopsAvx512;
    case base::SimdLevel::kAvx2:
      return kBetaLoopsAvx2;
    case base::SimdLevel::kSse2:
      break;
  }
#endif
  return kBetaLoopsSse2;
}

// x (1 - x) at y: the curvature of ln f per trial.
double VarianceAt(double y) {
  const LogitPoint point = PointAt(y);
  return point.rate * point.complement;
}

// With less than about two trials all bending of ln f happens within a few units of 0, which a
// panel made for its average curvature would step over: panels may grow only with the distance from
// 0.
double WidestAt(double right) {
  constexpr double kBend = 4;
  if (right <= 0) return kBend - 2 * right;
  return std::max(kBend, (kBend + 2 * right) * (1.0 / 3));
}

}  // namespace

QuadratureReport BetaQuadrature::Compute(absl::Span<const BetaArm> arms, double known_logit,
                                         absl::Span<double> probabilities) {
  std::fill(probabilities.begin(), probabilities.end(), 0.0);
  loops_ = given_loops_ != nullptr ? given_loops_ : &LoopsInUse();
  Place(arms);
  const double lower = KeepLiveRuns(known_logit);
  GroupEqualRuns();
  Prepare();
  QuadratureReport report;
  double right = runs_.empty() ? lower : runs_.front().high;
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
    loops_->enter(groups_.columns, active, entered, panel_.centre.y);
    active = entered;
    below = Integrate(active);
    right = left;
    ++report.panels;
  }
  // Only a known rate ends the integral where something is left to win.
  if (known_logit >= lower && right <= lower) report.known_wins = below;

  double total = report.known_wins;
  for (size_t group = 0; group < members_.size(); ++group) {
    total += groups_.columns.probability[group] * members_[group];
  }
  FULCRUM_CHECK(total > 0);
  report.defect = std::abs(1 - total);
  report.known_wins /= total;
  Spread(total, probabilities);
  return report;
}

void BetaQuadrature::Table::Resize(size_t arms) {
  const size_t stride = (arms / kArmsAtOnce + 2) * kArmsAtOnce;
  double** const all[] = {&columns.alpha,    &columns.beta,       &columns.mode,
                          &columns.rate,     &columns.complement, &columns.curvature,
                          &columns.low,      &columns.high,       &columns.peak,
                          &columns.exponent, &columns.tail,       &columns.probability,
                          &columns.sum,      &columns.floor_left, &columns.floor_right};
  entries.resize(std::size(all) * stride);
  double* next = entries.data();
  for (double** const column : all) {
    *column = next;
    next += stride;
  }
  std::fill(columns.alpha + arms, columns.alpha + stride, 1.0);
  std::fill(columns.beta + arms, columns.beta + stride, 1.0);
}

void BetaQuadrature::Place(absl::Span<const BetaArm> arms) {
  given_.Resize(arms.size());
  runs_.clear();
  for (uint32_t i = 0; i < arms.size(); ++i) {
    if (i > 0 && arms[i].alpha == arms[i - 1].alpha && arms[i].beta == arms[i - 1].beta) {
      runs_.back().end = i + 1;
      continue;
    }
    const auto index = static_cast<uint32_t>(runs_.size());
    const BetaArm arm = Clamped(arms[i]);
    given_.columns.alpha[index] = arm.alpha;
    given_.columns.beta[index] = arm.beta;
    runs_.push_back({.first = i, .end = i + 1, .index = index});
  }
  loops_->shapes(given_.columns, runs_.size(), kDrop);
}

// Drops the arms that lie below what another arm, or the known rate, is sure to reach. Returns the
// lower end of the integral.
double BetaQuadrature::KeepLiveRuns(double known_logit) {
  double lower = known_logit;
  for (Run& run : runs_) {
    run.high = given_.columns.high[run.index];
    lower = std::max(lower, given_.columns.low[run.index]);
  }
  runs_.erase(
      std::remove_if(runs_.begin(), runs_.end(), [&](const Run& run) { return run.high <= lower; }),
      runs_.end());
  return lower;
}

void BetaQuadrature::GroupEqualRuns() {
  const double* const alpha = given_.columns.alpha;
  const double* const beta = given_.columns.beta;
  std::sort(runs_.begin(), runs_.end(), [&](const Run& a, const Run& b) {
    if (a.high != b.high) return a.high > b.high;
    if (alpha[a.index] != alpha[b.index]) return alpha[a.index] < alpha[b.index];
    return beta[a.index] < beta[b.index];
  });
  first_.clear();
  members_.clear();
  for (uint32_t i = 0; i < runs_.size(); ++i) {
    const uint32_t index = runs_[i].index;
    const uint32_t last = runs_[i > 0 ? i - 1 : 0].index;
    if (i == 0 || alpha[index] != alpha[last] || beta[index] != beta[last]) {
      first_.push_back(i);
      members_.push_back(0);
    }
    members_.back() += runs_[i].end - runs_[i].first;
  }
}

void BetaQuadrature::Prepare() {
  const size_t count = members_.size();
  groups_.Resize(count);
  const BetaColumns& given = given_.columns;
  const BetaColumns& groups = groups_.columns;
  for (size_t group = 0; group < count; ++group) {
    const uint32_t run = runs_[first_[group]].index;
    const double alpha = given.alpha[run];
    const double beta = given.beta[run];
    groups.alpha[group] = alpha;
    groups.beta[group] = beta;
    groups.mode[group] = given.mode[run];
    groups.rate[group] = given.rate[run];
    groups.complement[group] = given.complement[run];
    groups.high[group] = given.high[run];
    groups.tail[group] = 0;
    groups.probability[group] = 0;
    const double most = kTailShare * given.curvature[run];
    groups.sum[group] = alpha + beta;
    groups.floor_left[group] = std::min(kTailScales * kTailScales * alpha * alpha, most);
    groups.floor_right[group] = std::min(kTailScales * kTailScales * beta * beta, most);
  }
  loops_->peaks(groups, count);
  for (std::vector<AlignedRow>* rows : {&own_, &cdf_, &before_}) {
    if (rows->size() < count) rows->resize(count);
  }
  double live = 0;
  for (const uint32_t members : members_) live += members;
  panel_scales_ = kPanelScales / std::sqrt(1 + kCrowd * base::Log(std::max(live, 1.0)));
}

// How many groups reach above `left`, given that `from` do.
size_t BetaQuadrature::Entered(double left, size_t from) const {
  while (from < members_.size() && groups_.columns.high[from] > left) ++from;
  return from;
}

double BetaQuadrature::ChooseWidth(double right, double lower, size_t active) const {
  const auto curvature = [&](double variance) {
    return loops_->curvature(groups_.columns, active, right, variance);
  };
  const auto narrowest = [&](double variance) {
    return std::min(right - lower, panel_scales_ / std::sqrt(curvature(variance)));
  };
  double variance = VarianceAt(right);
  double width = narrowest(variance);
  if (right > 0) {  // leftwards the curvature still rises
    const double largest = curvature(1);
    const double scales = width / panel_scales_;
    const double flat_until = std::max(0.0, base::Log(largest * scales * scales));
    variance = VarianceAt(std::max(0.0, right - width));
    width = std::min(width, std::max(narrowest(variance), right - flat_until));
  }
  width = std::min(width, WidestAt(right));
  // A group that begins inside the panel is either resolved by it, or the panel ends before it.
  for (size_t i = active; i < members_.size() && groups_.columns.high[i] > right - width; ++i) {
    const double own = panel_scales_ / std::sqrt(beta_internal::CurvatureOf<double>(
                                           groups_.columns, i, right, variance));
    if (own < width) width = std::max(own, right - groups_.columns.high[i]);
  }
  return width;
}

void BetaQuadrature::MovePanel(double left, double right) {
  panel_.half = 0.5 * (right - left);
  panel_.centre = PointAt(left + panel_.half);
  loops_->move(panel_.centre, panel_.half, kNodeAt.data(), panel_.rate.data(),
               panel_.complement.data());
}

// Exponents of the groups already in play, from the previous panel's centre to this one's: the
// change is shared, and small steps keep full accuracy for any number of trials.
void BetaQuadrature::Advance(const LogitPoint& previous, size_t active) {
  if (active == 0) return;
  const LogChange change = ChangeAlong(previous, panel_.centre.y - previous.y);
  const BetaColumns& groups = groups_.columns;
  for (size_t i = 0; i < active; ++i) {
    groups.exponent[i] += groups.alpha[i] * change.rate + groups.beta[i] * change.complement;
  }
}

// Adds the panel's share of every active group's integral. Returns the product of all distribution
// functions at the panel's left end.
double BetaQuadrature::Integrate(size_t active) {
  BetaPanel panel{};
  panel.rate = panel_.rate.data();
  panel.complement = panel_.complement.data();
  panel.half = panel_.half;
  panel.weights = kWeight.data();
  panel.right_integral = kRightIntegral[0].data();
  panel.arms = active;
  panel.members = members_.data();
  panel.own = own_.data()->at_node;
  panel.cdf = cdf_.data()->at_node;
  panel.before = before_.data()->at_node;
  return loops_->integrate(groups_.columns, panel);
}

void BetaQuadrature::Spread(double total, absl::Span<double> probabilities) const {
  for (size_t group = 0; group < members_.size(); ++group) {
    const double each = groups_.columns.probability[group] / total;
    const size_t end = group + 1 < members_.size() ? first_[group + 1] : runs_.size();
    for (size_t run = first_[group]; run < end; ++run) {
      std::fill(&probabilities[runs_[run].first], &probabilities[runs_[run].end - 1] + 1, each);
    }
  }
}

}  // namespace fulcrum::policy
