// Stored rows and salts: any bytes are refused or canonical, never an assertion.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "features/row_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace features = fulcrum::features;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto row = features::DecodeRow(bytes); row.ok()) {
    FULCRUM_CHECK(features::EncodeRow(*row).value() == bytes);
    FULCRUM_CHECK(features::DecodeRowHeader(bytes).value().event_time_us == row->event_time_us);
  }
  if (auto salt = features::DecodeSalt(bytes); salt.ok()) {
    FULCRUM_CHECK(features::EncodeSalt(*salt) == bytes);
  }
  return 0;
}
