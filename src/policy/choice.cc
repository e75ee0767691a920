#include "policy/choice.h"

#include <cmath>

#include "base/check.h"
#include "base/math.h"
#include "policy/beta_quadrature.h"
#include "policy/gauss_quadrature.h"

namespace fulcrum::policy {
namespace {

bool IsDistribution(const BetaArm& arm) {
  return arm.alpha > 0 && arm.beta > 0 && std::isfinite(arm.alpha) && std::isfinite(arm.beta);
}

bool IsDistribution(const GaussArm& arm) {
  return std::isfinite(arm.mean) && arm.sd > 0 && std::isfinite(arm.sd);
}

// Buffers that grow to the largest request of the thread.
struct Workspace {
  std::vector<BetaArm> beta_arms;
  BetaQuadrature beta;
  std::vector<GaussArm> gauss_arms;
  GaussQuadrature gauss;
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
}

std::vector<double> AmongBeta(absl::Span<const Posterior> arms, const Baseline& baseline) {
  Workspace& workspace = ThreadWorkspace();
  Unwrap(arms, baseline, &workspace.beta_arms);
  std::vector<double> result(arms.size() + 1, 0.0);
  const absl::Span<double> computed = absl::MakeSpan(result.data(), workspace.beta_arms.size());
  if (!baseline.known_value) {
    workspace.beta.Compute(workspace.beta_arms, kNoKnownLogit, computed);
    return result;
  }
  const double known = *baseline.known_value;
  FULCRUM_CHECK(known >= 0 && known <= 1);
  if (known >= 1) {  // no rate exceeds it
    result.back() = 1;
    return result;
  }
  const double known_logit = known > 0 ? base::Logit(known) : kNoKnownLogit;
  result.back() = workspace.beta.Compute(workspace.beta_arms, known_logit, computed).known_wins;
  return result;
}

std::vector<double> AmongGauss(absl::Span<const Posterior> arms, const Baseline& baseline) {
  Workspace& workspace = ThreadWorkspace();
  Unwrap(arms, baseline, &workspace.gauss_arms);
  std::vector<double> result(arms.size() + 1, 0.0);
  const absl::Span<double> computed = absl::MakeSpan(result.data(), workspace.gauss_arms.size());
  if (!baseline.known_value) {
    workspace.gauss.Compute(workspace.gauss_arms, kNoKnownValue, computed);
    return result;
  }
  FULCRUM_CHECK(std::isfinite(*baseline.known_value));
  result.back() =
      workspace.gauss.Compute(workspace.gauss_arms, *baseline.known_value, computed).known_wins;
  return result;
}

}  // namespace

bool IsValid(const Posterior& posterior) {
  return std::visit([](const auto& arm) { return IsDistribution(arm); }, posterior);
}

std::vector<double> ChoiceProbabilities(absl::Span<const Posterior> arms,
                                        const Baseline& baseline) {
  if (arms.empty()) return {1.0};
  return std::holds_alternative<BetaArm>(arms.front()) ? AmongBeta(arms, baseline)
                                                       : AmongGauss(arms, baseline);
}

}  // namespace fulcrum::policy
