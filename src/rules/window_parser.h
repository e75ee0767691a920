// Windows of time as they stand after `in`: hours(..), weekdays(..), dates(..); and days.
#pragma once

#include "absl/time/civil_time.h"
#include "rules/cursor.h"
#include "rules/expression.h"

namespace fulcrum::rules {

// Whether a window begins here.
bool IsWindow(const Cursor& cursor);

// The window that begins here: sets *out's kind and bounds, or returns false and sets the fault.
bool ParseWindow(Cursor* cursor, Expression* out);

// A text such as "2026-12-01".
bool TakeDay(Cursor* cursor, absl::CivilMinute* day);

}  // namespace fulcrum::rules
