#include "store/wal_tail.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::store {
namespace {

// The format: 32 KiB blocks of fragments {masked CRC-32C of type and data, length, type, data};
// less room than a header at the end of a block is zeroes.
constexpr uint64_t kBlockBytes = 32 << 10;
constexpr uint64_t kHeaderBytes = 7;
constexpr uint64_t kLogBytesMax = uint64_t{1} << 30;

enum FragmentType : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Fragment {
  uint8_t type = 0;
  uint64_t end = 0;  // of its data, in the log
};

uint64_t BlockEnd(std::string_view log, uint64_t at) {
  return std::min<uint64_t>(log.size(), (at / kBlockBytes + 1) * kBlockBytes);
}

uint32_t LittleEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return value;
}

uint32_t Unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8U;
  return rotated >> 17 | rotated << 15;
}

// The intact fragment at `at`, if there is one.
std::optional<Fragment> FragmentAt(std::string_view log, uint64_t at) {
  const uint64_t block_end = BlockEnd(log, at);
  if (at + kHeaderBytes > block_end) return std::nullopt;
  Fragment fragment;
  fragment.type = static_cast<uint8_t>(log[at + 6]);
  if (fragment.type < kFull || fragment.type > kLast) return std::nullopt;
  const uint64_t length = LittleEndian(log.substr(at + 4, 2));
  fragment.end = at + kHeaderBytes + length;
  if (fragment.end > block_end) return std::nullopt;
  const uint32_t crc = base::Crc32c(log.substr(at + 6, 1 + length));
  if (crc != Unmask(LittleEndian(log.substr(at, 4)))) return std::nullopt;
  return fragment;
}

// Past the zeroes at the end of a block, if `at` is in them.
uint64_t SkipTrailer(std::string_view log, uint64_t at) {
  const uint64_t left = kBlockBytes - at % kBlockBytes;
  return left < kHeaderBytes ? std::min<uint64_t>(log.size(), at + left) : at;
}

// Whether an intact record begins anywhere behind `at`. Where damage hides the borders of fragments
// every offset is tried: a checksum does not fit by chance.
bool RecordBeginsAfter(std::string_view log, uint64_t at) {
  while (at < log.size()) {
    const std::optional<Fragment> fragment = FragmentAt(log, at);
    if (!fragment.has_value()) {
      ++at;
      continue;
    }
    if (fragment->type == kFull || fragment->type == kFirst) return true;
    at = fragment->end;
  }
  return false;
}

uint64_t LogNumber(const std::string& name) {
  uint64_t number = 0;
  for (const char digit : name) {
    if (digit < '0' || digit > '9') break;
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  return number;
}

// The newest log's name, or empty.
absl::StatusOr<std::string> NewestLog(base::FileSystem* files, const std::string& directory) {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(directory));
  std::string newest;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".log")) continue;
    if (newest.empty() || LogNumber(name) > LogNumber(newest)) newest = name;
  }
  return newest;
}

}  // namespace

std::optional<uint64_t> FindTornTail(std::string_view log) {
  uint64_t at = 0;
  uint64_t record_start = 0;
  bool within_record = false;
  while ((at = SkipTrailer(log, at)) < log.size()) {
    const std::optional<Fragment> fragment = FragmentAt(log, at);
    const bool begins =
        fragment.has_value() && (fragment->type == kFull || fragment->type == kFirst);
    if (!within_record) record_start = at;
    // A fragment out of turn is damage too: what belongs before it was lost.
    if (!fragment.has_value() || begins == within_record) {
      const bool in_the_middle = begins || RecordBeginsAfter(log, at + 1);
      return in_the_middle ? std::nullopt : std::optional<uint64_t>(record_start);
    }
    within_record = fragment->type == kFirst || fragment->type == kMiddle;
    at = fragment->end;
  }
  return within_record ? std::optional<uint64_t>(record_start) : std::nullopt;
}

absl::StatusOr<uint64_t> DropTornTail(base::FileSystem* files, const std::string& directory) {
  // RocksDB's own lock: a log that is being written always looks torn.
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::FileLock> lock,
                           files->Lock(directory + "/LOCK"));
  FULCRUM_ASSIGN_OR_RETURN(const std::string name, NewestLog(files, directory));
  if (name.empty()) return 0;
  const std::string path = directory + "/" + name;
  FULCRUM_ASSIGN_OR_RETURN(const std::string log, base::ReadWholeFile(files, path, kLogBytesMax));
  const std::optional<uint64_t> torn = FindTornTail(log);
  if (!torn.has_value()) return 0;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::AppendFile> file,
                           files->OpenForAppend(path, base::OpenMode::kAppend));
  FULCRUM_RETURN_IF_ERROR(file->Truncate(*torn));
  FULCRUM_RETURN_IF_ERROR(file->Sync());
  return log.size() - *torn;
}

}  // namespace fulcrum::store
