// Any bytes as the files of a log: the readers, the verifier and the repair may refuse, never stop
// the process. The first byte tells where the decisions segment ends and the features segment
// begins.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "decision_log/record_codec.h"
#include "decision_log/repair.h"
#include "decision_log/verify.h"
#include "tests/fuzz/memory_files.h"

namespace fulcrum::decision_log {
namespace {

bool IsAnswer(const absl::Status& status) {
  return status.ok() || absl::IsUnimplemented(status);
}

// Removes a segment that was only just begun, as recovery does.
void FindTails(MemoryFiles* files) {
  for (const Stream stream : {Stream::kDecisions, Stream::kFeatures}) {
    std::unique_ptr<SegmentBook> book;
    FindTail(files, "log", stream, &book).IgnoreError();
  }
}

void Fuzz(std::string_view data) {
  if (data.empty()) return;
  const size_t cut = (data.size() - 1) * static_cast<unsigned char>(data[0]) / 255;
  MemoryFiles files;
  files.files["log/decisions/" + SegmentName(1)] = data.substr(1, cut);
  files.files["log/features/" + SegmentName(1)] = data.substr(1 + cut);
  FULCRUM_CHECK(IsAnswer(VerifyLog(&files, "log").status()));
  for (const RecordType type : {RecordType::kDecision, RecordType::kExposure, RecordType::kOutcome,
                                RecordType::kSuperseded}) {
    const absl::StatusOr<LogEvent> event = ParseEvent(type, data);
    if (!event.ok()) continue;
    RecordEncoder encoder;
    const absl::StatusOr<LogEvent> again = ParseEvent(type, encoder.Encode(*event));
    FULCRUM_CHECK(again.ok());  // what was read can be written and read again
  }
  ParseSnapshot(data).IgnoreError();
  FindTails(&files);
  // Once more behind right checksums, or the fuzzer would rarely get past them.
  for (auto& [path, bytes] : files.files) bytes = WithRightChecksums(bytes);
  FULCRUM_CHECK(IsAnswer(VerifyLog(&files, "log").status()));
  FindTails(&files);
}

}  // namespace
}  // namespace fulcrum::decision_log

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fulcrum::decision_log::Fuzz(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
