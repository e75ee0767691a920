// The counters of the caps per user: those in use in memory, up to a bound, the others on the disk.
//
// A counter that the store has as it is may leave memory ("evicted": those not used lately first)
// and is read back when it is needed. Which counters are on the disk alone is not kept: once a
// window has lost one, a user without a counter there may have one on the disk. Reading is the
// caller's, outside of the books' mutex; a read counts only while nothing has been written since
// (CounterReads::version). Spends and refunds of a counter that is not in memory wait as a
// CounterChange until it is read back or the next checkpoint writes it.
//
// Not thread-safe: the books' mutex guards it. No input or output.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "fulcrum/decision_record.h"
#include "orchestrator/counter_change.h"
#include "orchestrator/ledger_store.h"

namespace fulcrum::orchestrator {

// Windows that start together and are forgotten together.
struct CapWindowKey {
  int64_t start_us = 0;
  int64_t kept_us = 0;
  friend auto operator<=>(const CapWindowKey&, const CapWindowKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const CapWindowKey& key) {
    return H::combine(std::move(h), key.start_us, key.kept_us);
  }
};

struct UserCounterKey {
  int32_t row = -1;  // index into the books' rows
  CapWindowKey window;
  UserRef user_ref{};
  friend bool operator==(const UserCounterKey&, const UserCounterKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const UserCounterKey& key) {
    return H::combine(std::move(h), key.row, key.window, key.user_ref);
  }
};

// One caller's reads: the books say what is missing, the caller what the store has.
struct CounterReads {
  uint64_t version = 0;  // of the store when `missing` was asked for
  bool writing = false;  // a write was under way then: what is read now may be old
  bool failed = false;   // the store cannot be read: what is missing stays so
  std::vector<UserCounterKey> missing;
  absl::flat_hash_map<UserCounterKey, int64_t> spent;  // 0: the store has none
};

struct UserCounterStats {
  uint64_t in_memory = 0;
  uint64_t evicted = 0;    // since the start
  uint64_t read_back = 0;  // since the start
};

class UserCounters {
 public:
  // More than `counters_max` only as far as they are held or not stored yet.
  explicit UserCounters(size_t counters_max) : counters_max_(counters_max) {}

  // Whether the window has been counted in. One that is not there has no counters: whoever counts
  // in it knows that it is open.
  bool Knows(const CapWindowKey& window) const { return FindWindow(window) != nullptr; }

  // --- Requests.
  // What the user has used of the row in the windows from `first_us` to `last_us`. Counters that
  // neither memory nor `reads` know go to reads->missing, and count as 0.
  struct Use {
    int64_t spent = 0;
    int64_t held = 0;
  };
  Use Used(int32_t row, int64_t kept_us, int64_t first_us, int64_t last_us, const UserRef& user_ref,
           CounterReads* reads);
  // Puts what was read into memory, unless something was written since: then reads->spent is
  // emptied.
  void TakeReads(CounterReads* reads);

  // Of counters that Used() knew.
  void Hold(const UserCounterKey& key, int64_t amount);
  void Release(const UserCounterKey& key, int64_t amount);  // no more than is held
  void Detach(const UserCounterKey& key, int64_t amount);
  void Return(const UserCounterKey& key, int64_t amount);  // as far as it is pending

  // --- The log.
  // Returns how much of it had been pending, which is no longer held.
  int64_t Spend(const UserCounterKey& key, int64_t amount);
  void Refund(const UserCounterKey& key, int64_t amount);

  // None of them comes again: their counters go from memory and, with the next write, from the
  // disk.
  void Purge(absl::Span<const UserRef> user_refs);

  // --- Checkpoint. Until it is Written() or Failed() nothing is evicted and no read counts.
  using NameOfRow = absl::FunctionRef<const std::string&(int32_t)>;
  // What differs from the store.
  void CopyChanged(NameOfRow name, StoreBatch* batch) const;
  void BeginWrite();  // of what was copied
  void Written();
  void Failed();
  // Windows for which `forgotten` says so and that hold nothing. Whether there were any.
  bool Forget(absl::FunctionRef<bool(const CapWindowKey&)> forgotten);

