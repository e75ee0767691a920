// Any bytes give a join or an error; what is read can be folded further and writes bytes that read
// back as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "decision_log/reward_join.h"

using fulcrum::decision_log::RewardChange;
using fulcrum::decision_log::RewardJoin;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 14;
  if (size > kBytesMax) return 0;
  auto read = RewardJoin::Parse({reinterpret_cast<const char*>(data), size});
  if (!read.ok()) return 0;
  const std::string bytes = read->Serialise();
  const auto again = RewardJoin::Parse(bytes);
  FULCRUM_CHECK(again.ok() && again->Serialise() == bytes);

  // The far end of time settles, misses and forgets everything.
  for (const auto& record : read->TakeUnshown(INT64_MAX)) {
    read->Apply(read->lsn() + 1, record, [](const RewardChange&) {});
  }
  fulcrum::DecisionRecord last;
  last.occurred_us = INT64_MAX;
  read->Apply(read->lsn() + 1, last, [](const RewardChange& change) {
    FULCRUM_CHECK(change.position < change.decision->positions.size());
  });
  return 0;
}
