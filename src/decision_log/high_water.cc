#include "decision_log/high_water.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "base/status_macros.h"

namespace fulcrum::decision_log {
namespace {

constexpr char kMagic[4] = {'F', 'H', 'W', '1'};

// Places of an entry's fields: magic, checksum of what follows it, the two ends, zeros.
constexpr size_t kAtCrc = 4;
constexpr size_t kAtDecisions = 8;
constexpr size_t kEndBytes = 3 * sizeof(uint64_t);
constexpr size_t kAtFeatures = kAtDecisions + kEndBytes;
static_assert(kAtFeatures + kEndBytes <= kHighWaterEntryBytes);

void PutEnd(const StreamEnd& end, char* bytes) {
  const uint64_t fields[] = {end.segment, end.offset, end.lsn};
  static_assert(sizeof(fields) == kEndBytes);
  std::memcpy(bytes, fields, kEndBytes);
}

StreamEnd GetEnd(const char* bytes) {
  uint64_t fields[3];
  std::memcpy(fields, bytes, kEndBytes);
  return {fields[0], fields[1], fields[2]};
}

uint32_t CrcOf(std::string_view entry) {
  return MaskCrc(base::Crc32c(entry.substr(kAtDecisions)));
}

}  // namespace

std::string EncodeHighWater(const HighWater& mark) {
  std::string entry(kHighWaterEntryBytes, '\0');
  std::memcpy(entry.data(), kMagic, sizeof(kMagic));
  PutEnd(mark.decisions, entry.data() + kAtDecisions);
  PutEnd(mark.features, entry.data() + kAtFeatures);
  const uint32_t crc = CrcOf(entry);
  std::memcpy(entry.data() + kAtCrc, &crc, sizeof(crc));
  return entry;
}

HighWater DecodeHighWater(std::string_view bytes) {
  HighWater furthest;
  for (; bytes.size() >= kHighWaterEntryBytes; bytes.remove_prefix(kHighWaterEntryBytes)) {
    const std::string_view entry = bytes.substr(0, kHighWaterEntryBytes);
    uint32_t crc = 0;
    std::memcpy(&crc, entry.data() + kAtCrc, sizeof(crc));
    if (!entry.starts_with(std::string_view(kMagic, sizeof(kMagic))) || crc != CrcOf(entry)) {
      continue;
    }
    furthest.decisions = std::max(furthest.decisions, GetEnd(entry.data() + kAtDecisions));
    furthest.features = std::max(furthest.features, GetEnd(entry.data() + kAtFeatures));
  }
  return furthest;
}

absl::StatusOr<HighWater> ReadHighWater(base::FileSystem* files, const std::string& directory) {
  const std::string path = directory + "/" + kHighWaterName;
  const absl::StatusOr<std::unique_ptr<base::ReadFile>> file = files->OpenForRead(path);
  if (absl::IsNotFound(file.status())) return HighWater{};
  FULCRUM_RETURN_IF_ERROR(file.status());
  std::string bytes(kHighWaterFileBytesMax, '\0');
  FULCRUM_ASSIGN_OR_RETURN(const size_t got, (*file)->Read(0, bytes.size(), bytes.data()));
  return DecodeHighWater(std::string_view(bytes).substr(0, got));
}

HighWaterMark::HighWaterMark(base::FileSystem* files, const std::string& directory,
                             Ballast* ballast)
    : files_(files), path_(directory + "/" + kHighWaterName), ballast_(ballast) {}

absl::Status HighWaterMark::Raise(Stream stream, const StreamEnd& end) {
  const base::MutexLock lock(&mutex_);
  StreamEnd* const known = stream == Stream::kDecisions ? &mark_.decisions : &mark_.features;
  if (end <= *known) return absl::OkStatus();
  *known = end;
  return file_ == nullptr ? absl::OkStatus() : Write();
}

absl::Status HighWaterMark::Begin() {
  const base::MutexLock lock(&mutex_);
  FULCRUM_ASSIGN_OR_RETURN(file_, files_->OpenForAppend(path_, base::OpenMode::kTruncate));
  FULCRUM_RETURN_IF_ERROR(Write());
  return file_->Sync();
}

absl::Status HighWaterMark::Write() {
  if (file_->size() + kHighWaterEntryBytes > kHighWaterFileBytesMax) {
    FULCRUM_RETURN_IF_ERROR(file_->Truncate(0));
  }
  return AppendMakingRoom(file_.get(), EncodeHighWater(mark_), ballast_);
}

}  // namespace fulcrum::decision_log
