// A line of Vowpal Wabbit's text -> a decision and its outcome, or what is wrong with the line.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "exchange/vw_text.h"
#include "tests/fuzz/imported_records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 14;
  if (size > kBytesMax) return 0;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto records = fulcrum::exchange::FromVwText(line, /*line=*/7);
  if (records.ok()) {
    fulcrum::testing::CheckChoice(*records, size);
  } else {
    FULCRUM_CHECK(absl::IsInvalidArgument(records.status()));
    FULCRUM_CHECK(!records.status().message().empty());
  }
  return 0;
}
