// Any bytes as the end of a log segment: its footer and index are what was written, or there are
// none. The payload alone first, then a whole file behind right checksums, or the fuzzer would
// never get past them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "decision_log/segment_book.h"
#include "tests/fuzz/memory_files.h"

namespace fulcrum::decision_log {
namespace {

void Fuzz(std::string_view bytes) {
  if (const auto footer = DecodeFooter(bytes); footer.ok()) {
    FULCRUM_CHECK(EncodeFooter(*footer) == bytes);
  }
  // The first bytes are a footer's payload, the rest what stands before it.
  std::string payload(bytes.substr(0, kFooterPayloadBytes));
  payload.resize(kFooterPayloadBytes);
  std::string file = EncodeSegmentHeader({});
  file += bytes.substr(std::min(bytes.size(), kFooterPayloadBytes));
  file.resize(PaddedBytes(file.size()));
  file = WithRightChecksums(file);
  RecordHeader header;
  header.type = RecordType::kFooter;
  AppendRecord(header, payload, &file);
  MemoryFiles files;
  files.files["segment"] = file;
  const auto summary = ReadSummary(&files, "segment");
  FULCRUM_CHECK(summary.ok());
  if (!summary->has_value()) return;
  FULCRUM_CHECK(EncodeFooter((*summary)->footer) == payload);
  FULCRUM_CHECK((*summary)->footer.index_offset <= file.size());
}

}  // namespace
}  // namespace fulcrum::decision_log

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fulcrum::decision_log::Fuzz(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
