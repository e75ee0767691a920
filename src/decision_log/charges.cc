#include "decision_log/charges.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace fulcrum::decision_log {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kAtOnce = std::numeric_limits<int64_t>::min();

// Times and costs come from a log; sums must not wrap whatever it says.
int64_t Sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? kNever : sum;  // b is never below 0
}

bool Has(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

bool IsAbout(uint32_t reported, const ChargedPosition& position) {
  return reported == 0 || reported == position.position;
}

// What stands of the charge after its outcomes, if nothing had been given back.
int64_t DueOf(const OpenCharges& decision, const ChargedPosition& position,
              const OpenCharge& charge) {
  const DebitTerms& terms = charge.debit.terms;
  int64_t due = 0;
  for (const OpenCharges::Outcome& one : decision.outcomes) {
    if (one.kind != terms.charged_on || !IsAbout(one.position, position)) continue;
    if (one.first_us > decision.closes_us()) continue;
    if (charge.returned_us.has_value() && one.occurred_us <= *charge.returned_us) continue;
    due = Sum(due,
              terms.in_cost ? one.cost_micros.value_or(charge.debit.amount) : charge.debit.amount);
  }
  return due;
}

// Whether `report` stands over what is known of the same id. Without a cost it costs the most.
bool Replaces(const OpenCharges::Outcome& report, const OpenCharges::Outcome& known) {
  if (report.occurred_us != known.occurred_us) return report.occurred_us > known.occurred_us;
  return report.cost_micros.value_or(kNever) < known.cost_micros.value_or(kNever);
}

auto KeyOf(const OpenCharges::Outcome& outcome) {
  return std::tie(outcome.position, outcome.kind, outcome.id);
}

// Puts the report to what is known. Returns the outcome, and whether the report stands.
std::pair<const OpenCharges::Outcome*, bool> Record(OpenCharges::Outcome report,
                                                    std::vector<OpenCharges::Outcome>* outcomes) {
  const auto place =
      std::lower_bound(outcomes->begin(), outcomes->end(), report,
                       [](const auto& a, const auto& b) { return KeyOf(a) < KeyOf(b); });
  if (place == outcomes->end() || KeyOf(*place) != KeyOf(report)) {
    return {&*outcomes->insert(place, std::move(report)), true};
  }
  report.first_us = std::min(report.first_us, place->first_us);
  if (!Replaces(report, *place)) {
    place->first_us = report.first_us;
    return {&*place, false};
  }
  *place = std::move(report);
  return {&*place, true};
}

bool IsKnown(const OpenCharges::Outcome& report, const std::vector<OpenCharges::Outcome>& all) {
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& one) { return KeyOf(one) == KeyOf(report); });
}

// Whether something is owed, or will be without a report.
bool WillOwe(const OpenCharges& decision) {
  for (const ChargedPosition& position : decision.positions) {
    for (const OpenCharge& charge : position.charges) {
      if (decision.Owed(position, charge, kNever) > 0) return true;
      if (position.awaits_exposure && charge.debit.terms.charged_on.empty() &&
          !charge.debit.terms.kept_unshown && charge.stands() > 0) {
        return true;
      }
    }
  }
  return false;
}

// When it may be forgotten at the earliest.
int64_t KeptAtLeastUntil(const OpenCharges& decision) {
  const int64_t longer = std::max(decision.exposure_window_us, decision.attribution_window_us);
  return Sum(decision.occurred_us, Sum(longer, longer));
}

int64_t KeptUntil(const OpenCharges& decision) {
  int64_t kept_us = 0;
  for (const ChargedPosition& position : decision.positions) {
    for (const OpenCharge& charge : position.charges) {
      if (charge.stands() > 0) kept_us = std::max(kept_us, charge.debit.terms.return_window_us);
    }
  }
  return std::max(KeptAtLeastUntil(decision), Sum(decision.occurred_us, kept_us));
}

Debit RefundOf(const Debit& debit, int64_t amount) {
  Debit refund = debit;
  refund.amount = amount;
  refund.terms = DebitTerms();
  return refund;
}

// The records that tell what the decision owes: one for each position and cause.
void TellOwed(const OpenCharges& decision, int64_t now_us, std::vector<SettlementRecord>* records) {
  for (const ChargedPosition& position : decision.positions) {
    const size_t first = records->size();
    for (const OpenCharge& charge : position.charges) {
      const int64_t owed = decision.Owed(position, charge, now_us);
      if (owed <= 0) continue;
      auto record = std::find_if(
          records->begin() + static_cast<ptrdiff_t>(first), records->end(), [&](const auto& one) {
            return one.cause == charge.cause && one.cause_lsn == charge.cause_lsn;
          });
      if (record == records->end()) {
        SettlementRecord added;
        added.decision_id = decision.id;
        added.decision_lsn = decision.lsn;
        added.position = position.position;
        added.user_ref = decision.user_ref;
        added.cause = charge.cause;
        added.cause_lsn = charge.cause_lsn;
        added.occurred_us = now_us;
        record = records->insert(record, std::move(added));
      }
      record->refunds.push_back(RefundOf(charge.debit, owed));
    }
  }
}

