// Any bytes as the index of a log segment: entries that are written as they were read, or an error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "decision_log/segment_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace decision_log = fulcrum::decision_log;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<decision_log::IndexEntry> entries;
  if (!decision_log::DecodeIndex(bytes, &entries).ok()) return 0;
  std::string written;
  for (const std::string& payload : decision_log::EncodeIndex(entries)) written += payload;
  FULCRUM_CHECK(written == bytes);
  const fulcrum::DecisionId id(size, bytes.empty() ? 0 : data[0]);
  for (const decision_log::IndexEntry& entry : entries) {
    FULCRUM_CHECK(!entry.ids.words().empty() || !entry.ids.MayHold(id));
  }
  return 0;
}
