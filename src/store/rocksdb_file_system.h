// RocksDB's view of base::FileSystem: every durable write and every read of a RocksDB directory
// goes through our narrow file interface, so that one fault-injecting twin serves the log, the
// ledger and the feature store alike. Locks, threads and time stay with RocksDB's own file system,
// hence the directory itself must exist on the machine.
//
// What RocksDB may do and we do not offer (re-opening or recycling write-ahead logs, random
// rewrites, memory mapping, hard links) is answered NotSupported: nothing of it is on by our
// options. Thread-safe.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

#include "absl/status/status.h"
#include "base/file.h"

namespace fulcrum::store {

// `files` must outlive the result.
std::shared_ptr<rocksdb::FileSystem> NewRocksDbFileSystem(base::FileSystem* files);

// How an error of base::FileSystem is told to RocksDB.
rocksdb::IOStatus ToIoStatus(const absl::Status& status);

}  // namespace fulcrum::store