template <typename Decision>
auto* PositionAt(Decision& decision, uint32_t number) {
  const auto found =
      std::find_if(decision.positions.begin(), decision.positions.end(),
                   [number](const ChargedPosition& one) { return one.position == number; });
  return found == decision.positions.end() ? nullptr : &*found;
}

template <typename Position>
auto* ChargeOf(Position& position, const Debit& refund) {
  const auto found = std::find_if(
      position.charges.begin(), position.charges.end(), [&refund](const OpenCharge& one) {
        return one.debit.row == refund.row && one.debit.per_user == refund.per_user &&
               one.debit.window_start_us == refund.window_start_us;
      });
  return found == position.charges.end() ? nullptr : &*found;
}

}  // namespace

int64_t OpenCharges::closes_us() const {
  return Sum(occurred_us, attribution_window_us);
}

int64_t OpenCharges::Owed(const ChargedPosition& position, const OpenCharge& charge,
                          int64_t now_us) const {
  const int64_t stands = charge.stands();
  if (stands <= 0) return 0;
  if (charge.missing) return stands;
  if (charge.debit.terms.charged_on.empty()) return charge.returned_us.has_value() ? stands : 0;
  if (now_us < closes_us()) return 0;
  return stands - std::min(stands, DueOf(*this, position, charge));
}

Charges Charges::After(Lsn lsn, int64_t latest_us) {
  Charges charges;
  charges.lsn_ = lsn;
  charges.latest_us_ = latest_us;
  return charges;
}

void Charges::Apply(Lsn lsn, const LogEvent& event) {
  if (lsn <= lsn_) return;
  lsn_ = lsn;
  if (const auto* const decision = std::get_if<DecisionRecord>(&event)) {
    Advance(decision->occurred_us);
    Add(lsn, *decision);
  } else if (const auto* const exposure = std::get_if<ExposureRecord>(&event)) {
    Show(*exposure);
  } else if (const auto* const outcome = std::get_if<OutcomeRecord>(&event)) {
    Report(lsn, *outcome);
  } else if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
    // Its record returns everything.
    if (const OpenCharges* const open = Find(superseded->decision_id)) Forget(*open);
  } else if (const auto* const unshown = std::get_if<UnshownRecord>(&event)) {
    Miss(lsn, *unshown);
  } else if (const auto* const settlement = std::get_if<SettlementRecord>(&event)) {
    Settle(*settlement);
  }
}

void Charges::Add(Lsn lsn, const DecisionRecord& record) {
  if (open_.contains(record.id)) return;
  auto decision = std::make_unique<OpenCharges>();
  // What learning does not follow has no `unshown` records.
  const bool awaits =
      record.exposure_required && !record.log_pending && !record.reward_kind.empty();
  for (size_t i = 0; i < record.positions.size(); ++i) {
    ChargedPosition position;
    position.position = static_cast<uint32_t>(i + 1);
    position.awaits_exposure = awaits;
    for (const Debit& debit : record.positions[i].debits) {
      if (!IsFollowed(debit.terms)) continue;
      position.charges.emplace_back();
      position.charges.back().debit = debit;
    }
    if (!position.charges.empty()) decision->positions.push_back(std::move(position));
  }
  if (decision->positions.empty()) return;
  ++stats_.decisions;
  decision->lsn = lsn;
  decision->id = record.id;
  decision->user_ref = record.user_ref;
  decision->occurred_us = record.occurred_us;
  decision->attribution_window_us = record.attribution_window_us;
  decision->exposure_window_us = record.exposure_required ? record.exposure_window_us : 0;
  decision->slate = static_cast<uint32_t>(record.positions.size());
  Index(*decision);
  open_.emplace(record.id, std::move(decision));
}

void Charges::Index(const OpenCharges& decision) {
  forgetting_.emplace(std::pair(KeptAtLeastUntil(decision), decision.lsn), decision.id);
  IndexDue(decision);
}

void Charges::IndexDue(const OpenCharges& decision) {
  for (const ChargedPosition& position : decision.positions) {
    for (const OpenCharge& charge : position.charges) {
      if (decision.Owed(position, charge, kNever) <= 0) continue;
      const bool waits = decision.Owed(position, charge, kAtOnce) <= 0;
      due_.emplace(std::pair(waits ? decision.closes_us() : kAtOnce, decision.lsn), decision.id);
    }
  }
}

