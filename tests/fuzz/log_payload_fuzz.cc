// Any bytes as a compressed payload, with and without a dictionary: a payload of a legal size, or
// an error. What is compressed comes back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "decision_log/compression.h"
#include "decision_log/log_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace decision_log = fulcrum::decision_log;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t cut = size == 0 ? 0 : data[0] * size / 256;
  const std::string_view dictionary = bytes.substr(0, cut);
  const std::string_view payload = bytes.substr(cut);
  decision_log::PayloadDecompressor decompressor;
  const bool usable = decompressor.SetDictionary(dictionary).ok();
  for (uint8_t flags = 0; flags < 4; ++flags) {
    const auto read = decompressor.Decompress(payload, flags);
    if (read.ok()) FULCRUM_CHECK(read->size() <= decision_log::kPayloadBytesMax || flags == 0);
  }
  if (!usable || size > decision_log::kPayloadBytesMax) return 0;
  decision_log::PayloadCompressor compressor;
  compressor.SetDictionary(dictionary);
  uint8_t flags = 0;
  const std::string stored(compressor.Compress(payload, &flags));
  const auto again = decompressor.Decompress(stored, flags);
  FULCRUM_CHECK(again.ok() && *again == payload);
  return 0;
}
