// Records of a decision log as lines of JSON and back, without loss: what comes back has the same
// payload, byte for byte. The format: docs/exchange.md.
//
// Safe from any thread. Lines come from outside: parsing never asserts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "decision_log/log_format.h"

namespace fulcrum::exchange {

// Of a line. A longer one is refused; ToJsonLine() writes none.
inline constexpr size_t kLineBytesMax = size_t{16} << 20;

struct LogRecord {
  decision_log::Stream stream = decision_log::Stream::kDecisions;
  decision_log::RecordType type = decision_log::RecordType::kDecision;
  Lsn lsn = 0;
  int64_t time_us = 0;
  std::string payload;

  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

// One object, without a newline. INVALID_ARGUMENT if the payload is none of its type.
absl::StatusOr<std::string> ToJsonLine(const LogRecord& record);

// INVALID_ARGUMENT with what is wrong with the line.
absl::StatusOr<LogRecord> FromJsonLine(std::string_view line);

}  // namespace fulcrum::exchange
