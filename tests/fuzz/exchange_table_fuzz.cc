// A table -> a decision and its outcome for each row, or what is wrong with the row. The input's
// first byte chooses the columns: those of the Open Bandit Dataset, or the plain ones.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "base/check.h"
#include "exchange/table.h"
#include "tests/fuzz/imported_records.h"
#include "tests/fuzz/memory_files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 14;
  if (size == 0 || size > kBytesMax) return 0;
  namespace exchange = fulcrum::exchange;
  fulcrum::decision_log::MemoryFiles files;
  files.files["/table"] = std::string(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto columns =
      data[0] == 'o' ? exchange::OpenBanditColumns() : exchange::TableColumns{.time = "time"};
  const auto reader = exchange::TableReader::Open(&files, "/table", columns);
  if (!reader.ok()) {
    FULCRUM_CHECK(reader.status().message().substr(0, 6) == "/table");
    return 0;
  }
  uint64_t line = 1;
  int64_t last_us = std::numeric_limits<int64_t>::min();
  for (;;) {
    const auto more = (*reader)->Next();
    if (!more.ok() || !*more) return 0;
    FULCRUM_CHECK((*reader)->line() > line);
    line = (*reader)->line();
    const auto records = (*reader)->Records();
    if (!records.ok()) {
      FULCRUM_CHECK(absl::IsInvalidArgument(records.status()));
      continue;
    }
    fulcrum::testing::CheckChoice(*records, size);
    FULCRUM_CHECK(records->front().time_us >= last_us);  // the log's order is that of its times
    last_us = records->front().time_us;
  }
}