void Charges::Advance(int64_t now_us) {
  latest_us_ = std::max(latest_us_, now_us);
  while (!forgetting_.empty() && forgetting_.begin()->first.first <= latest_us_) {
    const DecisionId id = forgetting_.begin()->second;
    forgetting_.erase(forgetting_.begin());
    const OpenCharges* const decision = FindOpen(id);
    if (decision != nullptr) ForgetIfOver(*decision);
  }
}

// What is owed is kept until it is told, and goes with that.
void Charges::ForgetIfOver(const OpenCharges& decision) {
  const int64_t until_us = KeptUntil(decision);
  if (until_us > latest_us_) forgetting_.emplace(std::pair(until_us, decision.lsn), decision.id);
  if (until_us > latest_us_ || WillOwe(decision)) return;
  Forget(decision);
}

void Charges::Forget(const OpenCharges& decision) {
  due_.erase(std::pair(kAtOnce, decision.lsn));
  due_.erase(std::pair(decision.closes_us(), decision.lsn));
  const DecisionId id = decision.id;
  open_.erase(id);
}

OpenCharges* Charges::FindOpen(const DecisionId& id) {
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : found->second.get();
}

const OpenCharges* Charges::Find(const DecisionId& id) const {
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : found->second.get();
}

void Charges::Report(Lsn lsn, const OutcomeRecord& record) {
  OpenCharges* const decision = FindOpen(record.decision_id);
  if (decision == nullptr || record.position > decision->slate) return;
  const uint32_t position = decision->slate == 1 ? 1 : record.position;
  Charge(lsn, record, position, decision);
  GiveBack(lsn, record, position, decision);
  IndexDue(*decision);
  ForgetIfOver(*decision);
}

void Charges::Charge(Lsn lsn, const OutcomeRecord& record, uint32_t reported,
                     OpenCharges* decision) {
  struct Charged {
    const ChargedPosition* position;
    OpenCharge* charge;
    int64_t owed;
  };
  std::vector<Charged> charged;
  bool open = false, above = false;
  for (ChargedPosition& position : decision->positions) {
    if (!IsAbout(reported, position)) continue;
    for (OpenCharge& charge : position.charges) {
      const DebitTerms& terms = charge.debit.terms;
      if (terms.charged_on != record.kind) continue;
      charged.push_back({&position, &charge, decision->Owed(position, charge, kNever)});
      open = open || (charge.given == 0 && !charge.missing);
      above = above || (terms.in_cost && record.cost_micros.value_or(0) > charge.debit.amount);
    }
  }
  if (charged.empty()) return;
  OpenCharges::Outcome report = {reported,           record.kind,        record.outcome_id,
                                 record.occurred_us, record.occurred_us, record.cost_micros};
  if (!open && !IsKnown(report, decision->outcomes)) {
    ++stats_.outcomes_late;  // what it would make due was given back
    return;
  }
  const auto [outcome, stands] = Record(std::move(report), &decision->outcomes);
  if (outcome->first_us > decision->closes_us()) {
    ++stats_.outcomes_late;
    return;
  }
  ++(stands ? stats_.outcomes : stats_.outcomes_repeated);
  if (!stands) return;
  stats_.costs_above += above ? 1 : 0;
  if (latest_us_ < decision->closes_us()) return;
  for (const Charged& one : charged) {
    if (decision->Owed(*one.position, *one.charge, kNever) <= one.owed) continue;
    one.charge->cause = SettlementCause::kCorrected;
    one.charge->cause_lsn = lsn;
  }
}

void Charges::GiveBack(Lsn lsn, const OutcomeRecord& record, uint32_t reported,
                       OpenCharges* decision) {
  bool about = false, taken = false, late = false;
  for (ChargedPosition& position : decision->positions) {
    if (!IsAbout(reported, position)) continue;
    for (OpenCharge& charge : position.charges) {
      const DebitTerms& terms = charge.debit.terms;
      if (!Has(terms.returned_on, record.kind)) continue;
      about = true;
      if (record.occurred_us > Sum(decision->occurred_us, terms.return_window_us)) {
        late = true;
        continue;
      }
      const bool over = charge.returned_us.has_value() &&
                        (terms.charged_on.empty() || *charge.returned_us >= record.occurred_us);
      if (charge.stands() <= 0 || charge.missing || over) continue;
      const int64_t owed = decision->Owed(position, charge, kNever);
      charge.returned_us = record.occurred_us;
      taken = true;
      if (decision->Owed(position, charge, kNever) <= owed) continue;
      charge.cause = SettlementCause::kReturned;
      charge.cause_lsn = lsn;
    }
  }
  if (!about) return;
  ++(taken ? stats_.returns : late ? stats_.returns_late : stats_.returns_repeated);
}

