#include "training/data_set.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace fulcrum::training {

absl::StatusOr<size_t> SplitByTime(absl::Span<const int64_t> times_us, double share) {
  const size_t rows = times_us.size();
  const auto held_back = static_cast<size_t>(share * static_cast<double>(rows));
  if (held_back == 0) return rows;
  const auto first = times_us.begin();
  const int64_t start = times_us[rows - held_back];
  const auto of_start = std::equal_range(first, times_us.end(), start);
  if (of_start.first != first) return static_cast<size_t>(of_start.first - first);
  if (of_start.second != times_us.end()) return static_cast<size_t>(of_start.second - first);
  return absl::InvalidArgumentError(
      absl::StrCat("all ", rows,
                   " rows have the same time, so none can be held back as the later ones: give "
                   "their true times, or a validation share of 0"));
}

}  // namespace fulcrum::training
