// Any bytes give charges or an error; what is read gives back no more than was taken and writes
// bytes that read back as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "decision_log/charges.h"

using fulcrum::decision_log::Charges;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 14;
  if (size > kBytesMax) return 0;
  auto read = Charges::Parse({reinterpret_cast<const char*>(data), size});
  if (!read.ok()) return 0;
  const std::string bytes = read->Serialise();
  const auto again = Charges::Parse(bytes);
  FULCRUM_CHECK(again.ok() && again->Serialise() == bytes);

  // The far end of time settles and forgets everything that does not wait for an exposure.
  for (const auto& record : read->TakeDue(INT64_MAX)) {
    for (const auto& refund : record.refunds) FULCRUM_CHECK(refund.amount > 0);
    read->Apply(read->lsn() + 1, record);
  }
  fulcrum::DecisionRecord last;
  last.occurred_us = INT64_MAX;
  read->Apply(read->lsn() + 1, last);
  return 0;
}
