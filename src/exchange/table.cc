#include "exchange/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "exchange/logged_choice.h"

namespace fulcrum::exchange {

TableColumns OpenBanditColumns() {
  return {.action = "item_id",
          .propensity = "propensity_score",
          .reward = "click",
          .time = "timestamp",
          .position = "position",
          .surface = "open-bandit"};
}

TableReader::TableReader(std::unique_ptr<base::CsvReader> csv, std::string surface)
    : csv_(std::move(csv)), surface_(std::move(surface)) {}

absl::StatusOr<std::unique_ptr<TableReader>> TableReader::Open(base::FileSystem* files,
                                                               const std::string& path,
                                                               const TableColumns& columns) {
  FULCRUM_ASSIGN_OR_RETURN(
      std::unique_ptr<base::CsvReader> csv,
      base::CsvReader::Open(files, path, base::CsvReader::FirstName::kMayBeEmpty));
  std::unique_ptr<TableReader> reader(new TableReader(std::move(csv), columns.surface));
  FULCRUM_RETURN_IF_ERROR(reader->FindColumns(path, columns));
  return reader;
}

absl::Status TableReader::FindColumns(const std::string& path, const TableColumns& columns) {
  const std::array<const std::string*, kFields> names = {
      &columns.action, &columns.propensity, &columns.reward,
      &columns.time,   &columns.position,   &columns.surface_column};
  for (size_t i = 0; i < names.size(); ++i) {
    const bool wanted = i <= kReward || !names[i]->empty();
    at_[i] = wanted ? csv_->Column(*names[i]) : -1;
    if (!wanted || at_[i] >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":1: there is no column '", *names[i], "'; name the table's own"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> TableReader::Next() {
  FULCRUM_ASSIGN_OR_RETURN(const bool found, csv_->Next());
  if (!found) return false;
  for (const std::string_view field : csv_->fields()) {
    sum_ = base::Crc32c(",", base::Crc32c(field, sum_));
  }
  return true;
}

std::string TableReader::Text(Field field) const {
  if (at_[field] < 0) return {};
  return std::string(csv_->fields()[static_cast<size_t>(at_[field])]);
}

absl::StatusOr<std::vector<LogRecord>> TableReader::Records() {
  const std::string action = Text(kAction);
  LoggedChoice choice{.line = csv_->line(), .action = action};
  if (!base::ParseFiniteDouble(Text(kPropensity), &choice.probability)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the propensity is no number: '", Text(kPropensity), "'"));
  }
  if (!base::ParseFiniteDouble(Text(kReward), &choice.reward)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the reward is no number: '", Text(kReward), "'"));
  }
  if (at_[kTime] >= 0) {
    int64_t time_us = 0;
    if (!base::ParseTimeMicros(Text(kTime), &time_us)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the time is none like 2026-01-31T23:59:59Z: '", Text(kTime), "'"));
    }
    choice.occurred_us = time_us;
  }
  std::string surface = at_[kSurface] < 0 ? surface_ : Text(kSurface);
  if (at_[kPosition] >= 0) absl::StrAppend(&surface, "-", Text(kPosition));
  choice.surface = surface;
  FULCRUM_ASSIGN_OR_RETURN(std::vector<LogRecord> records, RecordsOf(choice));
  // Looking up a time relies on a log in the order of its times.
  last_us_ = std::max(last_us_, records.front().time_us);
  for (LogRecord& record : records) record.time_us = last_us_;
  return records;
}

}  // namespace fulcrum::exchange
