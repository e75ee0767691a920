#include "replay/simulated_ledger.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "decision_log/charges.h"
#include "orchestrator/plan.h"
#include "orchestrator/scope.h"
#include "replay/selection.h"

namespace fulcrum::replay {
namespace {

using orchestrator::Plan;
using orchestrator::PlanUse;

// Far more decisions than can be in flight: a `superseded` record comes within so many.
constexpr size_t kOpenMax = 65536;
// After the exposure window has ended, until the service has noticed.
constexpr int64_t kUnshownLateUs = int64_t{3600} * 1'000'000;

bool SameConstraint(const config::Constraint& a, const config::Constraint& b) {
  return a.id == b.id && a.per_user == b.per_user && a.resource == b.resource &&
         a.window == b.window && a.span_us == b.span_us && a.limit == b.limit &&
         a.time_zone == b.time_zone && a.relaxation == b.relaxation && a.terms == b.terms;
}

// Whether the action takes the same from the same rows in both bundles.
bool TakesTheSame(const config::Bundle& was, const config::Bundle& is, int32_t action) {
  const config::Action& one = is.actions[static_cast<size_t>(action)];
  const auto same = was.action_index.find(one.id);
  if (same == was.action_index.end()) return false;
  const config::Action& before = was.actions[static_cast<size_t>(same->second)];
  return std::equal(one.uses.begin(), one.uses.end(), before.uses.begin(), before.uses.end(),
                    [&](const config::Use& a, const config::Use& b) {
                      return a.amount == b.amount &&
                             SameConstraint(is.constraints[static_cast<size_t>(a.row)],
                                            was.constraints[static_cast<size_t>(b.row)]);
                    });
}

// Which rows of `is` counted on the recorded request. What a row asks for beyond surface, segment
// and region is not in the log, but whether those of the recorded bundle counted is. Of others it
// is not known, and so they do.
class RecordedScope {
 public:
  RecordedScope(const DecisionRecord& record, const config::Bundle* was, const config::Bundle& is)
      : record_(record), was_(was) {
    const auto surface = is.surface_index.find(record.surface);
    if (surface != is.surface_index.end()) facts_.surface = surface->second;
    facts_.segment = record.segment;
    facts_.region = record.region;
  }

  bool operator()(const config::Constraint& row) const {
    if (!orchestrator::CountsOn(row, facts_)) return false;
    if (!orchestrator::AsksForFacts(row) || was_ == nullptr || !Knew(row.id)) return true;
    return std::find(record_.rows_in_scope.begin(), record_.rows_in_scope.end(), row.id) !=
           record_.rows_in_scope.end();
  }

 private:
  bool Knew(const std::string& id) const {
    const auto& rows = was_->constraints;  // sorted by id
    const auto at = std::lower_bound(
        rows.begin(), rows.end(), id,
        [](const config::Constraint& row, const std::string& wanted) { return row.id < wanted; });
    return at != rows.end() && at->id == id && orchestrator::AsksForFacts(*at);
  }

