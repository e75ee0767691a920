// Diagnostics for people, on standard error: one line per event, as `time level event key=value`.
// Never a user id, never per request: the decision log is for that. Thread-safe.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace fulcrum::telemetry {

using Field = std::pair<std::string_view, std::string>;

void Info(std::string_view event, std::initializer_list<Field> fields = {});
void Warn(std::string_view event, std::initializer_list<Field> fields = {});
void Error(std::string_view event, std::initializer_list<Field> fields = {});

// For events that a request can cause: at most ten lines a second, the rest is counted and the
// count told with the next line.
void WarnLimited(std::string_view event, std::initializer_list<Field> fields = {});

}  // namespace fulcrum::telemetry
