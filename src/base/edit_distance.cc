#include "base/edit_distance.h"

#include <algorithm>
#include <array>

namespace fulcrum::base {
namespace {

constexpr size_t kBytesCompared = 64;

}  // namespace

size_t EditDistance(std::string_view a, std::string_view b) {
  a = a.substr(0, kBytesCompared);
  b = b.substr(0, kBytesCompared);
  // Rows of the dynamic programme: the two before and the current one.
  using Row = std::array<size_t, kBytesCompared + 1>;
  Row older{};
  Row last{};
  Row row{};
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
    older = last;
    last = row;
  }
  return last[b.size()];
}

}  // namespace fulcrum::base