  const DecisionRecord& record_;
  const config::Bundle* const was_;
  orchestrator::RequestFacts facts_;
};

// A cheaper form is for where there is no room for what it stands for.
void MaskVariants(const config::Bundle& bundle, const Choice& choice,
                  std::vector<OutcomeCandidate>* candidates) {
  for (size_t i = 0; i < candidates->size(); ++i) {
    const int32_t form = bundle.actions[static_cast<size_t>(choice.actions[i])].variant_of;
    if (form < 0 || (*candidates)[i].mask != MaskReason::kNone) continue;
    const auto found = std::find(choice.actions.begin(), choice.actions.end(), form);
    if (found == choice.actions.end()) continue;
    const auto at = static_cast<size_t>(found - choice.actions.begin());
    if ((*candidates)[at].mask == MaskReason::kNone) (*candidates)[i].mask = MaskReason::kVariant;
  }
}

// When what the decision took under terms is settled at the latest; 0 if it took nothing so.
int64_t SettledUs(const DecisionRecord& record) {
  const int64_t window_us = std::max(record.attribution_window_us, record.exposure_window_us);
  int64_t span_us = 0;
  for (const PositionRecord& position : record.positions) {
    for (const Debit& debit : position.debits) {
      if (!decision_log::IsFollowed(debit.terms)) continue;
      span_us = std::max({span_us, 2 * window_us, debit.terms.return_window_us});
    }
  }
  return span_us == 0 ? 0 : record.occurred_us + span_us + kUnshownLateUs;
}

}  // namespace

SimulatedLedger::SimulatedLedger(const config::Bundle* bundle,
                                 const std::vector<OpeningSpend>& opening)
    : bundle_(bundle) {
  for (const OpeningSpend& one : opening) {
    const Debit debit{.row = one.row, .window_start_us = one.window_start_us, .amount = one.spent};
    logged_.Spend(debit, {});
    other_.Spend(debit, {});
  }
}

std::vector<OutcomeCandidate> SimulatedLedger::Secure(const DecisionRecord& record,
                                                      const Choice& choice,
                                                      const config::Bundle* recorded_bundle) {
  logged_.Reach(record.occurred_us);
  other_.Reach(record.occurred_us);
  std::vector<int32_t> actions;
  std::vector<size_t> planned;  // parallel: into choice.candidates
  std::vector<OutcomeCandidate> candidates;
  for (size_t i = 0; i < choice.candidates.size(); ++i) {
    candidates.push_back({choice.ActionAt(record, i), choice.masks[i], ""});
    if (choice.masks[i] != MaskReason::kNone) continue;
    actions.push_back(choice.actions[i]);
    planned.push_back(i);
  }
  const size_t draws = std::min<size_t>(choice.slate_size, actions.size());
  Plan plan = orchestrator::MakePlan(*bundle_, actions, draws, record.user_ref,
                                     absl::FromUnixMicros(record.occurred_us),
                                     RecordedScope(record, recorded_bundle, *bundle_));
  std::vector<MaskReason> kept = Kept(record, choice, planned, plan);
  std::vector<int32_t> row_of;
  other_.Secure(*bundle_, kept, &plan, &row_of);
  // One by one: what a candidate does not take is free for those behind it.
  for (size_t i = 0; i < planned.size(); ++i) {
    if (plan.reasons[i] != MaskReason::kNone ||
        record.candidates[choice.candidates[planned[i]]].mask != MaskReason::kNoHold ||
        !OthersHold(actions[i], recorded_bundle, plan, i)) {
      continue;
    }
    kept[i] = MaskReason::kNoHold;
    other_.Secure(*bundle_, kept, &plan, &row_of);
  }
  for (size_t i = 0; i < planned.size(); ++i) {
    OutcomeCandidate& candidate = candidates[planned[i]];
    candidate.mask = plan.reasons[i];
    if (row_of[i] >= 0) candidate.row = bundle_->constraints[static_cast<size_t>(row_of[i])].id;
  }
  MaskVariants(*bundle_, choice, &candidates);
  return candidates;
}

std::vector<MaskReason> SimulatedLedger::Kept(const DecisionRecord& record, const Choice& choice,
                                              const std::vector<size_t>& planned,
                                              const Plan& plan) {
  std::vector<MaskReason> kept(planned.size(), MaskReason::kNone);
  for (size_t i = 0; i < planned.size(); ++i) {
    const absl::Span<const PlanUse> uses = plan.UsesOf(i);
    const bool per_user = std::any_of(uses.begin(), uses.end(), [&](const PlanUse& use) {
      return plan.shares[use.share].per_user;
    });
    const MaskReason mask = record.candidates[choice.candidates[planned[i]]].mask;
    if ((mask == MaskReason::kLedgerUnavailable && !uses.empty()) ||
        (mask == MaskReason::kNoUserRef && per_user)) {
      kept[i] = mask;
    }
  }
  return kept;
}

// Whether decisions in flight held the room that both books show.
bool SimulatedLedger::OthersHold(int32_t action, const config::Bundle* recorded_bundle,
                                 const Plan& plan, size_t planned) const {
  const absl::Span<const PlanUse> uses = plan.UsesOf(planned);
  return !uses.empty() && recorded_bundle != nullptr &&
         TakesTheSame(*recorded_bundle, *bundle_, action) &&
         std::all_of(uses.begin(), uses.end(), [&](const PlanUse& use) {
           return other_.Spent(*bundle_, plan, use.share) ==
                  logged_.Spent(*bundle_, plan, use.share);
         });
}

std::vector<std::vector<Debit>> SimulatedLedger::DebitsOf(
    const std::vector<std::string>& action_ids, const DecisionRecord& record,
    const config::Bundle* recorded_bundle) const {
  std::vector<int32_t> actions;
  std::vector<size_t> index;  // parallel: into `action_ids`
  for (size_t i = 0; i < action_ids.size(); ++i) {
    const auto found = bundle_->action_index.find(action_ids[i]);
    if (found == bundle_->action_index.end()) continue;
    actions.push_back(found->second);
    index.push_back(i);
  }
  const Plan plan = orchestrator::MakePlan(*bundle_, actions, 1, UserRef{},
                                           absl::FromUnixMicros(record.occurred_us),
                                           RecordedScope(record, recorded_bundle, *bundle_));
  std::vector<std::vector<Debit>> debits(action_ids.size());
  for (size_t i = 0; i < actions.size(); ++i) {
    debits[index[i]] = orchestrator::DebitsOf(*bundle_, plan, i);
  }
  return debits;
}

std::vector<SimulatedLedger::Taken> SimulatedLedger::TakenBy(
    const DecisionRecord& record, const Outcome& outcome,
    const config::Bundle* recorded_bundle) const {
  std::vector<std::string> ids;  // of the slate, then of the candidates
  ids.reserve(outcome.slate.size() + outcome.candidates.size());
  for (const OutcomePosition& position : outcome.slate) ids.push_back(position.action_id);
  for (const OutcomeCandidate& candidate : outcome.candidates) ids.push_back(candidate.action_id);
  std::vector<std::vector<Debit>> debits = DebitsOf(ids, record, recorded_bundle);
  std::vector<Taken> taken(outcome.slate.size());
  const auto expect = [&](size_t position, size_t id, double probability) {
    for (const Debit& debit : debits[id]) {
      taken[position].expected[debit.row] += probability * static_cast<double>(debit.amount);
    }
  };
  for (size_t i = 0; i < taken.size(); ++i) {
    const std::vector<Ticks>& ticks = outcome.slate[i].ticks;
    if (ticks.empty()) expect(i, i, 1);  // not replayed: as logged
    for (size_t j = 0; j + 1 < ticks.size(); ++j) {
      if (ticks[j] != 0) expect(i, taken.size() + j, PropensityOf(ticks[j]));
    }
  }
  for (size_t i = 0; i < taken.size(); ++i) taken[i].debits = std::move(debits[i]);
  return taken;
}

void SimulatedLedger::Spend(const DecisionRecord& record, const Outcome& outcome,
                            const config::Bundle* recorded_bundle,
                            std::map<std::string, RowShift>* rows) {
  logged_.Reach(record.occurred_us);
  other_.Reach(record.occurred_us);
  latest_us_ = std::max(latest_us_, record.occurred_us);
  for (const PositionRecord& position : record.positions) {
    for (const Debit& debit : position.debits) {
      logged_.Spend(debit, record.user_ref);
      (*rows)[debit.row].logged += debit.amount;
    }
  }
  // A fallback takes nothing: budgets are not spent by answers that were not drawn.
  if (!IsDrawn(record)) return;
  Open open;
  open.user_ref = record.user_ref;
  open.positions = TakenBy(record, outcome, recorded_bundle);
  for (const Taken& taken : open.positions) {
    for (const Debit& debit : taken.debits) {
      other_.Spend(debit, record.user_ref);
      (*rows)[debit.row].drawn += debit.amount;
    }
    for (const auto& [row, amount] : taken.expected) (*rows)[row].expected += amount;
  }
  for (size_t i = 0; i < std::min(record.positions.size(), open.positions.size()); ++i) {
    for (const Debit& debit : record.positions[i].debits) {
      if (decision_log::IsFollowed(debit.terms)) open.positions[i].logged[debit.row] = debit.amount;
    }
  }
  Remember(record, std::move(open));
}

void SimulatedLedger::Remember(const DecisionRecord& record, Open open) {
  if (std::all_of(open.positions.begin(), open.positions.end(),
                  [](const Taken& taken) { return taken.expected.empty(); })) {
    return;
  }
  const config::Surface* const surface = bundle_->FindSurface(record.surface);
  open.returns = surface != nullptr && surface->exposure_required;
  open.until_us = record.occurred_us;
  if (record.exposure_required) open.until_us += record.exposure_window_us + kUnshownLateUs;
  open.until_us = std::max(open.until_us, SettledUs(record));
  open_[record.id] = std::move(open);
  order_.push_back(record.id);
  while (order_.size() > kOpenMax) {
    const auto oldest = open_.find(order_.front());
    if (oldest != open_.end() && oldest->second.until_us >= latest_us_) break;
    if (oldest != open_.end()) open_.erase(oldest);
    order_.pop_front();
  }
}

void SimulatedLedger::Apply(const LogEvent& event, std::map<std::string, RowShift>* rows) {
  if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
    ReturnLogged(superseded->refunds, superseded->user_ref, rows);
    Return(superseded->decision_id, nullptr, rows);
  } else if (const auto* const unshown = std::get_if<UnshownRecord>(&event)) {
    ReturnLogged(unshown->refunds, unshown->user_ref, rows);
    Return(unshown->decision_id, &unshown->positions, rows);
  } else if (const auto* const settlement = std::get_if<SettlementRecord>(&event)) {
    ReturnLogged(settlement->refunds, settlement->user_ref, rows);
    ReturnShare(*settlement, rows);
  } else if (const auto* const identity = std::get_if<IdentityRecord>(&event)) {
    logged_.Apply(*identity);
    other_.Apply(*identity);
  }
}

