#include "orchestrator/diversity.h"

#include <algorithm>

namespace fulcrum::orchestrator {
namespace {

double RelaxedGamma(const config::Diversity& diversity, size_t supply, size_t positions) {
  const double each = static_cast<double>(supply) / static_cast<double>(positions);
  if (each >= diversity.full_supply) return diversity.gamma;
  if (each <= 1) return 0;
  return diversity.gamma * ((each - 1) / (diversity.full_supply - 1));
}

double SharedCategories(const config::Action& a, const config::Action& b) {
  size_t shared = 0;
  for (const std::string& category : a.categories) {
    shared += std::binary_search(b.categories.begin(), b.categories.end(), category) ? 1 : 0;
  }
  const size_t either = a.categories.size() + b.categories.size() - shared;
  return either == 0 ? 0 : static_cast<double>(shared) / static_cast<double>(either);
}

}  // namespace

double Likeness(const config::Action& a, const config::Action& b) {
  if (a.vector.empty() || b.vector.empty()) return SharedCategories(a, b);
  double cosine = 0;
  for (size_t i = 0; i < a.vector.size(); ++i) cosine += a.vector[i] * b.vector[i];
  return std::clamp(cosine, 0.0, 1.0);
}

std::vector<double> DiscountsOf(const config::Bundle& bundle, const config::Surface& surface,
                                absl::Span<const int32_t> actions, absl::Span<const int32_t> picked,
                                size_t supply, size_t positions) {
  if (!surface.diversity || picked.empty()) return {};
  const double gamma = RelaxedGamma(*surface.diversity, supply, positions);
  if (gamma == 0) return {};
  std::vector<double> discounts;
  discounts.reserve(actions.size());
  for (const int32_t action : actions) {
    double likeness = 0;
    for (const int32_t one : picked) {
      likeness = std::max(likeness, Likeness(bundle.actions[static_cast<size_t>(action)],
                                             bundle.actions[static_cast<size_t>(one)]));
    }
    discounts.push_back(gamma * likeness);
  }
  return discounts;
}

}  // namespace fulcrum::orchestrator
