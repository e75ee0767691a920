// How the durable lease store writes its books: the values of its keys. Numbers are little-endian
// and 8 bytes wide, texts come after their length. Pure; a value that does not read to its very end
// is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "leases/lease_book.h"

namespace fulcrum::leases {

// What is read and written. 1: before spend could be written off.
inline constexpr uint64_t kBookFormat = 2;

struct BookHeader {
  uint64_t epoch = 0;
  int64_t closed_before_us = 0;

  friend bool operator==(const BookHeader&, const BookHeader&) = default;
};

std::string EncodeHeader(const BookHeader& header);
std::optional<BookHeader> DecodeHeader(std::string_view value);

// The format that a header was written in, 0 if it is none.
uint64_t FormatOf(std::string_view header);

std::string EncodeReplica(const BookReplica& replica);
std::optional<BookReplica> DecodeReplica(std::string_view value);

// Without the times at which leases lapse: no clock runs through a restart.
std::string EncodeBudget(const BookBudget& budget);
std::optional<BookBudget> DecodeBudget(std::string_view value);

// Sorts by window, then row.
std::string EncodeKey(const BudgetKey& key);
std::optional<BudgetKey> DecodeKey(std::string_view text);

}  // namespace fulcrum::leases
