#include "exchange/dsjson.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/csv.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "exchange/logged_choice.h"

namespace fulcrum::exchange {
namespace {

using rapidjson::Value;

const Value* Find(const Value& object, const char* name) {
  const auto member = object.FindMember(name);
  return member == object.MemberEnd() ? nullptr : &member->value;
}

// Numbers are texts here, too.
std::string_view Text(const Value& object, const char* name) {
  const Value* const value = Find(object, name);
  if (value == nullptr || !value->IsString()) return {};
  return {value->GetString(), value->GetStringLength()};
}

absl::StatusOr<double> Number(const Value& object, const char* name) {
  double number = 0;
  if (base::ParseFiniteDouble(Text(object, name), &number)) return number;
  return absl::InvalidArgumentError(absl::StrCat("there is no number '", name, "'"));
}

// The action's number from 1: by its name, or by the index from 0 that some writers give alone.
absl::StatusOr<std::string> Action(const Value& object) {
  for (const auto& [name, first] : {std::pair("_label_Action", 1), std::pair("_labelIndex", 0)}) {
    if (Find(object, name) == nullptr) continue;
    uint32_t number = 0;
    if (!absl::SimpleAtoi(base::ToAbsl(Text(object, name)), &number) ||
        number < static_cast<uint32_t>(first)) {
      return absl::InvalidArgumentError(absl::StrCat("'", name, "' is no number from ", first));
    }
    return absl::StrCat(uint64_t{number} + (first == 0 ? 1 : 0));
  }
  return absl::InvalidArgumentError("there is neither '_label_Action' nor '_labelIndex'");
}

absl::StatusOr<std::optional<int64_t>> Occurred(const Value& object) {
  if (Find(object, "Timestamp") == nullptr) return std::nullopt;
  const std::string text(Text(object, "Timestamp"));
  absl::Time time;
  std::string ignored;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &ignored)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'Timestamp' is no time like 2026-01-31T23:59:59Z: '", text, "'"));
  }
  return absl::ToUnixMicros(time);
}

}  // namespace

absl::StatusOr<std::vector<LogRecord>> FromDsjson(std::string_view text, uint64_t line) {
  rapidjson::Document document;
  // Iterative: the depth of what comes from outside must not be the stack's. Numbers as texts: the
  // library's own exact reading of them looks behind its table of powers for some.
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag>(
      text.data(), text.size());
  if (document.HasParseError()) {
    return absl::InvalidArgumentError(
        absl::StrCat("column ", document.GetErrorOffset() + 1, ": ",
                     rapidjson::GetParseError_En(document.GetParseError())));
  }
  if (!document.IsObject()) return absl::InvalidArgumentError("the line is no JSON object");
  FULCRUM_ASSIGN_OR_RETURN(const double cost, Number(document, "_label_cost"));
  FULCRUM_ASSIGN_OR_RETURN(const double probability, Number(document, "_label_probability"));
  FULCRUM_ASSIGN_OR_RETURN(const std::string action, Action(document));
  FULCRUM_ASSIGN_OR_RETURN(const std::optional<int64_t> occurred_us, Occurred(document));
  return RecordsOf({.line = line,
                    .occurred_us = occurred_us,
                    .surface = "vw",
                    .action = action,
                    .request_id = Text(document, "EventId"),
                    .probability = probability,
                    .reward = 0 - cost});
}

}  // namespace fulcrum::exchange
