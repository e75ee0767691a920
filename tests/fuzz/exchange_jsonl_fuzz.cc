// A line of a JSONL export -> a record of the log, or what is wrong with the line.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "decision_log/record_codec.h"
#include "exchange/json_lines.h"
#include "tests/fuzz/imported_records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 14;
  if (size > kBytesMax) return 0;
  namespace exchange = fulcrum::exchange;
  namespace decision_log = fulcrum::decision_log;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto record = exchange::FromJsonLine(line);
  if (!record.ok()) {
    FULCRUM_CHECK(absl::IsInvalidArgument(record.status()) && !record.status().message().empty());
    return 0;
  }
  // A number of two characters, with its comma, may become ten bytes.
  FULCRUM_CHECK(record->payload.size() <= 8 * size);
  if (record->stream == decision_log::Stream::kFeatures) {
    FULCRUM_CHECK(decision_log::ParseSnapshot(record->payload).ok());
  } else {
    FULCRUM_CHECK(decision_log::ParseEvent(record->type, record->payload).ok());
  }
  fulcrum::testing::CheckExports(*record);
  return 0;
}
