#include "rules/nearest.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "rules/rule_error.h"

namespace fulcrum::rules {
namespace {

constexpr size_t kBytesCompared = 64;  // bounds the work for hostile names

// By one row of the dynamic programme; `diagonal` is what row[j] was a line before.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

// A name without scope is one whose scope was forgotten.
size_t Distance(std::string_view name, std::string_view candidate) {
  const size_t scope = candidate.find('.');
  if (name.find('.') == name.npos && scope != candidate.npos) candidate.remove_prefix(scope + 1);
  return EditDistance(name.substr(0, kBytesCompared), candidate.substr(0, kBytesCompared));
}

}  // namespace

std::string NearestHint(std::string_view name, const std::vector<std::string_view>& names) {
  size_t best = std::numeric_limits<size_t>::max();
  std::string_view nearest;
  for (const std::string_view candidate : names) {
    const size_t distance = Distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  if (names.empty()) return "; there is no valid name";
  return absl::StrCat("; the nearest valid name is ", Quoted(nearest));
}

}  // namespace fulcrum::rules
