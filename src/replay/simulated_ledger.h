// The sequential half of a counterfactual replay: two sets of books, one with what the log says was
// spent and one with what the other policy would have spent, told of every event in LSN order.
//
// What the log alone knows is carried over: which positions were not shown in time (both sides get
// their debits back), what share of what a position took from a row under terms was given back (the
// other side gets back the same share of what it took there, if its row has terms too; where the
// logged action took nothing from the row, the whole stays taken, which is never too little), which
// decisions were superseded, when no lease could be had, and that a candidate was masked because
// decisions in flight held its row's room. The last holds as long as both books agree on the
// candidate's campaign: then nothing else explains that mask.
//
// Not thread-safe.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "config/bundle.h"
#include "fulcrum/decision_record.h"
#include "replay/books.h"
#include "replay/choice.h"
#include "replay/counterfactual_report.h"

namespace fulcrum::replay {

// What a row had spent at the start.
struct OpeningSpend {
  std::string row;
  int64_t window_start_us = 0;  // INT64_MIN for `total`
  int64_t spent = 0;
};

class SimulatedLedger {
 public:
  SimulatedLedger(const config::Bundle* bundle, const std::vector<OpeningSpend>& opening);

  // Masks what cannot be secured; the result runs parallel to choice.candidates.
  std::vector<OutcomeCandidate> Secure(const DecisionRecord& record, const Choice& choice,
                                       const config::Bundle* recorded_bundle);

  // Folds the decision on both sides, into `rows` too.
  void Spend(const DecisionRecord& record, const Outcome& outcome,
             const config::Bundle* recorded_bundle, std::map<std::string, RowShift>* rows);
  // Folds what is heard later.
  void Apply(const LogEvent& event, std::map<std::string, RowShift>* rows);

 private:
  // Of one position, to be returned if it was not shown.
  struct Taken {
    std::vector<Debit> debits;
    std::map<std::string, double> expected;  // by row
    // What still stands of what was logged, by row, for rows that the log may give back to.
    std::map<std::string, int64_t> logged;
  };
  struct Open {
    std::vector<Taken> positions;
    UserRef user_ref{};
    bool returns = false;  // debits of positions that are not shown
    int64_t until_us = 0;
  };

  static std::vector<MaskReason> Kept(const DecisionRecord& record, const Choice& choice,
                                      const std::vector<size_t>& planned,
                                      const orchestrator::Plan& plan);
  bool OthersHold(int32_t action, const config::Bundle* recorded_bundle,
                  const orchestrator::Plan& plan, size_t planned) const;
  // What each action takes when it is drawn for the record's request.
  std::vector<std::vector<Debit>> DebitsOf(const std::vector<std::string>& action_ids,
                                           const DecisionRecord& record,
                                           const config::Bundle* recorded_bundle) const;
  std::vector<Taken> TakenBy(const DecisionRecord& record, const Outcome& outcome,
                             const config::Bundle* recorded_bundle) const;
  void Remember(const DecisionRecord& record, Open open);
  void Return(const DecisionId& id, const std::vector<uint32_t>* positions,
              std::map<std::string, RowShift>* rows);
  void ReturnShare(const SettlementRecord& record, std::map<std::string, RowShift>* rows);
  // Gives back of what the position takes from `row` the share that `part` has of `whole`.
  void GiveBack(const std::string& row, int64_t part, int64_t whole, Taken* taken,
                const UserRef& user_ref, std::map<std::string, RowShift>* rows);
  DebitTerms TermsOf(const std::string& row) const;  // in the other bundle
  bool ReturnsUnshown(const std::string& row, const Taken& taken) const;
  void ReturnLogged(const std::vector<Debit>& refunds, const UserRef& user_ref,
                    std::map<std::string, RowShift>* rows);

  const config::Bundle* const bundle_;
  Books logged_;
  Books other_;
  absl::flat_hash_map<DecisionId, Open> open_;
  std::deque<DecisionId> order_;  // of open_, and of some that are gone
  int64_t latest_us_ = 0;
};

}  // namespace fulcrum::replay
