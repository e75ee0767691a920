// Logs of decisions that take something under terms, for the tests of what is given back.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "decision_log/charges.h"
#include "tests/decision_log/reward_join_fixture.h"

namespace fulcrum::decision_log {

inline DebitTerms OnClick(bool in_cost = true) {
  return {.charged_on = "click", .in_cost = in_cost};
}
inline DebitTerms OnPurchaseUntilReturned() {
  return {.charged_on = "purchase", .returned_on = {"return"}, .return_window_us = 600 * kSecondUs};
}
inline DebitTerms UntilReturned() {
  return {.returned_on = {"cancellation", "return"}, .return_window_us = 600 * kSecondUs};
}

// As JoinDecision, but each position takes 10 of "row" under the terms.
inline DecisionRecord ChargedDecision(uint64_t number, int64_t second, const DebitTerms& terms,
                                      size_t slate = 1, bool exposure_required = false) {
  DecisionRecord record = JoinDecision(number, second, slate, exposure_required);
  for (PositionRecord& position : record.positions) {
    position.debits = {{.row = "row", .amount = 10, .limit = 100, .terms = terms}};
  }
  return record;
}

inline OutcomeRecord ChargeOutcome(uint64_t number, const std::string& kind, const std::string& id,
                                   int64_t second, std::optional<int64_t> cost = {},
                                   uint32_t position = 1) {
  OutcomeRecord record = JoinOutcome(number, id, 1, second, position);
  record.kind = kind;
  record.cost_micros = cost;
  return record;
}
inline OutcomeRecord Click(uint64_t number, const std::string& id, int64_t second,
                           std::optional<int64_t> cost = {}, uint32_t position = 1) {
  return ChargeOutcome(number, "click", id, second, cost, position);
}

// A log that tells what is owed, and what the books of one ledger say of it.
class ChargesRun {
 public:
  void Apply(LogEvent event) {
    charges_.Apply(charges_.lsn() + 1, event);
    Book(event);
    log_.push_back(std::move(event));
  }
  void ApplyAll(const std::vector<LogEvent>& events) {
    for (const LogEvent& event : events) Apply(event);
  }
  // Tells what is owed at `second`, as the service does.
  std::vector<SettlementRecord> Tell(int64_t second) {
    std::vector<SettlementRecord> due = charges_.TakeDue(kStartUs + second * kSecondUs);
    for (const SettlementRecord& record : due) {
      if (std::string problem = charges_.ProblemOf(record); !problem.empty()) problems_ += problem;
      Apply(record);
    }
    return due;
  }
  // What all decisions took from the row less what came back.
  int64_t Spent(const std::string& row = "row") { return spent_[row]; }

  // Goes on from what is serialised; what was given out and not told is lost.
  absl::Status Restart() {
    auto parsed = Charges::Parse(charges_.Serialise());
    if (!parsed.ok()) return parsed.status();
    charges_ = *std::move(parsed);
    return absl::OkStatus();
  }

  Charges& charges() { return charges_; }
  const std::vector<LogEvent>& log() const { return log_; }
  const std::string& problems() const { return problems_; }
  bool went_below_zero() const { return below_zero_; }

 private:
  void Book(const LogEvent& event) {
    if (const auto* const decision = std::get_if<DecisionRecord>(&event)) {
      for (const PositionRecord& position : decision->positions) Add(position.debits, 1);
    } else if (const auto* const unshown = std::get_if<UnshownRecord>(&event)) {
      Add(unshown->refunds, -1);
    } else if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
      Add(superseded->refunds, -1);
    } else if (const auto* const settlement = std::get_if<SettlementRecord>(&event)) {
      Add(settlement->refunds, -1);
    }
  }
  void Add(const std::vector<Debit>& debits, int64_t sign) {
    for (const Debit& debit : debits) {
      spent_[debit.row] += sign * debit.amount;
      below_zero_ = below_zero_ || spent_[debit.row] < 0;
    }
  }

  Charges charges_;
  std::vector<LogEvent> log_;
  std::map<std::string, int64_t> spent_;
  std::string problems_;
  bool below_zero_ = false;
};

}  // namespace fulcrum::decision_log
