// Any bytes as a high-water mark: what is read from them is in one of their entries, and written
// again it is read again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "decision_log/high_water.h"

namespace fulcrum::decision_log {
namespace {

// The furthest end that may be read: nothing outside of the bytes is taken for one.
bool Holds(std::string_view bytes, const StreamEnd& end) {
  if (end == StreamEnd{}) return true;
  const uint64_t fields[] = {end.segment, end.offset, end.lsn};
  const std::string_view text(reinterpret_cast<const char*>(fields), sizeof(fields));
  return bytes.find(text) != std::string_view::npos;
}

void Fuzz(std::string_view bytes) {
  const HighWater mark = DecodeHighWater(bytes);
  FULCRUM_CHECK(Holds(bytes, mark.decisions) && Holds(bytes, mark.features));
  const std::string entry = EncodeHighWater(mark);
  FULCRUM_CHECK(DecodeHighWater(entry) == mark);
  // One with right checksums, or the fuzzer would never get past them.
  HighWater made;
  if (!bytes.empty()) std::memcpy(&made, bytes.data(), std::min(bytes.size(), sizeof(made)));
  const std::string more = EncodeHighWater(made) + std::string(bytes) + EncodeHighWater(mark);
  const HighWater all = DecodeHighWater(more);
  FULCRUM_CHECK(all.decisions >= made.decisions && all.decisions >= mark.decisions);
  FULCRUM_CHECK(all.features >= made.features && all.features >= mark.features);
}

}  // namespace
}  // namespace fulcrum::decision_log

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fulcrum::decision_log::Fuzz(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
