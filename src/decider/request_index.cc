#include "decider/request_index.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/fingerprint.h"

namespace fulcrum::decider {
namespace {

constexpr size_t kShardsMax = 16;
// Fewer than this in a shard would make its bound felt.
constexpr size_t kShardEntriesMin = 256;
// So many of those past the window go per request at most: none has to pay for a pause of others.
constexpr int kSweptMax = 16;
// How far behind its decision a superseded record may lie: as much as the log's queue can hold.
constexpr size_t kToldMax = (size_t{1} << 20) + 1;

std::string KeyFrom(std::string_view principal, std::string_view request_id) {
  return absl::StrCat(principal.size(), ":", base::ToAbsl(principal), base::ToAbsl(request_id));
}

Asked AskedBy(const DecisionRecord& record) {
  Asked asked;
  asked.surface = base::Fingerprint(record.surface);
  asked.context_hash = record.context_hash;
  asked.slate_size = record.slate_size;
  if (record.candidates.empty()) return asked;
  asked.candidates = base::kFingerprintStart;
  for (const CandidateRecord& candidate : record.candidates) {
    asked.candidates = AddCandidate(candidate.action_id, asked.candidates);
  }
  return asked;
}

// What differs, in the words of the request; OK if nothing does.
absl::Status Compare(std::string_view request_id, const Asked& first, const Asked& repeat) {
  std::vector<const char*> other;
  if (repeat.surface != first.surface) other.push_back("surface");
  if (repeat.context_hash != first.context_hash) other.push_back("context");
  if (repeat.slate_size != first.slate_size) other.push_back("slate_size");
  if (repeat.named && first.candidates != 0 && repeat.candidates != first.candidates) {
    other.push_back("candidates");
  }
  if (other.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("request_id: '", absl::CHexEscape(base::ToAbsl(request_id)),
                   "' was decided for a request with another ", absl::StrJoin(other, ", "),
                   "; repeat the request as it was, or give the new one an id of its own"));
}

}  // namespace

uint64_t AddCandidate(std::string_view action_id, uint64_t fingerprint) {
  return base::Fingerprint(std::string_view("\0", 1), base::Fingerprint(action_id, fingerprint));
}

struct RequestIndex::Entry {
  std::string key;
  Asked asked;
  int64_t occurred_us = 0;
  Reply reply;  // only the id is known while it is being decided
  bool answered = false;
  bool forgotten = false;
  std::vector<Waiter> waiters;
};

struct RequestIndex::Shard {
  mutable base::Mutex mutex;
  Entries deciding ABSL_GUARDED_BY(mutex);
  Entries kept ABSL_GUARDED_BY(mutex);  // oldest answer first
  absl::flat_hash_map<std::string_view, Entries::iterator, base::StringHash, base::StringEqual>
      by_key ABSL_GUARDED_BY(mutex);
  int64_t latest_us ABSL_GUARDED_BY(mutex) = INT64_MIN;

  bool IsOver(const Entry& entry, int64_t now_us, absl::Duration window) const {
    return absl::FromUnixMicros(now_us) - absl::FromUnixMicros(entry.occurred_us) >= window;
  }
  void Erase(Entries& list, Entries::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    by_key.erase(std::string_view(entry->key));
    list.erase(entry);
  }
  void Sweep(int64_t now_us, absl::Duration window) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    latest_us = std::max(latest_us, now_us);
    for (int i = 0; i < kSweptMax && !kept.empty(); ++i) {
      if (!IsOver(kept.front(), latest_us, window)) return;
      Erase(kept, kept.begin());
    }
  }
  // Makes `entry` the newest of those kept, within the bound.
  void Move(Entries& from, Entries::iterator entry, size_t entries_max)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    kept.splice(kept.end(), from, entry);
    while (kept.size() > entries_max) Erase(kept, kept.begin());
  }
};

RequestIndex::RequestIndex(absl::Duration window, uint32_t requests_max,
                           const masking::Masker* masker)
    : window_(window), masker_(masker) {
  const size_t shards = std::clamp<size_t>(requests_max / kShardEntriesMin, 1, kShardsMax);
  shard_entries_max_ = (requests_max + shards - 1) / shards;
  for (size_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<Shard>());
}

RequestIndex::~RequestIndex() = default;

std::string RequestIndex::KeyOf(const domain::DecisionContext& context) const {
  const std::string& id = context.request_id;
  return KeyFrom(context.principal.name, masker_ == nullptr ? id : masker_->RequestId(id));
}

RequestIndex::Shard& RequestIndex::ShardOf(std::string_view key) {
  return *shards_[base::Fingerprint(key) % shards_.size()];
}

