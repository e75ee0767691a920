// The torn end of a RocksDB write-ahead log. When the power goes during a write, the last record
// may be damaged although its length is right. RocksDB's tail-tolerant recovery accepts a record
// that is cut, but refuses one whose checksum is wrong, which is the commoner case on a real disk.
// This cuts such a record off beforehand, and only it: if a whole record begins after the damage,
// that damage lies in the middle and the log is left as it is, for RocksDB to refuse.
//
// So it tells a torn end from a damaged middle only if every write is synced before the next one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/file.h"

namespace fulcrum::store {

// Where the torn record begins; nullopt if `log` is whole or is damaged in the middle. A record
// that is merely cut counts as torn.
std::optional<uint64_t> FindTornTail(std::string_view log);

// Cuts the torn end off the newest log in `directory`; returns how many bytes went.
// FAILED_PRECONDITION if another process has the database open. Call before the database is opened.
absl::StatusOr<uint64_t> DropTornTail(base::FileSystem* files, const std::string& directory);

}  // namespace fulcrum::store
