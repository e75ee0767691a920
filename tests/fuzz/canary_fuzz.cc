// A planted crash that a working fuzzer finds within seconds: if this one survives, the others
// prove nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 4 && data[0] == 'F' && data[1] == 'U' && data[2] == 'L' && data[3] == 'C') abort();
  return 0;
}
