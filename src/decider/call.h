// One request inside the decider.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "decider/alarm.h"
#include "decider/context_hash.h"
#include "decider/holdout.h"
#include "decider/reply.h"
#include "decider/request_index.h"
#include "decider/snapshot.h"
#include "decider/waiting_room.h"
#include "domain/context.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"
#include "orchestrator/orchestrator.h"
#include "scoring/scorer.h"

namespace fulcrum::decider {

class Decider;

// Who may answer is one atomic word; legal moves:
//
//   kOpen ----> kClaimed    the pipeline has a selection and takes it to the log
//   kOpen ----> kAnswered   the alarm, or the pipeline giving up, answers with the fallback
//   kClaimed -> kAnswered   the log has the record, or refused it, or the alarm could not wait
//
// Everything that is not atomic or const belongs to the pipeline: one thread at a time, handed over
// through the waiting room's or the log's queue.
struct Call final : Alarmed, std::enable_shared_from_this<Call> {
  enum State : uint8_t { kOpen, kClaimed, kAnswered };

  Call(Decider* owner, Snapshot state_of_the_world, const config::Surface* of,
       domain::DecisionContext asked, Respond respond_to)
      : decider(owner),
        snapshot(std::move(state_of_the_world)),
        surface(of),
        context(std::move(asked)),
        context_hash(HashContext(context)),
        held_out(IsHeldOut(*of, context.user_id)),
        paused(snapshot.pauses != nullptr &&
               snapshot.pauses->Surface(static_cast<size_t>(of - snapshot.bundle->surfaces.data()),
                                        context.now)),
        respond(std::move(respond_to)),
        lap_started(context.received) {}

  bool answered() const override { return state.load(std::memory_order_acquire) == kAnswered; }
  void OnAlarm() override;
  // Of an action, by index into the bundle.
  bool IsPaused(int32_t action) const {
    return snapshot.pauses != nullptr && snapshot.pauses->Action(action, context.now);
  }
  bool Move(State from, State to) {
    return state.compare_exchange_strong(from, to, std::memory_order_acq_rel);
  }

  Decider* const decider;
  const Snapshot snapshot;
  const config::Surface* const surface;
  const domain::DecisionContext context;
  const uint64_t context_hash;
  const bool held_out;                     // nothing is done for this user
  const bool paused;                       // nothing is done on this surface
  RequestIndex::Entry* request = nullptr;  // null: nobody will repeat it
  Respond respond;                         // used by whoever moved `state` to kAnswered
  std::atomic<State> state{kOpen};
  std::atomic<WaitingRoom::Ticket> ticket{0};  // 0: not in the waiting room

  std::vector<int32_t> list;     // what the caller named, indices into the bundle; empty: nothing
  std::vector<int32_t> actions;  // candidates, once the user's features are known
  bool has_features = false;
  domain::UserFeatures user;
  std::vector<domain::ReadRow> items;
  bool has_scores = false;
  scoring::Scores scores;
  std::string region;  // as it is recorded
  std::vector<orchestrator::Contender> contenders;
  orchestrator::Selection selection;
  Degradation degradation = Degradation::kNone;
  uint32_t features_missing = 0;
  uint32_t features_stale = 0;
  double log_fill = 0;  // of the log's queue, when there was a selection
  StageTimes times;
  base::SteadyTime lap_started;
  Reply reply;  // complete before the record is queued
  std::vector<Debit> debits;
};

}  // namespace fulcrum::decider
