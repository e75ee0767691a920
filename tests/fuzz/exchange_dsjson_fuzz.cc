// A line of Vowpal Wabbit's dsjson -> a decision and its outcome, or what is wrong with the line.
#include <cstddef>
#include <cstdint>

#include "exchange/dsjson.h"
#include "tests/fuzz/imported_records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return fulcrum::testing::CheckLine(fulcrum::exchange::FromDsjson, data, size);
}
