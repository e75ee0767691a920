// Any bytes give a target whose probabilities sum to 1 at each position that it has, or an error.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"
#include "evaluation/target.h"
#include "tests/fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 14;
  if (size > kBytesMax) return 0;
  fulcrum::evaluation::ActionTable actions;
  const auto target = fulcrum::evaluation::Target::ReadCsv(
      std::make_unique<fulcrum::testing::InputFile>(data, size), "input", &actions);
  if (!target.ok()) {
    FULCRUM_CHECK(!target.status().message().empty());
    return 0;
  }
  FULCRUM_CHECK(!target->table().empty());
  for (const std::vector<double>& at_position : target->table()) {
    FULCRUM_CHECK(at_position.size() <= actions.size());
    double sum = 0;
    for (const double probability : at_position) {
      FULCRUM_CHECK(probability >= 0);
      sum += probability;
    }
    FULCRUM_CHECK(at_position.empty() || std::abs(sum - 1) < 2e-6);
  }
  return 0;
}
