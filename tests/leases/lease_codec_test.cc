#include "leases/lease_codec.h"

#include <gtest/gtest.h>

#include <limits>

namespace fulcrum::leases {
namespace {

BookBudget SomeBudget() {
  BookBudget budget;
  budget.limit = {1'000'000, 3};
  budget.accounts["a"] = {5, 6, 9, {{8, 100, 20, {}}, {9, 200, 0, {}}}};
  budget.accounts["another"] = {-1, 0, 2, {}};
  return budget;
}

TEST(LeaseCodec, ABudgetReadsAsItWasWritten) {
  const auto read = DecodeBudget(EncodeBudget(SomeBudget()));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->limit, (Limit{1'000'000, 3}));
  ASSERT_EQ(read->accounts.size(), 2u);
  const BookAccount& a = read->accounts.at("a");
  EXPECT_EQ(a.settled, 5);
  EXPECT_EQ(a.written_off, 6);
  EXPECT_EQ(a.last_number, 9u);
  ASSERT_EQ(a.leases.size(), 2u);
  EXPECT_EQ(a.leases[0].reported, 20);
  EXPECT_EQ(a.leases[1].granted, 200);
  EXPECT_EQ(read->accounts.at("another").settled, -1);
}

TEST(LeaseCodec, AReplicaAndTheHeaderReadAsTheyWereWritten) {
  const auto replica = DecodeReplica(EncodeReplica({2, 3, 4, true, 5, 6}));
  ASSERT_TRUE(replica.has_value());
  EXPECT_EQ(replica->incarnation, 2u);
  EXPECT_EQ(replica->registered_number, 3u);
  EXPECT_EQ(replica->accounted_epoch, 4u);
  EXPECT_TRUE(replica->fenced);
  EXPECT_EQ(replica->generation, 5u);
  EXPECT_EQ(replica->log_end, 6u);
  EXPECT_EQ(DecodeHeader(EncodeHeader({7, -8})), (BookHeader{7, -8}));
}

TEST(LeaseCodec, AHeaderOfAnotherFormatIsNamedAndRefused) {
  std::string header = EncodeHeader({7, -8});
  EXPECT_EQ(FormatOf(header), kBookFormat);
  header[0] = 1;
  EXPECT_EQ(FormatOf(header), 1u);
  EXPECT_FALSE(DecodeHeader(header).has_value());
  EXPECT_EQ(FormatOf("cut"), 0u);
}

TEST(LeaseCodec, WhatIsCutOrTooLongIsRefused) {
  const std::string budget = EncodeBudget(SomeBudget());
  for (size_t size = 0; size < budget.size(); ++size) {
    EXPECT_FALSE(DecodeBudget(std::string_view(budget).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(DecodeBudget(budget + "x").has_value());
  EXPECT_FALSE(DecodeReplica(EncodeReplica({}) + "x").has_value());
  EXPECT_FALSE(DecodeHeader("").has_value());
  EXPECT_FALSE(DecodeBudget(std::string(200, '\xff')).has_value());
}

TEST(LeaseCodec, KeysSortByWindow) {
  const BudgetKey total{"z", std::numeric_limits<int64_t>::min()};
  const BudgetKey early{"y", -5};
  const BudgetKey late{"a", 5};
  EXPECT_LT(EncodeKey(total), EncodeKey(early));
  EXPECT_LT(EncodeKey(early), EncodeKey(late));
  for (const BudgetKey& key : {total, early, late}) EXPECT_EQ(DecodeKey(EncodeKey(key)), key);
  EXPECT_FALSE(DecodeKey("short").has_value());
}

}  // namespace
}  // namespace fulcrum::leases
