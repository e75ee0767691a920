// What every importer promises of the records that it makes of a line or a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "decision_log/record_codec.h"
#include "exchange/json_lines.h"

namespace fulcrum::testing {

// What is accepted can be exported, and comes back with the same bytes.
inline void CheckExports(const exchange::LogRecord& record) {
  const auto line = exchange::ToJsonLine(record);
  FULCRUM_CHECK(line.ok() && line->find('\n') == std::string::npos);
  const auto again = exchange::FromJsonLine(*line);
  FULCRUM_CHECK(again.ok() && *again == record);
}

// A decision of which the drawn action is known, and its reward.
inline void CheckChoice(const std::vector<exchange::LogRecord>& records, size_t input_bytes) {
  FULCRUM_CHECK(records.size() == 2);
  std::vector<LogEvent> events;
  for (const exchange::LogRecord& record : records) {
    FULCRUM_CHECK(record.stream == decision_log::Stream::kDecisions);
    FULCRUM_CHECK(record.payload.size() <= input_bytes + 1024);
    auto event = decision_log::ParseEvent(record.type, record.payload);
    FULCRUM_CHECK(event.ok());
    events.push_back(*std::move(event));
    CheckExports(record);
  }
  const auto& decision = std::get<DecisionRecord>(events[0]);
  const auto& outcome = std::get<OutcomeRecord>(events[1]);
  FULCRUM_CHECK(decision.id == outcome.decision_id && decision.positions.size() == 1);
  FULCRUM_CHECK(decision.detail == Detail::kUnknown);
  const Ticks drawn = DrawnTicks(decision, decision.positions[0]);
  FULCRUM_CHECK(drawn >= 1 && drawn <= kTicksTotal);
}

// Whatever a line is, `parse` makes a decision and its reward of it, or says what is wrong with it.
template <typename Parse>
int CheckLine(const Parse& parse, const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 14;
  if (size > kBytesMax) return 0;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto records = parse(line, /*line=*/7);
  if (records.ok()) {
    CheckChoice(*records, size);
  } else {
    FULCRUM_CHECK(absl::IsInvalidArgument(records.status()));
    FULCRUM_CHECK(!records.status().message().empty());
  }
  return 0;
}

}  // namespace fulcrum::testing
