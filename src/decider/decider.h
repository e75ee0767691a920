// The request path: the user's features, candidates, the features of their items, scoring,
// orchestrator, decision log, in that order, raced by an alarm that answers with the surface's
// fallback when the latency budget runs out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "candidates/candidates.h"
#include "decider/alarm.h"
#include "decider/call.h"
#include "decider/request_index.h"
#include "decider/snapshot.h"
#include "decider/waiting_room.h"
#include "domain/context.h"
#include "domain/seams.h"
#include "orchestrator/orchestrator.h"
#include "telemetry/metrics.h"

namespace fulcrum::decider {

// What the path runs on. All outlive the decider.
struct DeciderParts {
  domain::FeatureSource* features = nullptr;
  domain::UserData* users = nullptr;
  orchestrator::Ledger* ledger = nullptr;
  domain::DecisionSink* log = nullptr;
  telemetry::Metrics* metrics = nullptr;
  const base::Clock* clock = nullptr;
  RequestIndex* requests = nullptr;  // recovered; null: every request is a new one
  uint32_t waiting_threads = 2;
  uint32_t waiting_requests_max = 256;
};

// Thread-safe. Sees no network and no store: only the seams of `domain`.
class Decider {
 public:
  explicit Decider(const DeciderParts& parts);

  // Decides and calls `respond` exactly once, from this or another thread, by
  // `context.alarm_at` give or take the machine's lag; a repeated request_id gets the answer of the
  // first, when that one does. INVALID_ARGUMENT for candidates that the surface does not have and
  // for a request_id that stands for another request: then `respond` is dropped uncalled. The log
  // must be stopped before the decider is destroyed.
  absl::Status Decide(Snapshot snapshot, const config::Surface& surface,
                      domain::DecisionContext context, Respond respond);

 private:
  friend struct Call;
  using CallPtr = std::shared_ptr<Call>;

  // Whether the request is a repeat, which then has its answer or waits for it.
  absl::StatusOr<bool> AnswerIfRepeated(Call& call);

  // The path. With kNoWait it runs on the caller's thread and moves to the waiting room at the
  // first step that needs a disk.
  void Run(const CallPtr& call, domain::Wait wait);
  void AnswerPaused(const CallPtr& call);
  // The user's row, then who of the actions is eligible, then their items' rows.
  absl::Status ReadFeatures(Call& call, domain::Wait wait);
  absl::Status FindCandidates(Call& call, const candidates::UserValues* user);
  void Score(Call& call);
  absl::Status Select(Call& call, domain::Wait wait);
  void Commit(const CallPtr& call);
  // Does as the surface says if the log cannot keep up. False if nothing is left to do here.
  bool PassesLogPressure(const CallPtr& call);
  void WaitForLog(const CallPtr& call);
  void TakeToLog(const CallPtr& call);
  void Append(const CallPtr& call, DecisionRecord record, std::optional<FeatureSnapshot> snapshot);

  // True if the stage that just ended has passed its instant: then the fallback has answered.
  bool Overran(Call& call, base::SteadyTime until, telemetry::Stage stage);
  // Sheds the call if there is no room for one more that waits.
  void GoWait(const CallPtr& call, std::function<void()> then);
  void OnLogged(const CallPtr& call, const absl::StatusOr<Lsn>& lsn);
  void OnAlarm(Call& call);
  // False if somebody else has answered, or may still.
  bool AnswerWithFallback(Call& call, Degradation reason, bool record);
  void Send(Call& call, Reply reply);
  void SendRepeat(Waiter waiter, Reply reply);
  void Supersede(const Call& call, Lsn lsn);
  int64_t MicrosSince(base::SteadyTime start) const;
  void Lap(Call& call, int64_t StageTimes::*stage);
  void NoteRow(Call& call, domain::RowState state);
  void CountIneligible(const Call& call);

  const DeciderParts parts_;
  orchestrator::Orchestrator orchestrator_;
  Alarm alarm_;
  WaitingRoom waiting_room_;  // last: its threads use the rest
};

}  // namespace fulcrum::decider
