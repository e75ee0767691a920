#include "base/edit_distance.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"

namespace fulcrum::base {
namespace {

TEST(EditDistance, CountsEditsAndSwaps) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("limit", "limit"), 0u);
  EXPECT_EQ(EditDistance("limit", "limits"), 1u);
  EXPECT_EQ(EditDistance("limit", "limt"), 1u);
  EXPECT_EQ(EditDistance("limit", "lemit"), 1u);
  EXPECT_EQ(EditDistance("limit", "ilmit"), 1u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("ca", "abc"), 3u);  // what is swapped is not edited again
}

TEST(EditDistance, LooksAtTheBeginningOfLongNames) {
  const std::string same(64, 'x');
  EXPECT_EQ(EditDistance(same + "a", same + "bcd"), 0u);
  EXPECT_EQ(EditDistance(std::string(100'000, 'a'), std::string(100'000, 'b')), 64u);
}

TEST(EditDistance, IsSymmetricAndAtMostTheEditsThatWereMade) {
  RandomStream random(3);
  const auto letter = [&] { return static_cast<char>('a' + random.NextBelow(3)); };
  for (int round = 0; round < 2000; ++round) {
    std::string a(1 + random.NextBelow(12), ' ');
    for (char& c : a) c = letter();
    std::string b = a;
    const size_t edits = random.NextBelow(4);
    for (size_t i = 0; i < edits; ++i) {
      const size_t at = random.NextBelow(b.size());
      if (random.NextBelow(2) == 0) {
        b[at] = letter();
      } else {
        b.insert(b.begin() + static_cast<std::ptrdiff_t>(at), letter());
      }
    }
    EXPECT_LE(EditDistance(a, b), edits) << a << ' ' << b;
    EXPECT_EQ(EditDistance(a, b), EditDistance(b, a)) << a << ' ' << b;
    EXPECT_EQ(EditDistance(a, b) == 0, a == b);
  }
}

}  // namespace
}  // namespace fulcrum::base