void Charges::Show(const ExposureRecord& record) {
  OpenCharges* const decision = FindOpen(record.decision_id);
  if (decision == nullptr) return;
  ChargedPosition* const position = PositionAt(*decision, record.position);
  if (position == nullptr) return;
  position->awaits_exposure = false;
  ForgetIfOver(*decision);
}

void Charges::Miss(Lsn lsn, const UnshownRecord& record) {
  OpenCharges* const decision = FindOpen(record.decision_id);
  if (decision == nullptr) return;
  for (const uint32_t number : record.positions) {
    ChargedPosition* const position = PositionAt(*decision, number);
    if (position == nullptr || !position->awaits_exposure) continue;
    position->awaits_exposure = false;
    for (OpenCharge& charge : position->charges) {
      // What was reported of it proves that it was shown.
      const bool due =
          !charge.debit.terms.charged_on.empty() && DueOf(*decision, *position, charge) > 0;
      if (charge.debit.terms.kept_unshown || due || charge.stands() <= 0) continue;
      charge.missing = true;
      charge.cause = SettlementCause::kUnshown;
      charge.cause_lsn = lsn;
    }
  }
  IndexDue(*decision);
  ForgetIfOver(*decision);
}

void Charges::Settle(const SettlementRecord& record) {
  constexpr uint64_t ChargeStats::*kCounters[] = {&ChargeStats::window_closed,
                                                  &ChargeStats::returned, &ChargeStats::unshown,
                                                  &ChargeStats::corrected};
  ++(stats_.*kCounters[static_cast<size_t>(record.cause)]);
  const auto given = given_out_.find(record.decision_id);
  if (given != given_out_.end() && --given->second == 0) given_out_.erase(given);
  OpenCharges* const decision = FindOpen(record.decision_id);
  if (decision == nullptr) return;
  if (ChargedPosition* const position = PositionAt(*decision, record.position)) {
    for (const Debit& refund : record.refunds) {
      OpenCharge* const charge = ChargeOf(*position, refund);
      if (charge == nullptr || refund.amount <= 0) continue;
      charge->given = std::min(charge->debit.amount, Sum(charge->given, refund.amount));
    }
  }
  IndexDue(*decision);
  ForgetIfOver(*decision);
}

std::vector<SettlementRecord> Charges::TakeDue(int64_t now_us, size_t records_max,
                                               IsReported is_reported) {
  std::vector<SettlementRecord> due;
  auto next = due_.begin();
  while (next != due_.end() && next->first.first <= now_us && due.size() < records_max) {
    const DecisionId id = next->second;
    const OpenCharges* const decision = Find(id);
    if (decision != nullptr && is_reported(id)) {
      ++next;
      continue;
    }
    next = due_.erase(next);
    // What is on its way will queue the decision again when it is folded.
    if (decision == nullptr || given_out_.contains(id)) continue;
    const size_t before = due.size();
    TellOwed(*decision, now_us, &due);
    if (due.size() > before) given_out_.emplace(id, static_cast<int>(due.size() - before));
  }
  return due;
}

std::vector<SettlementRecord> Charges::TakeDue(int64_t now_us) {
  return TakeDue(now_us, std::numeric_limits<size_t>::max(),
                 [](const DecisionId&) { return false; });
}

void Charges::PutBack(const DecisionId& id) {
  const auto given = given_out_.find(id);
  if (given != given_out_.end() && --given->second == 0) given_out_.erase(given);
  if (const OpenCharges* const decision = Find(id)) IndexDue(*decision);
}

int64_t Charges::NextDue() const {
  return due_.empty() ? kNever : due_.begin()->first.first;
}

std::string Charges::ProblemOf(const SettlementRecord& record) const {
  const OpenCharges* const decision = Find(record.decision_id);
  if (decision == nullptr || decision->lsn != record.decision_lsn) {
    return absl::StrCat("there is no decision at LSN ", record.decision_lsn,
                        " of which something could be given back");
  }
  const ChargedPosition* const position = PositionAt(*decision, record.position);
  if (position == nullptr) {
    return absl::StrCat("position ", record.position, " took nothing that could be given back");
  }
  std::map<const OpenCharge*, int64_t> given;
  for (const Debit& refund : record.refunds) {
    const OpenCharge* const charge = ChargeOf(*position, refund);
    if (charge == nullptr) {
      return absl::StrCat("position ", record.position, " took nothing from row '", refund.row,
                          "' that could be given back");
    }
    int64_t& sum = given[charge];
    sum = Sum(sum, std::max<int64_t>(0, refund.amount));
    const int64_t owed = decision->Owed(*position, *charge, record.occurred_us);
    if (sum > owed || record.user_ref != decision->user_ref) {
      return absl::StrCat("position ", record.position, ", row '", refund.row, "': ", sum,
                          " is given back of ", charge->debit.amount, ", of which ", owed,
                          " is owed to the decision's user");
    }
  }
  return "";
}

}  // namespace fulcrum::decision_log
