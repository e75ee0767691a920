// A metrics page from outside: read as a whole or refused with a line.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "telemetry/exposition.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto values =
      fulcrum::telemetry::ReadExposition({reinterpret_cast<const char*>(data), size});
  if (!values.ok()) return 0;
  FULCRUM_CHECK(values->size() <= size);
  for (const fulcrum::telemetry::SeriesValue& one : *values) FULCRUM_CHECK(!one.name.empty());
  return 0;
}
