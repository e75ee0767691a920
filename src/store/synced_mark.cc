#include "store/synced_mark.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status_macros.h"

namespace fulcrum::store {
namespace {

constexpr size_t kNumberBytes = 8;
constexpr size_t kRecordBytes = kNumberBytes + 4;
constexpr uint64_t kFileBytesMax = uint64_t{1} << 30;

void AppendLittleEndian(std::string* out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    out->push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  }
}

uint64_t LittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

std::string RecordOf(uint64_t number) {
  std::string record;
  AppendLittleEndian(&record, number, kNumberBytes);
  AppendLittleEndian(&record, base::Crc32c(record), kRecordBytes - kNumberBytes);
  return record;
}

}  // namespace

absl::StatusOr<std::optional<uint64_t>> SyncedMark::Read(base::FileSystem* files,
                                                         const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(path));
  if (!exists) return std::optional<uint64_t>();
  FULCRUM_ASSIGN_OR_RETURN(const std::string text, base::ReadWholeFile(files, path, kFileBytesMax));
  const std::string_view bytes = text;
  std::optional<uint64_t> highest;
  // A torn record was never relied upon, wherever it is.
  for (size_t at = 0; at + kRecordBytes <= bytes.size(); at += kRecordBytes) {
    const std::string_view number = bytes.substr(at, kNumberBytes);
    const std::string_view checksum = bytes.substr(at + kNumberBytes, kRecordBytes - kNumberBytes);
    if (LittleEndian(checksum) != base::Crc32c(number)) continue;
    highest = std::max(highest.value_or(0), LittleEndian(number));
  }
  if (!highest) {
    return absl::DataLossError(absl::StrCat(
        path, " is damaged; check the disk, then restore the directory from a backup"));
  }
  return highest;
}

absl::StatusOr<std::unique_ptr<SyncedMark>> SyncedMark::Create(base::FileSystem* files,
                                                               const std::string& path,
                                                               uint64_t number) {
  FULCRUM_RETURN_IF_ERROR(base::WriteFileAtomically(files, path, RecordOf(number)));
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<base::AppendFile> file,
                           files->OpenForAppend(path, base::OpenMode::kAppend));
  return std::unique_ptr<SyncedMark>(new SyncedMark(std::move(file)));
}

absl::Status SyncedMark::Raise(uint64_t number) {
  if (health_.ok()) health_ = file_->Append(RecordOf(number));
  if (health_.ok()) health_ = file_->Sync();
  return health_;
}

}  // namespace fulcrum::store
