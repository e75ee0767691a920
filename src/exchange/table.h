// A CSV table of logged choices, a row each (docs/exchange.md). Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/csv.h"
#include "exchange/json_lines.h"

namespace fulcrum::exchange {

// Names of columns. Those after `reward` may be empty: there is none.
struct TableColumns {
  std::string action = "action";
  std::string propensity = "propensity";
  std::string reward = "reward";
  std::string time;
  std::string position;  // becomes a part of the surface: "SURFACE-POSITION"
  std::string surface_column;
  std::string surface = "table";  // where there is no such column: a name, not a column
};

// The columns of the Open Bandit Dataset (Saito et al., arXiv 2008.07146, table 1).
TableColumns OpenBanditColumns();

class TableReader {
 public:
  // INVALID_ARGUMENT if the file is no CSV or lacks a column.
  static absl::StatusOr<std::unique_ptr<TableReader>> Open(base::FileSystem* files,
                                                           const std::string& path,
                                                           const TableColumns& columns);

  // False at the end. An error means that the file cannot be read on.
  absl::StatusOr<bool> Next();
  // The row's decision and outcome, appended when it occurred, but never before the row before.
  // INVALID_ARGUMENT with what is wrong with the row.
  absl::StatusOr<std::vector<LogRecord>> Records();
  uint64_t line() const { return csv_->line(); }  // where the row begins
  uint32_t sum() const { return sum_; }           // CRC-32C of all fields up to the row's end
  uint64_t bytes_read() const { return csv_->bytes_read(); }
  uint64_t bytes_total() const { return csv_->bytes_total(); }

 private:
  enum Field { kAction, kPropensity, kReward, kTime, kPosition, kSurface, kFields };

  TableReader(std::unique_ptr<base::CsvReader> csv, std::string surface);
  absl::Status FindColumns(const std::string& path, const TableColumns& columns);
  std::string Text(Field field) const;

  const std::unique_ptr<base::CsvReader> csv_;
  const std::string surface_;
  std::array<int, kFields> at_{};  // -1: there is none
  int64_t last_us_ = 0;
  uint32_t sum_ = 0;
};

}  // namespace fulcrum::exchange