  // Whether anything is counted in windows that never end.
  bool HasTotal() const;

  // --- Recovery.
  void Load(const UserCounterKey& key, int64_t spent);
  // The store may have more of the window than was loaded.
  void LeaveOnDisk(const CapWindowKey& window);

  // Evicts until the bound is kept, looking at no more than `looks` counters. Whether there may be
  // more to do. `slots()`: looks that go once around.
  bool Evict(size_t looks);
  size_t slots() const { return entries_.size(); }

  bool IsIdle() const { return held_ == 0; }
  UserCounterStats stats() const;

 private:
  struct Window {
    uint32_t number = 0;
    int64_t held = 0;
    bool on_disk = false;  // a counter that is not in memory may be on the disk
  };
  struct Entry {
    UserRef user_ref{};
    int32_t row = -1;
    uint32_t window = 0;  // its number
    int64_t spent = 0;    // proven by the log
    // In flight; its part `pending` is on its way into the log.
    int64_t held = 0;
    int64_t pending = 0;
    uint32_t slot = 0;
    bool live = false;    // else the slot is free
    bool dirty = false;   // changed since the last checkpoint
    bool saving = false;  // in the write under way
    bool used = false;    // since the hand came by
  };
  struct EntryKey {
    uint32_t window = 0;
    int32_t row = -1;
    UserRef user_ref{};
  };
  struct HashOfEntry {
    using is_transparent = void;
    const std::deque<Entry>* entries;
    size_t operator()(const EntryKey& key) const;
    size_t operator()(uint32_t slot) const;
  };
  struct SameEntry {
    using is_transparent = void;
    const std::deque<Entry>* entries;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(const EntryKey& key, uint32_t slot) const;
    bool operator()(uint32_t slot, const EntryKey& key) const { return (*this)(key, slot); }
  };

  static constexpr uint32_t kNoSlot = ~uint32_t{0};

  Window* FindWindow(const CapWindowKey& key) const;
  Window* AddWindow(const CapWindowKey& key);
  uint32_t FindSlot(const Window& window, int32_t row, const UserRef& user_ref) const;
  Entry* Find(const UserCounterKey& key);  // null: not in memory
  Entry* Add(const UserCounterKey& key);
  void Free(Entry* entry);
  void FreeIfEmpty(Entry* entry);
  void MarkDirty(Entry* entry);
  void Unhold(Entry* entry, int64_t amount);
  // Takes up to `amount` out of pending and held; returns how much.
  int64_t Settle(Entry* entry, int64_t amount);
  void LookAt(Entry* entry);
  bool IsPurged(const UserRef& user_ref) const {
    return !purged_.empty() && purged_.contains(user_ref);
  }
  size_t in_memory() const;

  const size_t counters_max_;
  std::deque<Entry> entries_;     // slots, which stay where they are
  std::vector<uint32_t> free_;    // slots
  std::vector<uint32_t> dirty_;   // slots
  std::vector<uint32_t> saving_;  // slots in the write under way
  absl::flat_hash_set<uint32_t, HashOfEntry, SameEntry> index_{0, HashOfEntry{&entries_},
                                                               SameEntry{&entries_}};
  absl::btree_map<CapWindowKey, std::unique_ptr<Window>> windows_;
  absl::flat_hash_map<uint32_t, Window*> window_of_;  // by number; gone: forgotten
  absl::flat_hash_map<UserCounterKey, CounterChange> changes_;
  absl::flat_hash_map<UserCounterKey, CounterChange> saving_changes_;
  absl::flat_hash_map<UserRef, bool> purged_;  // whether the store has been told
  std::vector<UserRef> saving_purged_;
  uint32_t windows_made_ = 0;
  size_t hand_ = 0;        // the slot that is looked at next
  size_t sweep_left_ = 0;  // looks until what was forgotten or purged is freed
  int64_t held_ = 0;
  uint64_t version_ = 0;
  bool writing_ = false;
  UserCounterStats counts_;
};

}  // namespace fulcrum::orchestrator
