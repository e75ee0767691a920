#include "decider/decider.h"

#include <utility>

#include "base/fingerprint.h"
#include "base/status_macros.h"
#include "candidates/candidates.h"
#include "decider/diversion.h"
#include "decider/record.h"
#include "policy/recorded.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::decider {
namespace {

bool HasCapsPerUser(const config::Bundle& bundle, absl::Span<const int32_t> actions) {
  for (const int32_t action : actions) {
    for (const config::Use& use : bundle.actions[static_cast<size_t>(action)].uses) {
      if (bundle.constraints[static_cast<size_t>(use.row)].per_user) return true;
    }
  }
  return false;
}

const candidates::UserValues* ValuesOf(const domain::UserFeatures& user) {
  return user.row.row == nullptr ? nullptr : &user.row.row->values;
}

const candidates::UserValues* UserValuesOf(const Call& call) {
  return ValuesOf(call.user);
}

// Whether somebody needs the region in the record: its own settings, or parity between regions.
bool KeepsRegion(const Call& call, std::string_view region) {
  if (&call.surface->ChoiceIn(region) != &call.surface->choice) return true;
  const std::vector<config::Parity>& parity = call.snapshot.bundle->parity;
  return std::any_of(parity.begin(), parity.end(),
                     [](const config::Parity& one) { return one.by == config::ParityBy::kRegion; });
}

// The request's region; empty if it is not known.
std::string_view RegionOf(const Call& call) {
  const config::Surface& surface = *call.surface;
  const bool of_context = !surface.region_context_key.empty();
  const auto* const values = of_context ? &call.context.values : UserValuesOf(call);
  if (values == nullptr) return "";
  const auto found = values->find(of_context ? surface.region_context_key : surface.region_feature);
  if (found == values->end()) return "";
  const auto* const text = std::get_if<std::string>(&found->second);
  return text == nullptr ? std::string_view() : *text;
}

orchestrator::RequestFacts FactsOf(const Call& call) {
  return {.surface = call.snapshot.bundle->surface_index.find(call.surface->id)->second,
          .segment = call.scores.segment,
          .region = RegionOf(call),
          .user = UserValuesOf(call),
          .context = &call.context.values};
}

// What will not be served takes nothing.
void Release(orchestrator::Selection* selection) {
  selection->hold = orchestrator::Hold();
  selection->hold.Keep({});
  for (PositionRecord& position : selection->positions) position.debits.clear();
}

std::vector<std::string> ItemIds(const config::Bundle& bundle, absl::Span<const int32_t> actions) {
  std::vector<std::string> ids;
  ids.reserve(actions.size());
  for (const int32_t action : actions) {
    ids.push_back(bundle.actions[static_cast<size_t>(action)].item_id);
  }
  return ids;
}

Asked AskedBy(const Call& call) {
  Asked asked;
  asked.surface = base::Fingerprint(call.surface->id);
  asked.context_hash = call.context_hash;
  asked.slate_size = call.context.slate_size;
  // The record has the eligible ones only, so after a restart a list could not be compared.
  if (call.surface->filed_actions != nullptr) return asked;
  asked.candidates = base::kFingerprintStart;
  for (const int32_t action : call.list.empty() ? call.surface->actions : call.list) {
    const config::Bundle& bundle = *call.snapshot.bundle;
    asked.candidates =
        AddCandidate(bundle.actions[static_cast<size_t>(action)].id, asked.candidates);
  }
  asked.named = !call.context.candidates.empty();
  return asked;
}

}  // namespace

void Call::OnAlarm() {
  decider->OnAlarm(*this);
}

Decider::Decider(const DeciderParts& parts)
    : parts_(parts),
      orchestrator_(parts.ledger),
      waiting_room_(parts.waiting_threads, parts.waiting_requests_max) {}

