// What the log teaches: posteriors as a fold over its records in LSN order.
//
// The posteriors at LSN n are a pure function of the start (bundle and model) and of records 1..n:
// the service, a restarted service and a replay get the same bits, however the log is cut into
// runs. Each position teaches when it settles (decision_log/reward_join.h); what is heard of it
// later corrects that. Missing, pending and fallback answers teach nothing.
//
// With a surface that forgets, what was learned counts less with every step of the log's time,
// which is that of the latest decision: a record of a decision may change posteriors though nothing
// settles.
//
// Beside them the fold follows what decisions took under terms (decision_log/charges.h), which
// depends on the records alone.
//
// The counts of a model may hold a part of the log already, up to the manifest's `counts_lsn`. What
// settles or is corrected by a record up to there is joined but not counted again; they begin to
// age with the first decision after it. Linear posteriors are not in those counts: they learn from
// the whole log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "config/manifest.h"
#include "decision_log/charges.h"
#include "decision_log/reward_join.h"
#include "fulcrum/decision_record.h"
#include "scoring/posteriors.h"

namespace fulcrum::learning {

// What the fold begins with.
struct FoldStart {
  scoring::Posteriors posteriors;  // the model's counts, and the surfaces with linear posteriors
  uint64_t origin = 0;             // fingerprint of all that shapes `posteriors`
  Lsn counts_lsn = 0;              // the counts hold the log up to here
  base::StringMap<std::vector<double>> position_effects;  // by surface; none: all looked at alike
};

// `counts` are the model's, empty without one; `manifest` is null without a model.
FoldStart StartOf(const config::Bundle& bundle, scoring::Posteriors counts,
                  const config::ModelManifest* manifest);

// Copying shares the posteriors and copies the join. Not thread-safe.
class OutcomeFold {
 public:
  explicit OutcomeFold(FoldStart start);

  // Folds the next record; one that was folded already does nothing. A gap is the caller's mistake:
  // it is not noticed.
  void Apply(Lsn lsn, const LogEvent& event);

  Lsn lsn() const { return join_.lsn(); }  // of the last record folded
  // Their lsn() is that of the last record that changed them: equal posteriors have equal LSNs,
  // whenever they were copied. A copy is cheap and stays as it is.
  const scoring::Posteriors& posteriors() const { return posteriors_; }
  // How often a posterior has changed, for telling whether there is something new. Not kept.
  uint64_t changes() const { return changes_; }
  decision_log::RewardJoin& join() { return join_; }
  const decision_log::RewardJoin& join() const { return join_; }
  decision_log::Charges& charges() { return charges_; }
  const decision_log::Charges& charges() const { return charges_; }
  uint64_t origin() const { return origin_; }

  // Goes on with charges of another fold over the same log, which may be ahead of this one.
  void AdoptCharges(decision_log::Charges charges) { charges_ = std::move(charges); }

  // The durable form, data/snapshots/posterior-<LSN>: versioned and checksummed; the same bytes for
  // the same start and records. Little-endian: magic, version u32, origin u64, length of the
  // posteriors u64 and of the join u64, the posteriors, the join, the charges, and the CRC-32C of
  // all before it. Version 1 had no charges, nor the length of the join.
  std::string Serialise() const;
  // Goes on exactly like the one that was serialised. DATA_LOSS if damaged, FAILED_PRECONDITION if
  // it began with another start.
  static absl::StatusOr<OutcomeFold> Parse(std::string_view bytes, const FoldStart& start);
  // What a fold with any start holds of charges. DATA_LOSS if damaged.
  static absl::StatusOr<decision_log::Charges> ParseCharges(std::string_view bytes);

 private:
  void Teach(Lsn lsn, const decision_log::RewardChange& change);
  double ExaminationAt(std::string_view surface, size_t index) const;
  void NoteChange(Lsn lsn);

  scoring::Posteriors posteriors_;
  uint64_t origin_ = 0;
  Lsn counts_lsn_ = 0;
  base::StringMap<std::vector<double>> position_effects_;
  decision_log::RewardJoin join_;
  decision_log::Charges charges_;
  uint64_t changes_ = 0;
};

}  // namespace fulcrum::learning
