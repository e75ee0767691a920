// Any bytes as the files of a log: the readers, the verifier and the repair may refuse, never stop
// the process. The first byte tells where the decisions segment ends and the features segment
// begins.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/check.h"
#include "decision_log/record_codec.h"
#include "decision_log/repair.h"
#include "decision_log/verify.h"

namespace fulcrum::decision_log {
namespace {

class MemoryFile final : public base::ReadFile {
 public:
  explicit MemoryFile(std::string_view bytes) : bytes_(bytes) {}
  absl::StatusOr<size_t> Read(uint64_t offset, size_t length, char* buffer) const override {
    if (offset >= bytes_.size()) return size_t{0};
    return bytes_.copy(buffer, length, offset);
  }
  absl::StatusOr<uint64_t> Size() const override { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

// Two segments in memory; nothing can be written but a removal.
class MemoryFiles final : public base::FileSystem {
 public:
  std::map<std::string, std::string> files;

  absl::StatusOr<std::unique_ptr<base::AppendFile>> OpenForAppend(const std::string&,
                                                                  base::OpenMode) override {
    return absl::PermissionDeniedError("read only");
  }
  absl::StatusOr<std::unique_ptr<base::ReadFile>> OpenForRead(const std::string& path) override {
    const auto file = files.find(path);
    if (file == files.end()) return absl::NotFoundError(path);
    return std::make_unique<MemoryFile>(file->second);
  }
  absl::Status Rename(const std::string&, const std::string&) override {
    return absl::PermissionDeniedError("read only");
  }
  absl::Status Remove(const std::string& path) override {
    files.erase(path);
    return absl::OkStatus();
  }
  absl::Status CreateDirectories(const std::string&) override { return absl::OkStatus(); }
  absl::Status SyncDirectory(const std::string&) override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    std::vector<std::string> names;
    for (const auto& [path, bytes] : files) {
      if (path.starts_with(directory + "/")) names.push_back(path.substr(directory.size() + 1));
    }
    return names;
  }
  absl::StatusOr<bool> Exists(const std::string&) override { return true; }
  absl::StatusOr<std::unique_ptr<base::FileLock>> Lock(const std::string&) override {
    return absl::PermissionDeniedError("read only");
  }
};

void Fuzz(std::string_view data) {
  if (data.empty()) return;
  const size_t cut = (data.size() - 1) * static_cast<unsigned char>(data[0]) / 255;
  MemoryFiles files;
  files.files["log/decisions/" + SegmentName(1)] = data.substr(1, cut);
  files.files["log/features/" + SegmentName(1)] = data.substr(1 + cut);
  const auto report = VerifyLog(&files, "log");
  FULCRUM_CHECK(report.ok() || absl::IsUnimplemented(report.status()));
  for (const RecordType type : {RecordType::kDecision, RecordType::kExposure, RecordType::kOutcome,
                                RecordType::kSuperseded}) {
    const absl::StatusOr<LogEvent> event = ParseEvent(type, data);
    if (!event.ok()) continue;
    RecordEncoder encoder;
    const absl::StatusOr<LogEvent> again = ParseEvent(type, encoder.Encode(*event));
    FULCRUM_CHECK(again.ok());  // what was read can be written and read again
  }
  ParseSnapshot(data).IgnoreError();
  FindTail(&files, "log", Stream::kDecisions).IgnoreError();
  FindTail(&files, "log", Stream::kFeatures).IgnoreError();
}

}  // namespace
}  // namespace fulcrum::decision_log

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fulcrum::decision_log::Fuzz(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
