// Events and feature snapshots to and from the payloads of `fulcrum.log.v1`.
//
// Encoding is exact: what is decoded equals what was encoded, bit for bit. Payloads come from
// outside: decoding never asserts, DATA_LOSS says what is wrong.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "decision_log/log_format.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

// Whether `event` may be written: texts are UTF-8, ticks sum to 2^32 over the candidates and the
// neutral action, debits name a row and take something. INVALID_ARGUMENT with what is wrong.
absl::Status CheckEvent(const LogEvent& event);
absl::Status CheckSnapshot(const FeatureSnapshot& snapshot);

RecordType TypeOf(const LogEvent& event);

// Keeps its scratch memory from record to record. Not thread-safe.
class RecordEncoder {
 public:
  RecordEncoder();
  ~RecordEncoder();

  // The payload, valid until the next call.
  std::string_view Encode(const LogEvent& event);
  std::string_view Encode(const FeatureSnapshot& snapshot);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

// The shape alone: a legal message of this type, known enum values, ids of the right length. What
// `fulcrum log verify` judges itself, such as the sum of ticks, is not looked at.
absl::StatusOr<LogEvent> DecodeEvent(RecordType type, std::string_view payload);

// The shape, and what CheckEvent asks. After an error `event` holds anything.
absl::StatusOr<LogEvent> ParseEvent(RecordType type, std::string_view payload);
absl::Status ParseEvent(RecordType type, std::string_view payload, LogEvent* event);
absl::StatusOr<FeatureSnapshot> ParseSnapshot(std::string_view payload);

}  // namespace fulcrum::decision_log
