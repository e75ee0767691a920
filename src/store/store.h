// A RocksDB database opened the way Fulcrum needs it: all bytes through base::FileSystem, bloom
// filters and indexes pinned in the block cache, background work kept small, and errors as
// absl::Status that name the directory and the remedy.
//
// Its write-ahead log is recovered to a point in time: replay stops at the first damage, so what is
// there is a consistent, maybe older state. Who cannot afford an older one must be able to tell
// (store/synced_mark.h).
//
// Thread-safe. One process owns a directory at a time.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/slice.h>
#include <rocksdb/write_batch.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"

namespace fulcrum::store {

struct StoreOptions {
  std::string directory;  // made if absent
  base::FileSystem* files = nullptr;
  std::vector<std::string> families;  // column families; made if absent, addressed by their index
  size_t block_cache_bytes = 64 << 20;
  size_t write_buffer_bytes = 16 << 20;  // per family, before a flush
  // Only looked at, as it is now; another process may own it. Nothing is made.
  bool read_only = false;
  // What an operator does about a damaged directory; ends the message of DATA_LOSS.
  std::string damage_remedy = "restore the directory from a backup";
  // RocksDB's own warnings and errors, from any thread. Optional.
  std::function<void(std::string_view)> on_warning;
};

enum class ReadTier : uint8_t { kMemory, kDisk };
enum class Sync : uint8_t { kNo, kYes };

class Store {
 public:
  // FAILED_PRECONDITION: another process has it open, or it was written by a newer version.
  // NOT_FOUND: there is none, if `read_only`.
  // DATA_LOSS: it is damaged outside of the write-ahead log.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Whether `key` is there; its value in `value`. UNAVAILABLE if `tier` is kMemory and only a disk
  // read could tell.
  absl::StatusOr<bool> Get(size_t family, std::string_view key, ReadTier tier,
                           rocksdb::PinnableSlice* value) const;

  // All of `batch` or nothing. kYes returns once it survives power loss. Concurrent calls share one
  // write and one sync.
  absl::Status Write(rocksdb::WriteBatch* batch, Sync sync);

  // Memory to disk; and for CompactAll every row to the last level, so that a key is looked for in
  // one file only.
  absl::Status Flush();
  absl::Status CompactAll();
  // The same for the keys from `first` to `last`: rewrites the files that have any of them, so that
  // what was deleted there is in no file any more.
  absl::Status Compact(size_t family, std::string_view first, std::string_view last);

  // OK, or the first background error: since then nothing can be written until the store is opened
  // anew. Never repaired behind the caller's back.
  absl::Status health() const;

  rocksdb::DB* db() const { return db_.get(); }
  rocksdb::ColumnFamilyHandle* family(size_t index) const { return families_[index]; }
  const std::string& directory() const { return directory_; }

  // "cannot <doing> <directory>: <RocksDB's words>; <remedy>".
  absl::Status ToStatus(const rocksdb::Status& status, std::string_view doing) const;

 private:
  class Health;
  Store(const StoreOptions& options, std::shared_ptr<Health> health);

  const std::string directory_;
  const std::string damage_remedy_;
  const std::shared_ptr<Health> health_;
  std::unique_ptr<rocksdb::Env> env_;  // outlives db_
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;  // owned; the default family comes last
};

}  // namespace fulcrum::store
