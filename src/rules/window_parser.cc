#include "rules/window_parser.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "rules/calendar.h"

namespace fulcrum::rules {
namespace {

bool TakeClock(Cursor* cursor, int* minute) {
  return cursor->TakeParsed("\"22:00\"", "a time of the day, 00:00 to 24:00", ParseClock, minute);
}

bool ParseHours(Cursor* cursor, Expression* out) {
  out->kind = Kind::kHours;
  cursor->Advance(2);
  const size_t offset = cursor->Now().offset;
  if (!TakeClock(cursor, &out->from_minute) || !cursor->Expect(",") ||
      !TakeClock(cursor, &out->to_minute)) {
    return false;
  }
  if (out->from_minute == out->to_minute) {
    return cursor->Fail(offset,
                        "hours from a time to itself could be all or none; leave the window out");
  }
  if (out->from_minute == kMinutesPerDay) {
    return cursor->Fail(offset, "hours begin at 23:59 at the latest; write \"00:00\"");
  }
  return cursor->Expect(")");
}

// "fri", or "fri-mon", which goes past Sunday. 0 if it is neither.
uint8_t WeekdayBits(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = ParseWeekday(text.substr(0, dash));
  const auto last = dash == text.npos ? first : ParseWeekday(text.substr(dash + 1));
  if (!first || !last) return 0;
  uint8_t bits = static_cast<uint8_t>(1u << *last);
  for (int day = *first; day != *last; day = (day + 1) % 7) {
    bits |= static_cast<uint8_t>(1u << day);
  }
  return bits;
}

bool ParseWeekdays(Cursor* cursor, Expression* out) {
  out->kind = Kind::kWeekdays;
  cursor->Advance(2);
  do {
    const Token* token = nullptr;
    if (!cursor->TakeText("\"mon\" or \"mon-fri\"", &token)) return false;
    const uint8_t days = WeekdayBits(token->text);
    if (days == 0) {
      return cursor->Fail(token->offset,
                          absl::StrCat(Quoted(token->text),
                                       " is not a weekday; write mon, tue, wed, thu, fri, "
                                       "sat, sun or a range such as mon-fri"));
    }
    out->weekdays |= days;
  } while (cursor->Accept(","));
  return cursor->Expect(")");
}

bool ParseDates(Cursor* cursor, Expression* out) {
  out->kind = Kind::kDates;
  cursor->Advance(2);
  const size_t offset = cursor->Now().offset;
  if (!TakeDay(cursor, &out->from) || !cursor->Expect(",") || !TakeDay(cursor, &out->to)) {
    return false;
  }
  if (out->to < out->from) {
    return cursor->Fail(offset,
                        "the first of dates is after the second; both belong to the window");
  }
  return cursor->Expect(")");
}

}  // namespace

bool IsWindow(const Cursor& cursor) {
  if (!Cursor::Is(cursor.Next(), "(")) return false;
  const Token& name = cursor.Now();
  return Cursor::Is(name, "hours") || Cursor::Is(name, "weekdays") || Cursor::Is(name, "dates");
}

bool ParseWindow(Cursor* cursor, Expression* out) {
  if (Cursor::Is(cursor->Now(), "hours")) return ParseHours(cursor, out);
  if (Cursor::Is(cursor->Now(), "weekdays")) return ParseWeekdays(cursor, out);
  return ParseDates(cursor, out);
}

bool TakeDay(Cursor* cursor, absl::CivilMinute* day) {
  return cursor->TakeParsed("\"2026-12-01\"", "a day of the calendar since 1970", ParseDay, day);
}

}  // namespace fulcrum::rules
