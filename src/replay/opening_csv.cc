#include "replay/opening_csv.h"

#include <algorithm>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "base/csv.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "orchestrator/windows.h"

namespace fulcrum::replay {
namespace {

// How a window of `row` is named.
const char* WindowForm(const config::Constraint& row) {
  switch (row.window) {
    case config::Window::kDay:
      return "the day as YYYY-MM-DD";
    case config::Window::kHour:
      return "the hour as YYYY-MM-DDThh";
    case config::Window::kRolling:
      return "an instant as RFC 3339";
    case config::Window::kTotal:
      break;
  }
  return "total";
}

// The start of the window that `text` names, or nothing.
bool ParseWindow(std::string_view text, const config::Constraint& row, int64_t* start_us) {
  if (row.window == config::Window::kTotal) {
    *start_us = orchestrator::kTotalWindow;
    return text == "total";
  }
  absl::Time within;
  if (row.window == config::Window::kDay) {
    absl::CivilDay day;
    if (!absl::ParseCivilTime(base::ToAbsl(text), &day)) return false;
    // Noon is in the day, whatever summer time does to its midnight.
    within = absl::FromCivil(absl::CivilHour(day) + 12, row.time_zone);
  } else if (row.window == config::Window::kHour) {
    absl::CivilHour hour;
    if (!absl::ParseCivilTime(base::ToAbsl(text), &hour)) return false;
    within = absl::FromCivil(hour, row.time_zone);
  } else if (!absl::ParseTime(absl::RFC3339_full, base::ToAbsl(text), &within, nullptr)) {
    return false;
  }
  *start_us = orchestrator::WindowStartUs(row, within);
  return true;
}

}  // namespace

absl::StatusOr<std::vector<OpeningSpend>> ReadOpening(base::FileSystem* files,
                                                      const std::string& path,
                                                      const config::Bundle& bundle) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::CsvReader> csv,
                           base::CsvReader::Open(files, path));
  const int row_column = csv->Column("row");
  const int window_column = csv->Column("window");
  const int spent_column = csv->Column("spent");
  if (row_column < 0 || window_column < 0 || spent_column < 0) {
    return csv->Problem("the columns of an opening ledger are row, window, spent");
  }
  std::vector<OpeningSpend> opening;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) return opening;
    const auto field = [&](int column) { return csv->fields()[static_cast<size_t>(column)]; };
    const auto row = std::find_if(bundle.constraints.begin(), bundle.constraints.end(),
                                  [&](const auto& one) { return one.id == field(row_column); });
    if (row == bundle.constraints.end() || row->per_user) {
      return csv->Problem(absl::StrCat("the bundle has no constraint '",
                                       base::ToAbsl(field(row_column)), "' that is not per user"));
    }
    OpeningSpend one{.row = row->id};
    if (!ParseWindow(field(window_column), *row, &one.window_start_us)) {
      return csv->Problem(absl::StrCat("window '", base::ToAbsl(field(window_column)), "' of '",
                                       row->id, "': give ", WindowForm(*row)));
    }
    if (!absl::SimpleAtoi(base::ToAbsl(field(spent_column)), &one.spent) || one.spent < 0) {
      return csv->Problem(absl::StrCat("spent '", base::ToAbsl(field(spent_column)),
                                       "' is no whole number from 0"));
    }
    opening.push_back(std::move(one));
  }
}

}  // namespace fulcrum::replay
