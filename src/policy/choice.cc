#include "policy/choice.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/math.h"
#include "policy/beta_quadrature.h"
#include "policy/gauss_quadrature.h"
#include "policy/normal_cdf.h"
#include "policy/utility_quadrature.h"

namespace fulcrum::policy {
namespace {

bool IsDistribution(const BetaArm& arm) {
  return arm.alpha > 0 && arm.beta > 0 && std::isfinite(arm.alpha) && std::isfinite(arm.beta) &&
         arm.value > 0 && std::isfinite(arm.value) && std::isfinite(arm.price);
}

bool IsDistribution(const GaussArm& arm) {
  return std::isfinite(arm.mean) && arm.sd > 0 && std::isfinite(arm.sd);
}

bool IsDistribution(const LogitArm& arm) {
  return std::isfinite(arm.mean) && arm.sd > 0 && std::isfinite(arm.sd) && arm.value > 0 &&
         std::isfinite(arm.value) && std::isfinite(arm.price);
}

// Buffers that grow to the largest request of the thread.
struct Workspace {
  std::vector<BetaArm> beta_arms;
  std::vector<GaussArm> gauss_arms;
  std::vector<LogitArm> logit_arms;
  BetaQuadrature beta;
  GaussQuadrature gauss;
  UtilityQuadrature utility;
};

Workspace& ThreadWorkspace() {
  thread_local Workspace workspace;
  return workspace;
}

// The arms, unwrapped, and the neutral action's posterior behind them unless its value is known.
template <typename Arm>
void Unwrap(absl::Span<const Posterior> arms, const Baseline& baseline, std::vector<Arm>* out) {
  const auto add = [out](const Posterior& posterior) {
    const Arm* const arm = std::get_if<Arm>(&posterior);
    FULCRUM_CHECK(arm != nullptr && IsDistribution(*arm));
    out->push_back(*arm);
  };
  out->clear();
  for (const Posterior& posterior : arms) add(posterior);
  if (!baseline.known_value) add(baseline.posterior);
  FULCRUM_CHECK(!baseline.known_value || std::isfinite(*baseline.known_value));
}

// Then the order of the utilities is that of the rates.
template <typename Arm>
bool ShareValueAndPrice(const std::vector<Arm>& arms) {
  return std::all_of(arms.begin(), arms.end(), [&](const Arm& arm) {
    return arm.value == arms.front().value && arm.price == arms.front().price;
  });
}

std::vector<double> OnlyNeutral(size_t arms) {
  std::vector<double> result(arms + 1, 0.0);
  result.back() = 1;
  return result;
}

// Closed forms: the difference of two normal logits, or of one and a known one, is normal.
std::vector<double> TwoOutcomes(double z) {
  const double smaller = NormalCdf(-std::abs(z));
  if (z < 0) return {smaller, 1 - smaller};
  return {1 - smaller, smaller};
}

double Length(double a, double b) {
  const double largest = std::max(a, b);
  const double ratio = std::min(a, b) / largest;
  return largest * std::sqrt(1 + ratio * ratio);
}

// What `compute` writes for the arms and, if the baseline is a posterior, for that behind them;
// otherwise what it reports for the known value.
template <typename Compute>
std::vector<double> WithNeutral(size_t arms, size_t computed, Compute compute) {
  std::vector<double> result(arms + 1, 0.0);
  const QuadratureReport report = compute(absl::MakeSpan(result.data(), computed));
  if (computed == arms) result.back() = report.known_wins;
  return result;
}

// A known value seen as a rate of arms that share value and price.
struct KnownRate {
  double logit = kNoKnownLogit;
  bool always_wins = false;  // no rate exceeds it
};

template <typename Arm>
KnownRate KnownRateOf(const Baseline& baseline, const Arm& arm) {
  if (!baseline.known_value) return {};
  const double rate = (*baseline.known_value + arm.price) / arm.value;
  if (rate >= 1) return {.always_wins = true};
  return {.logit = rate > 0 ? base::Logit(rate) : kNoKnownLogit};
}

std::vector<double> AmongBeta(absl::Span<const Posterior> arms, const Baseline& baseline) {
  Workspace& workspace = ThreadWorkspace();
  std::vector<BetaArm>& all = workspace.beta_arms;
  Unwrap(arms, baseline, &all);
  if (!ShareValueAndPrice(all)) {
    return WithNeutral(arms.size(), all.size(), [&](absl::Span<double> p) {
      return workspace.utility.Compute(all, baseline.known_value.value_or(kNoKnownUtility), p);
    });
  }
  const bool plain = all.front().value == 1 && all.front().price == 0;
  if (plain && baseline.known_value) {
    FULCRUM_CHECK(*baseline.known_value >= 0 && *baseline.known_value <= 1);
  }
  const KnownRate known = KnownRateOf(baseline, all.front());
  if (known.always_wins) return OnlyNeutral(arms.size());
  return WithNeutral(arms.size(), all.size(), [&](absl::Span<double> p) {
    return workspace.beta.Compute(all, known.logit, p);
  });
}

std::vector<double> AmongGauss(absl::Span<const Posterior> arms, const Baseline& baseline) {
  Workspace& workspace = ThreadWorkspace();
  Unwrap(arms, baseline, &workspace.gauss_arms);
  return WithNeutral(arms.size(), workspace.gauss_arms.size(), [&](absl::Span<double> p) {
    return workspace.gauss.Compute(workspace.gauss_arms,
                                   baseline.known_value.value_or(kNoKnownValue), p);
  });
}

std::vector<double> AmongLogit(absl::Span<const Posterior> arms, const Baseline& baseline) {
  Workspace& workspace = ThreadWorkspace();
  std::vector<LogitArm>& all = workspace.logit_arms;
  Unwrap(arms, baseline, &all);
  const LogitArm& one = all.front();
  if (!ShareValueAndPrice(all)) {
    return WithNeutral(arms.size(), all.size(), [&](absl::Span<double> p) {
      return workspace.utility.Compute(all, baseline.known_value.value_or(kNoKnownUtility), p);
    });
  }
  const KnownRate known = KnownRateOf(baseline, one);
  if (known.always_wins) return OnlyNeutral(arms.size());
  if (arms.size() == 1 && baseline.known_value) {
    return TwoOutcomes((one.mean - known.logit) / one.sd);
  }
  if (arms.size() == 1) {
    const LogitArm& other = all.back();
    return TwoOutcomes((one.mean - other.mean) / Length(one.sd, other.sd));
  }
  workspace.gauss_arms.clear();
  for (const LogitArm& arm : all) workspace.gauss_arms.push_back({arm.mean, arm.sd});
  return WithNeutral(arms.size(), all.size(), [&](absl::Span<double> p) {
    return workspace.gauss.Compute(workspace.gauss_arms, known.logit, p);
  });
}

}  // namespace

bool IsValid(const Posterior& posterior) {
  return std::visit([](const auto& arm) { return IsDistribution(arm); }, posterior);
}

std::vector<double> ChoiceProbabilities(absl::Span<const Posterior> arms,
                                        const Baseline& baseline) {
  if (arms.empty()) return {1.0};
  if (std::holds_alternative<BetaArm>(arms.front())) return AmongBeta(arms, baseline);
  if (std::holds_alternative<GaussArm>(arms.front())) return AmongGauss(arms, baseline);
  return AmongLogit(arms, baseline);
}

}  // namespace fulcrum::policy