absl::StatusOr<RequestIndex::Claim> RequestIndex::Ask(const domain::DecisionContext& context,
                                                      const Asked& by, Respond* respond) {
  FULCRUM_CHECK(!context.request_id.empty());
  Asked asked = by;
  if (masker_ != nullptr) asked.context_hash = masker_->ContextHash(by.context_hash);
  std::string key = KeyOf(context);
  Shard& shard = ShardOf(key);
  const int64_t now_us = absl::ToUnixMicros(context.now);
  Claim claim;
  const base::MutexLock lock(&shard.mutex);
  shard.Sweep(now_us, window_);
  const auto found = shard.by_key.find(std::string_view(key));
  if (found != shard.by_key.end()) {
    Entry& entry = *found->second;
    if (!entry.answered || !shard.IsOver(entry, now_us, window_)) {
      if (absl::Status status = Compare(context.request_id, entry.asked, asked); !status.ok()) {
        conflicts_.fetch_add(1, std::memory_order_relaxed);
        return status;
      }
      if (entry.answered) {
        answered_.fetch_add(1, std::memory_order_relaxed);
        claim.old = std::make_unique<Reply>(entry.reply);
        return claim;
      }
      waited_.fetch_add(1, std::memory_order_relaxed);
      entry.waiters.push_back({context.received, std::move(*respond)});
      claim.waits = true;
      return claim;
    }
    shard.Erase(shard.kept, found->second);
  }
  Entry& entry = shard.deciding.emplace_back();
  entry.key = std::move(key);
  entry.asked = asked;
  entry.occurred_us = now_us;
  entry.reply.id = context.decision_id;
  shard.by_key.emplace(std::string_view(entry.key), std::prev(shard.deciding.end()));
  claim.first = &entry;
  return claim;
}

std::vector<Waiter> RequestIndex::Answer(Entry* first, const Reply& reply) {
  Shard& shard = ShardOf(first->key);
  const base::MutexLock lock(&shard.mutex);
  const auto entry = shard.by_key.find(std::string_view(first->key))->second;
  FULCRUM_CHECK(&*entry == first && !entry->answered);
  std::vector<Waiter> waiters = std::exchange(entry->waiters, {});
  if (entry->forgotten) {
    shard.Erase(shard.deciding, entry);
    return waiters;
  }
  entry->reply = reply;
  entry->reply.times = StageTimes();
  entry->reply.total_us = 0;
  entry->answered = true;
  shard.Move(shard.deciding, entry, shard_entries_max_);
  return waiters;
}

void RequestIndex::Forget(const domain::DecisionContext& context) {
  const std::string key = KeyOf(context);
  Shard& shard = ShardOf(key);
  const base::MutexLock lock(&shard.mutex);
  const auto found = shard.by_key.find(std::string_view(key));
  if (found == shard.by_key.end() || found->second->reply.id != context.decision_id) return;
  if (found->second->answered) {
    shard.Erase(shard.kept, found->second);
  } else {
    found->second->forgotten = true;
  }
}

void RequestIndex::Keep(Lsn lsn, const DecisionRecord& record) {
  std::string key = KeyFrom(record.principal, record.request_id);
  told_.emplace_back(lsn, key);
  if (told_.size() > kToldMax) told_.pop_front();
  Shard& shard = ShardOf(key);
  const base::MutexLock lock(&shard.mutex);
  shard.Sweep(record.occurred_us, window_);
  // Twice in the log within the window only if the first had been forgotten: the later one stands.
  const auto found = shard.by_key.find(std::string_view(key));
  if (found != shard.by_key.end()) shard.Erase(shard.kept, found->second);
  if (absl::FromUnixMicros(shard.latest_us) - absl::FromUnixMicros(record.occurred_us) >= window_) {
    return;
  }
  Entries one(1);
  one.front().key = std::move(key);
  one.front().asked = AskedBy(record);
  one.front().occurred_us = record.occurred_us;
  one.front().reply = ReplyOf(record);
  one.front().answered = true;
  shard.by_key.emplace(std::string_view(one.front().key), one.begin());
  shard.Move(one, one.begin(), shard_entries_max_);
}

void RequestIndex::Supersede(const SupersededRecord& record) {
  const auto told = std::lower_bound(
      told_.begin(), told_.end(), record.decision_lsn,
      [](const std::pair<Lsn, std::string>& one, Lsn lsn) { return one.first < lsn; });
  if (told == told_.end() || told->first != record.decision_lsn) return;
  Shard& shard = ShardOf(told->second);
  const base::MutexLock lock(&shard.mutex);
  const auto found = shard.by_key.find(std::string_view(told->second));
  if (found == shard.by_key.end() || found->second->reply.id != record.decision_id) return;
  Reply& reply = found->second->reply;
  reply = SupersededReplyOf(reply.id, reply.versions, record.served_action_id);
}

void RequestIndex::OnLogged(Lsn lsn, const LogEvent& event) {
  if (const auto* const decision = std::get_if<DecisionRecord>(&event)) {
    if (!decision->request_id.empty()) Keep(lsn, *decision);
  } else if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
    Supersede(*superseded);
  }
}

void RequestIndex::FinishRecovery() {
  told_ = {};
}

RequestIndexStats RequestIndex::Stats() const {
  RequestIndexStats stats;
  stats.answered = answered_.load(std::memory_order_relaxed);
  stats.waited = waited_.load(std::memory_order_relaxed);
  stats.conflicts = conflicts_.load(std::memory_order_relaxed);
  for (const auto& shard : shards_) {
    const base::MutexLock lock(&shard->mutex);
    stats.remembered += shard->by_key.size();
  }
  return stats;
}

}  // namespace fulcrum::decider
