#include "evaluation/open_bandit_rows.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/csv.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::evaluation {
namespace {

using base::CsvReader;

enum Field : uint8_t { kTime, kAction, kPosition, kReward, kPropensity, kFields };
constexpr std::array<const char*, kFields> kNames = {"timestamp", "item_id", "position", "click",
                                                     "propensity_score"};

struct TimedRow {
  int64_t time_us = 0;
  Row row;
};

absl::StatusOr<TimedRow> ReadRow(const CsvReader& csv, const std::array<size_t, kFields>& columns,
                                 ActionTable* actions) {
  const auto wrong = [&](Field field, const char* wanted) {
    return csv.Problem(absl::StrCat(
        kNames[field], " \"", base::ToAbsl(csv.fields()[columns[field]]), "\" is no ", wanted));
  };
  const auto text = [&](Field field) { return csv.fields()[columns[field]]; };
  TimedRow timed;
  Row& row = timed.row;
  if (!base::ParseTimeMicros(text(kTime), &timed.time_us)) {
    return wrong(kTime, "time such as 2019-11-24 00:03:13.442536+00:00");
  }
  if (text(kAction).empty()) return wrong(kAction, "item");
  if (!absl::SimpleAtoi(base::ToAbsl(text(kPosition)), &row.position) || row.position < 1 ||
      row.position > kPositionMax) {
    return wrong(kPosition, "whole number from 1 to 1000");
  }
  if (!base::ParseFiniteDouble(text(kReward), &row.reward) ||
      (row.reward != 0 && row.reward != 1)) {
    return wrong(kReward, "0 or 1");
  }
  if (!base::ParseFiniteDouble(text(kPropensity), &row.propensity) || !(row.propensity > 0) ||
      row.propensity > 1) {
    return wrong(kPropensity, "probability above 0 and at most 1");
  }
  row.action = actions->Intern(text(kAction));
  return timed;
}

}  // namespace

absl::StatusOr<RowSet> ReadOpenBanditRows(base::FileSystem* files, const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv,
                           CsvReader::Open(files, path, CsvReader::FirstName::kMayBeEmpty));
  std::array<size_t, kFields> columns{};
  for (size_t i = 0; i < kFields; ++i) {
    const int column = csv->Column(kNames[i]);
    if (column < 0) {
      return csv->Problem(absl::StrCat("there is no column ", kNames[i],
                                       "; a log of the Open Bandit Dataset has ",
                                       "timestamp, item_id, position, click, propensity_score"));
    }
    columns[i] = static_cast<size_t>(column);
  }
  RowSet rows;
  std::vector<TimedRow> timed;
  while (true) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) break;
    FULCRUM_ASSIGN_OR_RETURN(timed.emplace_back(), ReadRow(*csv, columns, &rows.actions));
  }
  std::stable_sort(timed.begin(), timed.end(),
                   [](const TimedRow& a, const TimedRow& b) { return a.time_us < b.time_us; });
  rows.rows.reserve(timed.size());
  for (const TimedRow& one : timed) rows.rows.push_back(one.row);
  rows.positions = rows.rows.size();
  return rows;
}

}  // namespace fulcrum::evaluation
