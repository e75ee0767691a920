// Any bytes as the manifest of a quarantined log segment, and as the audit record in it: what is
// read is written as it was, or there is an error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "decision_log/quarantine.h"
#include "decision_log/record_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace decision_log = fulcrum::decision_log;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  FULCRUM_CHECK(!decision_log::DecodeManifest(bytes).ok() || size % 8 == 0);
  // Behind the checksum, which bytes by chance do not pass.
  const auto event = decision_log::ParseEvent(decision_log::RecordType::kAudit, bytes);
  if (!event.ok()) return 0;
  const auto read = decision_log::QuarantineOf(std::get<fulcrum::AuditRecord>(*event));
  if (!read.ok()) return 0;
  FULCRUM_CHECK(read->first <= read->last && read->known <= read->last);
  const auto again = decision_log::DecodeManifest(decision_log::EncodeManifest(*read));
  FULCRUM_CHECK(again.ok() && *again == *read);
  return 0;
}