void SimulatedLedger::ReturnLogged(const std::vector<Debit>& refunds, const UserRef& user_ref,
                                   std::map<std::string, RowShift>* rows) {
  for (const Debit& debit : refunds) {
    logged_.Refund(debit, user_ref);
    (*rows)[debit.row].logged -= debit.amount;
  }
}

void SimulatedLedger::GiveBack(const std::string& row, int64_t part, int64_t whole, Taken* taken,
                               const UserRef& user_ref, std::map<std::string, RowShift>* rows) {
  const double share = std::min(1.0, static_cast<double>(part) / static_cast<double>(whole));
  for (Debit& debit : taken->debits) {
    if (debit.row != row) continue;
    Debit refund = debit;
    // Rounded down: no more than its share.
    refund.amount = debit.amount == whole
                        ? std::min(part, whole)
                        : static_cast<int64_t>(static_cast<double>(debit.amount) * share);
    debit.amount -= refund.amount;
    other_.Refund(refund, user_ref);
    (*rows)[row].drawn -= refund.amount;
  }
  const auto expected = taken->expected.find(row);
  if (expected == taken->expected.end()) return;
  const double back = share * expected->second;
  (*rows)[row].expected -= back;
  expected->second -= back;
}

DebitTerms SimulatedLedger::TermsOf(const std::string& row) const {
  const auto& all = bundle_->constraints;  // sorted by id
  const auto at = std::lower_bound(
      all.begin(), all.end(), row,
      [](const config::Constraint& one, const std::string& wanted) { return one.id < wanted; });
  return at == all.end() || at->id != row ? DebitTerms() : at->terms;
}

