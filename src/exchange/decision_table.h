// A decision log as a table for analysts: a row for each decided position, with what came of it.
// CSV and Parquet have the same columns; docs/exchange.md tells what they mean.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "decision_log/joined_rows.h"

namespace fulcrum::exchange {

enum class ColumnType : uint8_t {
  kText,    // UTF-8
  kUint64,  // counts, versions, LSNs
  kInt64,   // microseconds of a span
  kDouble,
  kTime  // microseconds since 1970 UTC
};

struct Column {
  const char* name;
  ColumnType type;
};

// Of the alternative that its column's type asks for (kTime: int64_t), or nothing.
using Cell = std::variant<std::monostate, std::string, uint64_t, int64_t, double>;

absl::Span<const Column> DecisionColumns();

// One cell for each column.
std::vector<Cell> CellsOf(const decision_log::JoinedRow& row);

}  // namespace fulcrum::exchange
