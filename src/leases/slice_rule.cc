#include "leases/slice_rule.h"

#include <algorithm>

namespace fulcrum::leases {

Slice SliceOf(const SliceQuestion& question) {
  // The only replica need not leave anything to others.
  const int64_t share = std::max<int64_t>(question.remaining, 0) /
                        (question.replicas == 1 ? 1 : 2 * static_cast<int64_t>(question.replicas));
  Slice slice;
  // Without multiplying by two, which could overflow.
  slice.scarce = question.replicas > 1 && share / 2 < question.largest;
  if (question.remaining < question.at_least) return slice;
  if (slice.scarce) {
    slice.amount = question.at_least;
    return slice;
  }
  const int64_t useful = std::max(question.at_least, question.largest);
  slice.amount = std::min(std::max(std::min(share, question.want), useful), question.remaining);
  return slice;
}

}  // namespace fulcrum::leases
