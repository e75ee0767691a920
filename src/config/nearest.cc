#include "config/nearest.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fulcrum::config {

size_t EditDistance(std::string_view a, std::string_view b) {
  // Rows of the dynamic programme: the two before and the current one.
  std::vector<size_t> older(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], older[j - 2] + 1);
      }
    }
    std::swap(older, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string NearestName(std::string_view name, const std::vector<std::string>& names) {
  constexpr size_t kCompared = 64;  // bounds the work for hostile names
  size_t best = std::numeric_limits<size_t>::max();
  std::string nearest;
  for (const std::string& candidate : names) {
    const size_t distance =
        EditDistance(name.substr(0, kCompared), std::string_view(candidate).substr(0, kCompared));
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string NearestHint(std::string_view name, const std::vector<std::string>& names) {
  if (names.empty()) return "; there is no valid name";
  return absl::StrCat("; the nearest valid name is '", NearestName(name, names), "'");
}

}  // namespace fulcrum::config
