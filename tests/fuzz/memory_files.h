// What the fuzzers of the decision log read: made-up files in memory.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "decision_log/log_format.h"

namespace fulcrum::decision_log {

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

// A few files in memory; nothing can be written but a removal.
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

// Walks `bytes` as a log segment and makes the checksums of its header and of all records right,
// and the chain of checksums with them.
inline std::string WithRightChecksums(std::string bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return bytes;
  const size_t begin = bytes[8] == 1 ? kSegmentHeaderBytesV1 : kSegmentHeaderBytes;
  const auto put = [&](size_t at, uint32_t crc) {
    bytes.replace(at, sizeof(crc), reinterpret_cast<const char*>(&crc), sizeof(crc));
  };
  put(begin - 4, MaskCrc(base::Crc32c(std::string_view(bytes).substr(0, begin - 4))));
  uint32_t previous = 0;
  for (size_t at = begin; at + kRecordHeaderBytes <= bytes.size();) {
    const RecordHeader header = DecodeRecordHeader(std::string_view(bytes).substr(at));
    if (header.payload_bytes > bytes.size()) break;
    const size_t whole = RecordBytes(header.payload_bytes);
    if (at + whole > bytes.size()) break;
    put(at + 12, previous);
    previous = MaskCrc(base::Crc32c(std::string_view(bytes).substr(at + 4, whole - 4)));
    put(at, previous);
    at += whole;
  }
  return bytes;
}

}  // namespace fulcrum::decision_log
