#include "replay/books.h"

#include <gtest/gtest.h>

namespace fulcrum::replay {
namespace {

Debit CapOf(int64_t amount) {
  return {.row = "cap", .window_start_us = 0, .amount = amount, .limit = 9, .per_user = true};
}

TEST(Books, UsersWhoWereMergedCountTogether) {
  constexpr UserRef kA{1}, kB{2}, kC{3};
  Books books;
  const auto spent = [&](const UserRef& ref) { return books.Spent("cap", 0, 0, true, ref); };
  books.Spend(CapOf(2), kA);
  books.Spend(CapOf(3), kB);
  books.Spend(CapOf(5), kC);
  books.Apply({.user_ref = kA, .into = kB});
  EXPECT_EQ(spent(kA), 5);
  EXPECT_EQ(spent(kB), 5);
  EXPECT_EQ(spent(kC), 5);
  books.Spend(CapOf(1), kB);
  books.Refund(CapOf(2), kA);
  EXPECT_EQ(spent(kA), 4);
  EXPECT_EQ(spent(kB), 4);
  books.Apply({.change = IdentityChange::kPurged, .user_ref = kB});
  EXPECT_EQ(spent(kC), 5);
}

}  // namespace
}  // namespace fulcrum::replay
