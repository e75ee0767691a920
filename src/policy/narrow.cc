#include "policy/narrow.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "policy/policies.h"

namespace fulcrum::policy {

std::vector<size_t> LeftOut(absl::Span<const Posterior> arms, absl::Span<const bool> left,
                            double uncertainty, size_t most) {
  absl::InlinedVector<std::pair<double, size_t>, 64> by_bound;
  for (size_t i = 0; i < arms.size(); ++i) {
    if (left[i]) by_bound.emplace_back(-BoundOf(arms[i], uncertainty), i);
  }
  std::vector<size_t> out;
  if (by_bound.size() <= most) return out;
  std::sort(by_bound.begin(), by_bound.end());
  for (size_t i = most; i < by_bound.size(); ++i) out.push_back(by_bound[i].second);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace fulcrum::policy
