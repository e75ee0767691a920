// What a decision log holds, in numbers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::apps {

// One of the log's two streams.
struct StreamSummary {
  uint64_t segments = 0;
  uint64_t file_bytes = 0;  // as reserved
  uint64_t records = 0;
  uint64_t payload_bytes = 0;  // before compression
  uint64_t stored_bytes = 0;   // of the same payloads
  Lsn first_lsn = 0;           // 0 if there are no records, like what follows
  Lsn last_lsn = 0;
  int64_t first_us = 0;  // least and greatest time of appending
  int64_t last_us = 0;
};

struct LogSummary {
  StreamSummary decisions;
  StreamSummary features;
  std::map<std::string, uint64_t> by_type;  // of the decisions stream
  std::map<std::string, uint64_t> by_surface;
  std::map<std::string, uint64_t> by_degradation;
  std::map<std::string, uint64_t> by_detail;        // what became of a decision's detail
  std::map<std::string, uint64_t> by_masking_rule;  // decisions that a rule changed
  std::vector<std::string> quarantined;             // known gaps
  uint64_t damaged = 0;  // places that could not be read, a torn tail included
};

// Reads the whole log once, at flat memory. NOT_FOUND if there is none in `directory`.
absl::StatusOr<LogSummary> SummarizeLog(const std::string& directory);

std::string ToText(const LogSummary& summary);  // without a newline at the end
std::string ToJson(const LogSummary& summary);

}  // namespace fulcrum::apps