// Where both sides took from the row under terms, a settlement says what comes back.
bool SimulatedLedger::ReturnsUnshown(const std::string& row, const Taken& taken) const {
  const DebitTerms terms = TermsOf(row);
  return !terms.kept_unshown && !(decision_log::IsFollowed(terms) && taken.logged.contains(row));
}

void SimulatedLedger::ReturnShare(const SettlementRecord& record,
                                  std::map<std::string, RowShift>* rows) {
  const auto found = open_.find(record.decision_id);
  if (found == open_.end() || record.position == 0 ||
      record.position > found->second.positions.size()) {
    return;
  }
  const size_t index = record.position - 1;
  for (const Debit& refund : record.refunds) {
    std::map<std::string, int64_t>& logged = found->second.positions[index].logged;
    const auto stands = logged.find(refund.row);
    if (stands == logged.end() || stands->second <= 0 || refund.amount <= 0) continue;
    if (decision_log::IsFollowed(TermsOf(refund.row))) {
      GiveBack(refund.row, refund.amount, stands->second, &found->second.positions[index],
               found->second.user_ref, rows);
    }
    stands->second -= std::min(stands->second, refund.amount);
  }
}

// Null `positions`: all of them, whatever the surface says of exposures.
void SimulatedLedger::Return(const DecisionId& id, const std::vector<uint32_t>* positions,
                             std::map<std::string, RowShift>* rows) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  Open& open = found->second;
  if (positions != nullptr && !open.returns) return;
  for (size_t i = 0; i < open.positions.size(); ++i) {
    if (positions != nullptr &&
        std::find(positions->begin(), positions->end(), i + 1) == positions->end()) {
      continue;
    }
    Taken& taken = open.positions[i];
    std::vector<std::string> given;
    for (const auto& [row, amount] : taken.expected) {
      if (positions == nullptr || ReturnsUnshown(row, taken)) given.push_back(row);
    }
    for (const std::string& row : given) GiveBack(row, 1, 1, &taken, open.user_ref, rows);
  }
}

}  // namespace fulcrum::replay
