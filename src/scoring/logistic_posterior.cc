#include "scoring/logistic_posterior.h"

#include <utility>

namespace fulcrum::scoring {

LinearSpec LogisticSpec(size_t terms, double prior_sd) {
  return {.terms = terms, .noise_sd = 1, .prior_sd = prior_sd, .has_model = true};
}

std::optional<Site> LogisticArm::Observe(const LinearSpec& spec, absl::Span<const double> x,
                                         double reward, double weight) {
  if (x.size() != spec.terms) return std::nullopt;
  // By x alone, so that a correction is judged as its observation was.
  if (!(PriorBelief(spec.prior_sd, x).sd <= kLogitSdMax)) return std::nullopt;
  const Belief before = arm_.At(x);
  const Site site = LogisticSite(before, reward);
  LinearArm next = arm_;
  if (!next.Add(spec, x, weight * site.weight, weight * site.reward)) return std::nullopt;
  arm_ = std::move(next);
  return site;
}

std::optional<Site> LogisticArm::Correct(const LinearSpec& spec, absl::Span<const double> x,
                                         const Site& before, double reward, double weight) {
  if (x.size() != spec.terms) return std::nullopt;
  LogisticArm without = *this;
  if (!without.arm_.Add(spec, x, -weight * before.weight, -weight * before.reward)) {
    return std::nullopt;
  }
  const std::optional<Site> site = without.Observe(spec, x, reward, weight);
  if (site.has_value()) *this = std::move(without);
  return site;
}

}  // namespace fulcrum::scoring
