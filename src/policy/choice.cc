#include "policy/choice.h"

#include <cmath>

#include "base/check.h"
#include "base/math.h"
#include "policy/beta_quadrature.h"

namespace fulcrum::policy {
namespace {

bool IsValid(const BetaArm& arm) {
  return arm.alpha > 0 && arm.beta > 0 && std::isfinite(arm.alpha) && std::isfinite(arm.beta);
}

// Buffers that grow to the largest request of the thread.
struct Workspace {
  BetaQuadrature quadrature;
  std::vector<BetaArm> arms;
};

Workspace& ThreadWorkspace() {
  thread_local Workspace workspace;
  return workspace;
}

std::vector<double> AgainstKnown(absl::Span<const BetaArm> arms, double known) {
  std::vector<double> result(arms.size() + 1, 0.0);
  if (known >= 1) {  // no rate exceeds it
    result.back() = 1;
    return result;
  }
  const double known_logit = known > 0 ? base::Logit(known) : kNoKnownLogit;
  const QuadratureReport report = ThreadWorkspace().quadrature.Compute(
      arms, known_logit, absl::MakeSpan(result).first(arms.size()));
  result.back() = report.known_wins;
  return result;
}

std::vector<double> AgainstPosterior(absl::Span<const BetaArm> arms, const BetaArm& neutral) {
  Workspace& workspace = ThreadWorkspace();
  workspace.arms.assign(arms.begin(), arms.end());
  workspace.arms.push_back(neutral);
  std::vector<double> result(workspace.arms.size());
  workspace.quadrature.Compute(workspace.arms, kNoKnownLogit, absl::MakeSpan(result));
  return result;
}

}  // namespace

std::vector<double> ChoiceProbabilities(absl::Span<const BetaArm> arms, const Baseline& baseline) {
  if (arms.empty()) return {1.0};
  for (const BetaArm& arm : arms) FULCRUM_CHECK(IsValid(arm));
  if (baseline.known_value.has_value()) {
    FULCRUM_CHECK(*baseline.known_value >= 0 && *baseline.known_value <= 1);
    return AgainstKnown(arms, *baseline.known_value);
  }
  FULCRUM_CHECK(IsValid(baseline.posterior));
  return AgainstPosterior(arms, baseline.posterior);
}

}  // namespace fulcrum::policy
