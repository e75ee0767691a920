// Which request got which answer: makes Decide idempotent.
//
// A request that names itself by a request_id is decided once per caller and id within a window.
// The first one decides; repeats that arrive meanwhile wait for its answer, later ones get the
// stored answer at once. What is stored is a function of the decision's record (decider/reply.h),
// so the log's tail rebuilds the index after a restart: feed it to OnLogged().
//
// The window counts back from the newest request's time. Above `requests_max` the oldest are
// forgotten first, whatever the window; what is still being decided is never forgotten. Memory: see
// docs/api.md.
//
// Where request_ids or context hashes are masked in the log, they are masked in the index too:
// what a restart reads from the log is then what requests are looked up by.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "decider/reply.h"
#include "domain/context.h"
#include "domain/seams.h"
#include "masking/masker.h"

namespace fulcrum::decider {

// By what a repeat is held against the first request, as far as a record can tell.
struct Asked {
  uint64_t surface = 0;       // fingerprint of its id
  uint64_t context_hash = 0;  // as in the record
  uint32_t slate_size = 1;
  uint64_t candidates = 0;  // fingerprint of the sorted action ids; 0 = the record does not say
  bool named = false;       // the request named them itself; otherwise they are not compared
};

// The fingerprint for Asked::candidates; start with base::kFingerprintStart.
uint64_t AddCandidate(std::string_view action_id, uint64_t fingerprint);

// A repeat that waits for the first request's answer.
struct Waiter {
  base::SteadyTime received;
  Respond respond;
};

struct RequestIndexStats {
  uint64_t answered = 0;    // repeats that got a stored answer
  uint64_t waited = 0;      // repeats that waited for the first one's
  uint64_t conflicts = 0;   // ids that came again with another request
  uint64_t remembered = 0;  // requests, those being decided included
};

// Thread-safe. Calls nobody while it holds a lock.
class RequestIndex final : public domain::LogObserver {
 public:
  // A request that is being decided: a handle for Answer().
  struct Entry;

  // What to do with a request. Exactly one of the three.
  struct Claim {
    Entry* first = nullptr;      // decide it, then Answer()
    std::unique_ptr<Reply> old;  // send this; its times are zero
    bool waits = false;          // `respond` was taken; the answer comes by the first's Answer()
  };

  // `masker` is the log's and outlives the index; null: nothing is masked.
  RequestIndex(absl::Duration window, uint32_t requests_max,
               const masking::Masker* masker = nullptr);
  ~RequestIndex() override;

  // `context` has a request_id. INVALID_ARGUMENT if the id stands for another request; then, and
  // unless it waits, `respond` is left as it was.
  absl::StatusOr<Claim> Ask(const domain::DecisionContext& context, const Asked& by,
                            Respond* respond);

  // The answer of a first request; every `first` gets one. Later repeats get it too. Returns who
  // waits for it: send them the same. `first` is not valid after that.
  std::vector<Waiter> Answer(Entry* first, const Reply& reply);

  // The log will not have the record of this decision, so its answer is nothing that a restart
  // could repeat: those who wait get it, then the request_id is free again.
  void Forget(const domain::DecisionContext& context);

  // Rebuilds the index before the first Ask(), event by event in log order.
  void OnLogged(Lsn lsn, const LogEvent& event) override;
  // After the last of them.
  void FinishRecovery();

  RequestIndexStats Stats() const;

 private:
  struct Shard;
  using Entries = std::list<Entry>;

  std::string KeyOf(const domain::DecisionContext& context) const;
  Shard& ShardOf(std::string_view key);
  void Keep(Lsn lsn, const DecisionRecord& record);
  void Supersede(const SupersededRecord& record);

  const absl::Duration window_;
  const masking::Masker* const masker_;
  size_t shard_entries_max_ = 0;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<uint64_t> answered_{0};
  std::atomic<uint64_t> waited_{0};
  std::atomic<uint64_t> conflicts_{0};

  // Keys of the decisions told last, in order of their LSN, for the superseded records that may
  // follow them. Used by one thread, until FinishRecovery().
  std::deque<std::pair<Lsn, std::string>> told_;
};

}  // namespace fulcrum::decider
