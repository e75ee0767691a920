#include "orchestrator/user_counters.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "base/check.h"
#include "orchestrator/plan.h"
#include "orchestrator/windows.h"

namespace fulcrum::orchestrator {

size_t UserCounters::HashOfEntry::operator()(const EntryKey& key) const {
  return absl::HashOf(key.window, key.row, key.user_ref);
}

size_t UserCounters::HashOfEntry::operator()(uint32_t slot) const {
  const Entry& entry = (*entries)[slot];
  return absl::HashOf(entry.window, entry.row, entry.user_ref);
}

bool UserCounters::SameEntry::operator()(const EntryKey& key, uint32_t slot) const {
  const Entry& entry = (*entries)[slot];
  return key.window == entry.window && key.row == entry.row && key.user_ref == entry.user_ref;
}

// --- Finding.

UserCounters::Window* UserCounters::FindWindow(const CapWindowKey& key) const {
  const auto found = windows_.find(key);
  return found == windows_.end() ? nullptr : found->second.get();
}

UserCounters::Window* UserCounters::AddWindow(const CapWindowKey& key) {
  if (Window* found = FindWindow(key)) return found;
  auto window = std::make_unique<Window>();
  window->number = windows_made_++;
  window_of_.emplace(window->number, window.get());
  return windows_.emplace(key, std::move(window)).first->second.get();
}

uint32_t UserCounters::FindSlot(const Window& window, int32_t row, const UserRef& user_ref) const {
  const auto found = index_.find(EntryKey{window.number, row, user_ref});
  return found == index_.end() ? kNoSlot : *found;
}

UserCounters::Entry* UserCounters::Find(const UserCounterKey& key) {
  const Window* const window = FindWindow(key.window);
  if (window == nullptr) return nullptr;
  const uint32_t slot = FindSlot(*window, key.row, key.user_ref);
  return slot == kNoSlot ? nullptr : &entries_[slot];
}

UserCounters::Entry* UserCounters::Add(const UserCounterKey& key) {
  const Window* const window = AddWindow(key.window);
  uint32_t slot = FindSlot(*window, key.row, key.user_ref);
  if (slot != kNoSlot) return &entries_[slot];
  if (free_.empty()) {
    slot = static_cast<uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Entry& entry = entries_[slot];
  entry = Entry{.user_ref = key.user_ref,
                .row = key.row,
                .window = window->number,
                .slot = slot,
                .live = true,
                .used = true};
  index_.insert(slot);
  return &entry;
}

void UserCounters::Free(Entry* entry) {
  index_.erase(index_.find(entry->slot));
  entry->live = false;
  free_.push_back(entry->slot);
}

// Nothing to remember, in memory or on the disk.
void UserCounters::FreeIfEmpty(Entry* entry) {
  if (entry->held == 0 && entry->spent == 0 && !entry->dirty && !entry->saving) Free(entry);
}

void UserCounters::MarkDirty(Entry* entry) {
  if (std::exchange(entry->dirty, true)) return;
  dirty_.push_back(entry->slot);
}

// --- Requests.

UserCounters::Use UserCounters::Used(int32_t row, int64_t kept_us, int64_t first_us,
                                     int64_t last_us, const UserRef& user_ref,
                                     CounterReads* reads) {
  Use use;
  if (IsPurged(user_ref)) return use;
  for (auto at = windows_.lower_bound(CapWindowKey{first_us, 0});
       at != windows_.end() && at->first.start_us <= last_us; ++at) {
    if (at->first.kept_us != kept_us) continue;
    const uint32_t slot = FindSlot(*at->second, row, user_ref);
    if (slot != kNoSlot) {
      Entry& entry = entries_[slot];
      entry.used = true;
      use.spent = SaturatingAdd(use.spent, entry.spent);
      use.held = SaturatingAdd(use.held, entry.held);
      continue;
    }
    if (!at->second->on_disk) continue;
    const UserCounterKey key{row, at->first, user_ref};
    const auto read = reads->spent.find(key);
    if (read == reads->spent.end()) {
      reads->missing.push_back(key);
      continue;
    }
    const auto change = changes_.find(key);
    use.spent = SaturatingAdd(
        use.spent, change == changes_.end() ? read->second : change->second.Apply(read->second));
  }
  reads->version = version_;
  reads->writing = writing_;
  return use;
}

void UserCounters::TakeReads(CounterReads* reads) {
  if (reads->writing || reads->version != version_) reads->spent.clear();
  for (const auto& [key, spent] : reads->spent) {
    const auto change = changes_.find(key);
    if (spent == 0 && change == changes_.end()) continue;  // no counter yet
    if (!Knows(key.window) || Find(key) != nullptr) continue;
    Entry* const entry = Add(key);
    ++counts_.read_back;
    entry->spent = spent;
    if (change == changes_.end()) continue;
    entry->spent = change->second.Apply(spent);
    changes_.erase(change);
    MarkDirty(entry);
  }
}

void UserCounters::Hold(const UserCounterKey& key, int64_t amount) {
  Entry* const entry = Add(key);
  entry->held += amount;
  FindWindow(key.window)->held += amount;
  held_ += amount;
}

void UserCounters::Unhold(Entry* entry, int64_t amount) {
  entry->held -= amount;
  window_of_.at(entry->window)->held -= amount;
  held_ -= amount;
}

void UserCounters::Release(const UserCounterKey& key, int64_t amount) {
  Entry* const entry = Find(key);
  FULCRUM_CHECK(entry != nullptr && entry->held >= amount);
  Unhold(entry, amount);
  FreeIfEmpty(entry);
}

void UserCounters::Detach(const UserCounterKey& key, int64_t amount) {
  Entry* const entry = Find(key);
  FULCRUM_CHECK(entry != nullptr);
  entry->pending += amount;
}

int64_t UserCounters::Settle(Entry* entry, int64_t amount) {
  const int64_t taken = std::min(amount, entry->pending);
  entry->pending -= taken;
  Unhold(entry, taken);
  return taken;
}

void UserCounters::Return(const UserCounterKey& key, int64_t amount) {
  Entry* const entry = Find(key);
  if (entry == nullptr) return;
  Settle(entry, amount);
  FreeIfEmpty(entry);
}

// --- The log.

int64_t UserCounters::Spend(const UserCounterKey& key, int64_t amount) {
  Entry* entry = Find(key);
  if (entry == nullptr) {
    if (AddWindow(key.window)->on_disk) {
      changes_[key].Spend(amount);
      return 0;
    }
    entry = Add(key);
  }
  entry->spent = SaturatingAdd(entry->spent, amount);
  MarkDirty(entry);
  return Settle(entry, amount);
}

void UserCounters::Refund(const UserCounterKey& key, int64_t amount) {
  if (Entry* const entry = Find(key)) {
    entry->spent -= std::min(entry->spent, amount);
    MarkDirty(entry);
    return;
  }
  const Window* const window = FindWindow(key.window);
  if (window != nullptr && window->on_disk) changes_[key].Refund(amount);
}

void UserCounters::Purge(absl::Span<const UserRef> user_refs) {
  for (const UserRef& user_ref : user_refs) purged_.insert_or_assign(user_ref, false);
  absl::erase_if(changes_, [this](const auto& entry) { return IsPurged(entry.first.user_ref); });
}

// --- Checkpoint.

void UserCounters::CopyChanged(NameOfRow name, StoreBatch* batch) const {
  absl::flat_hash_map<uint32_t, int64_t> starts;
  for (const auto& [key, window] : windows_) starts.emplace(window->number, key.start_us);
  for (const uint32_t slot : dirty_) {
    const Entry& entry = entries_[slot];
    const auto start = starts.find(entry.window);
    if (start == starts.end() || IsPurged(entry.user_ref)) continue;  // or forgotten
    batch->caps.push_back({name(entry.row), start->second, entry.user_ref, entry.spent});
  }
  for (const auto& [key, change] : changes_) {
    if (!Knows(key.window) || IsPurged(key.user_ref)) continue;
    batch->cap_changes.push_back({name(key.row), key.window.start_us, key.user_ref, change});
  }
  for (const auto& [user_ref, told] : purged_) {
    if (!told) batch->purged.push_back(user_ref);
  }
}

void UserCounters::BeginWrite() {
  FULCRUM_CHECK(!writing_);
  saving_ = std::exchange(dirty_, {});
  for (const uint32_t slot : saving_) {
    entries_[slot].dirty = false;
    entries_[slot].saving = true;
  }
  saving_changes_ = std::exchange(changes_, {});
  absl::erase_if(purged_, [](const auto& entry) { return entry.second; });
  for (const auto& [user_ref, told] : purged_) saving_purged_.push_back(user_ref);
  writing_ = true;
  ++version_;
}

void UserCounters::Written() {
  writing_ = false;
  ++version_;
  for (const uint32_t slot : std::exchange(saving_, {})) {
    entries_[slot].saving = false;
    FreeIfEmpty(&entries_[slot]);
  }
  saving_changes_.clear();
  if (!saving_purged_.empty()) sweep_left_ = entries_.size();
  for (const UserRef& user_ref : std::exchange(saving_purged_, {})) purged_[user_ref] = true;
}

void UserCounters::Failed() {
  writing_ = false;
  ++version_;
  saving_purged_.clear();
  for (const uint32_t slot : std::exchange(saving_, {})) {
    entries_[slot].saving = false;
    MarkDirty(&entries_[slot]);
  }
  for (auto& [key, change] : std::exchange(saving_changes_, {})) {
    const auto later = changes_.find(key);
    if (later != changes_.end()) change.Then(later->second);
    changes_.insert_or_assign(key, change);
  }
}

bool UserCounters::Forget(absl::FunctionRef<bool(const CapWindowKey&)> forgotten) {
  bool any = false;
  for (auto at = windows_.begin(); at != windows_.end();) {
    if (at->second->held != 0 || !forgotten(at->first)) {
      ++at;
      continue;
    }
    window_of_.erase(at->second->number);
    at = windows_.erase(at);
    any = true;
  }
  if (any) sweep_left_ = entries_.size();
  return any;
}

bool UserCounters::HasTotal() const {
  return !windows_.empty() && windows_.begin()->first.start_us == kTotalWindow;
}

// --- Recovery.

void UserCounters::Load(const UserCounterKey& key, int64_t spent) {
  Add(key)->spent = spent;
}

void UserCounters::LeaveOnDisk(const CapWindowKey& window) {
  AddWindow(window)->on_disk = true;
}

// --- The bound.

size_t UserCounters::in_memory() const {
  return entries_.size() - free_.size() + changes_.size() + saving_changes_.size();
}

void UserCounters::LookAt(Entry* entry) {
  if (!entry->live || entry->dirty) return;
  const auto window = window_of_.find(entry->window);
  if (window == window_of_.end()) return Free(entry);  // forgotten
  if (entry->held != 0) return;
  if (IsPurged(entry->user_ref)) return Free(entry);
  if (in_memory() <= counters_max_ || std::exchange(entry->used, false)) return;
  if (entry->spent != 0) {
    window->second->on_disk = true;
    ++counts_.evicted;
  }
  Free(entry);
}

bool UserCounters::Evict(size_t looks) {
  const auto is_due = [this] {
    return !writing_ && (in_memory() > counters_max_ || sweep_left_ > 0) && !entries_.empty();
  };
  for (; looks > 0 && is_due(); --looks) {
    if (hand_ >= entries_.size()) hand_ = 0;
    if (sweep_left_ > 0) --sweep_left_;
    LookAt(&entries_[hand_++]);
  }
  return is_due();
}

UserCounterStats UserCounters::stats() const {
  UserCounterStats stats = counts_;
  stats.in_memory = in_memory();
  return stats;
}

}  // namespace fulcrum::orchestrator