absl::Status Decider::Decide(Snapshot snapshot, const config::Surface& surface,
                             domain::DecisionContext context, Respond respond) {
  FULCRUM_RETURN_IF_ERROR(candidates::CheckBaseline(*snapshot.bundle, surface, context));
  auto list = candidates::ReadList(*snapshot.bundle, surface, context);
  if (!list.ok()) return list.status();
  if (snapshot.pauses != nullptr && snapshot.model != nullptr &&
      snapshot.pauses->Model(context.now)) {
    snapshot.model = nullptr;
    snapshot.model_paused = true;
  }
  const auto call = std::make_shared<Call>(this, std::move(snapshot), &surface, std::move(context),
                                           std::move(respond));
  call->list = *std::move(list);
  if (parts_.requests != nullptr && !call->context.request_id.empty()) {
    auto repeated = AnswerIfRepeated(*call);
    if (!repeated.ok()) return repeated.status();
    if (*repeated) return absl::OkStatus();
  }
  alarm_.Set(call->context.alarm_at, call);
  Lap(*call, &StageTimes::edge_us);
  if (call->paused) {
    AnswerPaused(call);
  } else {
    Run(call, domain::Wait::kNoWait);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Decider::AnswerIfRepeated(Call& call) {
  auto claim = parts_.requests->Ask(call.context, AskedBy(call), &call.respond);
  if (!claim.ok()) return claim.status();
  if (claim->old != nullptr) {
    SendRepeat({call.context.received, std::move(call.respond)}, *std::move(claim->old));
    return true;
  }
  call.request = claim->first;
  return claim->waits;
}

// Logged before it is answered, like what is drawn.
void Decider::AnswerPaused(const CallPtr& call) {
  if (!call->Move(Call::kOpen, Call::kClaimed)) return;
  DecisionRecord record = MakeFallbackRecord(*call, Degradation::kPaused);
  record.log_pending = false;
  Append(call, std::move(record), std::nullopt);
}

void Decider::Run(const CallPtr& call, domain::Wait wait) {
  absl::Status status = ReadFeatures(*call, wait);
  if (status.ok()) {
    if (Overran(*call, call->context.features_until, telemetry::Stage::kFeatures)) return;
    Score(*call);
    status = Select(*call, wait);
  }
  if (status.ok()) {
    if (Overran(*call, call->context.selection_until, telemetry::Stage::kOrchestration)) return;
    Commit(call);
  } else if (wait == domain::Wait::kNoWait && absl::IsUnavailable(status)) {
    GoWait(call, [this, call] { Run(call, domain::Wait::kMayWait); });
  } else {
    telemetry::WarnLimited("selection_failed", {{"error", std::string(status.message())}});
    const bool too_many = absl::IsInvalidArgument(status);  // the caller could not know
    AnswerWithFallback(*call, too_many ? Degradation::kShed : Degradation::kLedgerUnavailable,
                       /*record=*/true);
  }
}

bool Decider::Overran(Call& call, base::SteadyTime until, telemetry::Stage stage) {
  if (call.lap_started <= until) return false;
  call.selection.hold = orchestrator::Hold();  // released: nothing of it will be served
  if (AnswerWithFallback(call, Degradation::kDeadline, /*record=*/true)) {
    parts_.metrics->CountDeadlineExceeded(stage);
  }
  return true;
}

absl::Status Decider::ReadFeatures(Call& call, domain::Wait wait) {
  if (call.has_features) return absl::OkStatus();
  const config::Bundle& bundle = *call.snapshot.bundle;
  auto user = parts_.features->ReadUser(call.context.user_id, call.context.now, wait);
  if (wait == domain::Wait::kNoWait && absl::IsUnavailable(user.status())) return user.status();
  const Pauses* const pauses = call.snapshot.pauses.get();
  if (pauses != nullptr && user.ok()) pauses->HideOfUser(call.context.now, &user->row);
  FULCRUM_RETURN_IF_ERROR(FindCandidates(call, user.ok() ? ValuesOf(*user) : nullptr));
  if (user.ok() && !user->user_ref && HasCapsPerUser(bundle, call.actions)) {
    // A cap can only be held against a reference that outlives the process.
    if (wait == domain::Wait::kNoWait) return absl::UnavailableError("a new user's row");
    auto ref = parts_.users->EnsureUserRef(call.context.user_id, call.context.now);
    if (ref.ok()) user->user_ref = *ref;
  }
  auto items = parts_.features->ReadItems(ItemIds(bundle, call.actions), call.context.now, wait);
  if (wait == domain::Wait::kNoWait && absl::IsUnavailable(items.status())) return items.status();

  if (!user.ok() || !items.ok()) {
    // The store is broken: decide without features and say so.
    call.degradation = Degradation::kFeatureError;
    const absl::Status& error = user.ok() ? items.status() : user.status();
    telemetry::WarnLimited("features_unavailable", {{"error", std::string(error.message())}});
  }
  if (user.ok()) call.user = *std::move(user);
  call.items = items.ok() ? *std::move(items) : std::vector<domain::ReadRow>(call.actions.size());
  if (pauses != nullptr) {
    for (domain::ReadRow& item : call.items) pauses->HideOfItem(call.context.now, &item);
  }
  NoteRow(call, call.user.row.state);
  for (const domain::ReadRow& item : call.items) NoteRow(call, item.state);
  const auto rows = static_cast<uint32_t>(1 + call.items.size());
  parts_.metrics->CountFeatureRows(rows - call.features_missing - call.features_stale,
                                   call.features_missing, call.features_stale);
  CountIneligible(call);
  call.has_features = true;
  Lap(call, &StageTimes::features_us);
  return absl::OkStatus();
}

absl::Status Decider::FindCandidates(Call& call, const candidates::UserValues* user) {
  auto found = candidates::FindCandidates(*call.snapshot.bundle, *call.surface, call.context, user,
                                          call.list);
  if (!found.ok()) return found.status();
  call.actions = *std::move(found);
  return absl::OkStatus();
}

void Decider::CountIneligible(const Call& call) {
  const auto surface = call.surface - call.snapshot.bundle->surfaces.data();
  const size_t asked = (call.list.empty() ? call.surface->actions : call.list).size();
  parts_.metrics->CountIneligible(static_cast<int>(surface), asked - call.actions.size());
}

void Decider::NoteRow(Call& call, domain::RowState state) {
  if (state == domain::RowState::kMissing) ++call.features_missing;
  if (state != domain::RowState::kStale) return;
  ++call.features_stale;
  if (call.degradation == Degradation::kNone) call.degradation = Degradation::kFeatureStale;
}

void Decider::Score(Call& call) {
  if (call.has_scores) return;
  call.scores =
      scoring::Score(*call.snapshot.bundle, *call.surface, call.snapshot.model.get(),
                     *call.snapshot.posteriors, call.context, call.user, call.actions, call.items);
  call.has_scores = true;
  Lap(call, &StageTimes::scoring_us);
}

absl::Status Decider::Select(Call& call, domain::Wait wait) {
  const scoring::Scores& scores = call.scores;
  const policy::Baseline baseline{call.surface->baseline_value,
                                  policy::PosteriorOf(scores.neutral, scores.log_odds)};
  const orchestrator::RequestFacts facts = FactsOf(call);
  if (KeepsRegion(call, facts.region)) call.region = facts.region;
  const config::Choice& choice = call.surface->ChoiceIn(facts.region);
  call.contenders.clear();
  for (size_t i = 0; i < call.actions.size(); ++i) {
    const scoring::ScoredCandidate& scored = scores.candidates[i];
    MaskReason mask = MaskReason::kNone;
    if (scored.score != scored.score) mask = MaskReason::kInvalidScore;
    if (call.IsPaused(call.actions[i])) mask = MaskReason::kPaused;
    call.contenders.push_back({call.actions[i], mask, policy::PosteriorOf(scored, scores.log_odds),
                               choice.ShareOf(call.actions[i])});
  }
  auto selection =
      orchestrator_.Select(*call.snapshot.bundle, *call.surface, choice, call.context, facts,
                           call.user.user_ref, baseline, absl::MakeSpan(call.contenders), wait);
  if (!selection.ok()) return selection.status();
  call.selection = *std::move(selection);
  if (IsDiverted(call)) Release(&call.selection);
  bool any_drawable = false;
  for (const orchestrator::Contender& contender : call.contenders) {
    any_drawable |= contender.mask == MaskReason::kNone;
    if (contender.mask == MaskReason::kLedgerUnavailable &&
        call.degradation == Degradation::kNone) {
      call.degradation = Degradation::kLedgerUnavailable;
    }
  }
  if (!any_drawable && call.degradation == Degradation::kNone) {
    call.degradation = Degradation::kNoCandidate;
  }
  Lap(call, &StageTimes::orchestration_us);
  return absl::OkStatus();
}

void Decider::Commit(const CallPtr& call) {
  // An alarm that rings late must not let a late selection count as in time.
  if (parts_.clock->SteadyNow() >= call->context.alarm_at) {
    AnswerWithFallback(*call, Degradation::kDeadline, /*record=*/true);
    return;
  }
  if (PassesLogPressure(call)) TakeToLog(call);
}

bool Decider::PassesLogPressure(const CallPtr& call) {
  call->log_fill = parts_.log->Fill();
  if (call->log_fill < domain::kLogPressure) return true;
  const auto count = [&](telemetry::LogPressure policy) {
    const auto surface = call->surface - call->snapshot.bundle->surfaces.data();
    parts_.metrics->CountLogPressure(static_cast<int>(surface), policy);
  };
  switch (call->surface->log_pressure) {
    case config::LogPressure::kBlock:
      count(telemetry::LogPressure::kBlock);
      WaitForLog(call);
      return false;
    case config::LogPressure::kDegrade:
      count(telemetry::LogPressure::kDegrade);
      call->selection.hold = orchestrator::Hold();  // released: nothing of it will be served
      AnswerWithFallback(*call, Degradation::kShed, /*record=*/true);
      return false;
    case config::LogPressure::kDropDetail:
      count(telemetry::LogPressure::kDropDetail);
      return true;
  }
  return true;
}

// The call stays open, so that the alarm can still answer it.
void Decider::WaitForLog(const CallPtr& call) {
  GoWait(call, [this, call] {
    parts_.log->WaitForRoom(call->context.alarm_at);
    if (parts_.log->Fill() < domain::kLogPressure) return TakeToLog(call);
    call->selection.hold = orchestrator::Hold();
    AnswerWithFallback(*call, Degradation::kShed, /*record=*/true);
  });
}

void Decider::TakeToLog(const CallPtr& call) {
  if (!call->Move(Call::kOpen, Call::kClaimed)) return;  // the hold goes with the call
  for (const PositionRecord& position : call->selection.positions) {
    call->debits.insert(call->debits.end(), position.debits.begin(), position.debits.end());
  }
  DecisionRecord record = MakeRecord(*call);
  call->selection.hold.Detach();
  Append(call, std::move(record), MakeSnapshot(*call));
}

void Decider::Append(const CallPtr& call, DecisionRecord record,
                     std::optional<FeatureSnapshot> snapshot) {
  call->reply = ReplyOf(record);
  const absl::Status queued =
      parts_.log->Append(std::move(record), std::move(snapshot),
                         [this, call](const absl::StatusOr<Lsn>& lsn) { OnLogged(call, lsn); });
  if (!queued.ok()) OnLogged(call, queued);
}

void Decider::OnLogged(const CallPtr& call, const absl::StatusOr<Lsn>& lsn) {
  if (!lsn.ok()) {
    parts_.ledger->Return(call->debits, call->user.user_ref.value_or(UserRef{}));
    if (call->request != nullptr) parts_.requests->Forget(call->context);
    AnswerWithFallback(*call, Degradation::kDisk, /*record=*/false);
    return;
  }
  if (!call->Move(Call::kClaimed, Call::kAnswered)) {
    Supersede(*call, *lsn);
    return;
  }
  Lap(*call, &StageTimes::log_us);
  call->reply.times = call->times;
  Send(*call, std::move(call->reply));
}

void Decider::OnAlarm(Call& call) {
  if (AnswerWithFallback(call, Degradation::kDeadline, /*record=*/true)) {
    parts_.metrics->CountDeadlineExceeded(telemetry::Stage::kTotal);
  }
  // If that was not open any more, the pipeline has claimed, and the log is what is late.
  AnswerWithFallback(call, Degradation::kDisk, /*record=*/false);
}

bool Decider::AnswerWithFallback(Call& call, Degradation reason, bool record) {
  // With `record` the pipeline has not claimed; without, it has, and its record or a `superseded`
  // one tells the story.
  if (!call.Move(record ? Call::kOpen : Call::kClaimed, Call::kAnswered)) return false;
  if (const WaitingRoom::Ticket ticket = call.ticket.load(); ticket != 0) {
    waiting_room_.Leave(ticket);
  }
  parts_.metrics->CountUnloggedAnswer();
  if (!record) {
    Send(call, ReplyOf(MakeFallbackRecord(call, Degradation::kDisk)));
    return true;
  }
  DecisionRecord fallback = MakeFallbackRecord(call, reason);
  Send(call, ReplyOf(fallback));
  const absl::Status queued =
      parts_.log->Append(std::move(fallback), std::nullopt, [](const absl::StatusOr<Lsn>&) {});
  if (!queued.ok()) {
    if (call.request != nullptr) parts_.requests->Forget(call.context);
    telemetry::WarnLimited("fallback_not_logged", {{"error", std::string(queued.message())}});
  }
  return true;
}

void Decider::Send(Call& call, Reply reply) {
  reply.total_us = MicrosSince(call.context.received);
  const auto& surfaces = call.snapshot.bundle->surfaces;
  telemetry::Metrics& metrics = *parts_.metrics;
  metrics.CountDecision(static_cast<int>(call.surface - surfaces.data()), reply.answer,
                        reply.degradation);
  metrics.ObserveStage(telemetry::Stage::kTotal, reply.total_us);
  if (reply.answer == Answer::kFull || reply.answer == Answer::kDegraded) {
    metrics.ObserveStage(telemetry::Stage::kEdge, reply.times.edge_us);
    metrics.ObserveStage(telemetry::Stage::kFeatures, reply.times.features_us);
    metrics.ObserveStage(telemetry::Stage::kScoring, reply.times.scoring_us);
    metrics.ObserveStage(telemetry::Stage::kOrchestration, reply.times.orchestration_us);
    metrics.ObserveStage(telemetry::Stage::kLog, reply.times.log_us);
  }
  std::vector<Waiter> waiters;
  if (call.request != nullptr) waiters = parts_.requests->Answer(call.request, reply);
  for (Waiter& waiter : waiters) SendRepeat(std::move(waiter), reply);
  call.respond(std::move(reply));
}

void Decider::SendRepeat(Waiter waiter, Reply reply) {
  reply.times = StageTimes();  // those of the first answer
  reply.total_us = MicrosSince(waiter.received);
  waiter.respond(std::move(reply));
}

void Decider::Supersede(const Call& call, Lsn lsn) {
  parts_.metrics->CountSuperseded();
  SupersededRecord record;
  record.decision_id = call.context.decision_id;
  record.decision_lsn = lsn;
  record.served_action_id = InsteadPositions(call).front().action_id;
  record.refunds = call.debits;
  record.user_ref = call.user.user_ref.value_or(UserRef{});
  record.occurred_us = absl::ToUnixMicros(call.context.now);
  const absl::Status queued =
      parts_.log->Append(std::move(record), std::nullopt, [](const absl::StatusOr<Lsn>&) {});
  if (!queued.ok()) {
    telemetry::WarnLimited("refund_not_logged", {{"error", std::string(queued.message())}});
  }
}

void Decider::GoWait(const CallPtr& call, std::function<void()> then) {
  const auto ticket = waiting_room_.Enter([call, then = std::move(then)] {
    if (!call->answered()) then();
  });
  if (!ticket) {
    call->selection.hold = orchestrator::Hold();
    AnswerWithFallback(*call, Degradation::kShed, /*record=*/true);
    return;
  }
  call->ticket.store(*ticket);
  if (call->answered()) waiting_room_.Leave(*ticket);  // the alarm was faster than the store above
}

int64_t Decider::MicrosSince(base::SteadyTime start) const {
  return std::chrono::duration_cast<std::chrono::microseconds>(parts_.clock->SteadyNow() - start)
      .count();
}

void Decider::Lap(Call& call, int64_t StageTimes::*stage) {
  const base::SteadyTime now = parts_.clock->SteadyNow();
  call.times.*stage +=
      std::chrono::duration_cast<std::chrono::microseconds>(now - call.lap_started).count();
  call.lap_started = now;
}

}  // namespace fulcrum::decider
