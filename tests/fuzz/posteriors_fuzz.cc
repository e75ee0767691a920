// Any bytes give posteriors or an error; what is read writes the same bytes again, or if they were
// of an older version the same content.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"
#include "scoring/posteriors.h"

using fulcrum::scoring::Posteriors;

// The form that is written has its own version; from then on the bytes stay.
void CheckWrites(const Posteriors& read, std::string_view given) {
  constexpr size_t kVersionAt = 8;
  const std::string written = read.Serialise();
  if (given[kVersionAt] == 4) FULCRUM_CHECK(written == given);
  const auto again = Posteriors::Parse(written);
  FULCRUM_CHECK(again.ok() && again->Serialise() == written);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 14;
  if (size > kBytesMax) return 0;
  const std::string_view given(reinterpret_cast<const char*>(data), size);
  if (const auto read = Posteriors::Parse(given); read.ok()) CheckWrites(*read, given);
  // Behind a right checksum, or the fuzzer would never get past it.
  std::string sealed(given);
  const uint32_t checksum = fulcrum::base::Crc32c(sealed);
  for (int i = 0; i < 4; ++i) sealed.push_back(static_cast<char>(checksum >> (8 * i)));
  if (const auto read = Posteriors::Parse(sealed); read.ok()) CheckWrites(*read, sealed);
  return 0;
}
