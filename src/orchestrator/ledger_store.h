// The ledger's durable side: checkpointed spends and caps, and whose session wrote them, in one
// RocksDB directory (keys: docs/ledger.md). Leases have a store of their own (leases/).
//
// Thread-safe. A batch is all or nothing. Errors are RocksDB's, with the directory: after a failed
// write the store refuses further ones until it is opened again.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "base/mutex.h"
#include "config/bundle.h"
#include "domain/user_groups.h"
#include "fulcrum/decision_record.h"
#include "orchestrator/counter_change.h"
#include "store/synced_mark.h"

namespace fulcrum::store {
class Store;
enum class ReadTier : uint8_t;
}  // namespace fulcrum::store

namespace fulcrum::orchestrator {

struct SpendEntry {
  std::string row;
  int64_t window_start_us = 0;
  int64_t spent = 0;

  friend bool operator==(const SpendEntry&, const SpendEntry&) = default;
};

// What the lease store has written off of a window: it may forget that.
struct WriteOffEntry {
  std::string row;
  int64_t window_start_us = 0;
  int64_t amount = 0;

  friend bool operator==(const WriteOffEntry&, const WriteOffEntry&) = default;
};

struct CapEntry {
  std::string row;
  int64_t window_start_us = 0;
  UserRef user_ref{};
  int64_t spent = 0;  // 0 removes the entry

  friend bool operator==(const CapEntry&, const CapEntry&) = default;
};

// What happened to a cap whose value was not in memory.
struct CapChange {
  std::string row;
  int64_t window_start_us = 0;
  UserRef user_ref{};
  CounterChange change;
};

// How far the log is folded into the spends and caps beside it.
struct FoldMark {
  Lsn lsn = 0;
  int64_t latest_us = 0;  // the latest time seen; older windows may be forgotten

  friend bool operator==(const FoldMark&, const FoldMark&) = default;
};

// Who wrote last: decides what a lost lease proves.
struct Session {
  std::string boot_id;
  config::Durability durability = config::Durability::kProcess;
  bool clean = false;  // shut down with nothing in flight and everything checkpointed

  friend bool operator==(const Session&, const Session&) = default;
};

// One atomic change. What is absent stays as it is.
struct StoreBatch {
  std::vector<SpendEntry> spends;
  std::vector<WriteOffEntry> write_offs;
  std::vector<CapEntry> caps;
  std::vector<CapChange> cap_changes;  // of caps that are not in `caps`
  std::vector<domain::UserMerge> merges;
  std::vector<UserRef> unmerged;  // whose merges are forgotten
  std::vector<UserRef> purged;    // whose caps are removed
  std::optional<FoldMark> fold;
  std::optional<Session> session;
  std::optional<int64_t> forget_before_us;  // removes windows that start before, not `total`
};

// Whose caps are read.
using UserFilter = absl::FunctionRef<bool(const UserRef&)>;

inline bool EveryUser(const UserRef& /*user_ref*/) {
  return true;
}

// All that a directory holds, but caps that were not asked for.
struct StoreImage {
  std::vector<SpendEntry> spends;
  std::vector<WriteOffEntry> write_offs;
  std::vector<CapEntry> caps;
  std::vector<domain::UserMerge> merges;
  std::vector<int64_t> cap_windows_left;  // starts of windows with caps that are not in `caps`
  FoldMark fold;
  std::optional<Session> session;  // absent in a new directory
  // Of a version that kept leases here.
  bool has_leases = false;
  bool has_write_offs = false;
};

class LedgerStore {
 public:
  // Creates the directory if need be. DATA_LOSS if anything that was synced is damaged or missing;
  // what was not synced may be lost, from a point in time on.
  static absl::StatusOr<std::unique_ptr<LedgerStore>> Open(base::FileSystem* files,
                                                           const std::string& directory);
  ~LedgerStore();

  // What a directory holds, maybe while its owner writes to it. NOT_FOUND if there is none.
  static absl::StatusOr<StoreImage> ReadDirectory(base::FileSystem* files,
                                                  const std::string& directory);

  // Of the caps no more than `caps_max`, those of the latest windows. FAILED_PRECONDITION if it
  // still has the leases of a version that kept them here, and they mean something.
  absl::StatusOr<StoreImage> ReadAll(size_t caps_max = std::numeric_limits<size_t>::max()) const;
  // One consistent state, maybe while others write; of the caps only those of users that `wanted`
  // names.
  absl::StatusOr<StoreImage> ReadNow(UserFilter wanted) const;
  // One cap, 0 if there is none. UNAVAILABLE as in store::Store::Get.
  absl::StatusOr<int64_t> ReadCap(const std::string& row, int64_t window_start_us,
                                  const UserRef& user_ref, store::ReadTier tier) const;
  // Reads the caps that change.
  absl::Status Write(const StoreBatch& batch, bool sync);

 private:
  LedgerStore(std::unique_ptr<store::Store> store, std::unique_ptr<store::SyncedMark> mark);
  absl::Status ReadEntries(StoreImage* image) const;  // all but the caps
  absl::Status ReadCaps(size_t caps_max, StoreImage* image) const;
  absl::StatusOr<std::vector<std::string>> CapKeysOf(const UserRef& user_ref) const;

  const std::unique_ptr<store::Store> store_;
  base::Mutex mutex_;  // one write at a time, so that the mark names the write it follows
  const std::unique_ptr<store::SyncedMark> mark_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace fulcrum::orchestrator
