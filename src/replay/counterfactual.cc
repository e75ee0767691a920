#include "replay/counterfactual.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/ordered_batches.h"
#include "base/status_macros.h"
#include "replay/counterfactual_source.h"
#include "replay/target_file.h"

namespace fulcrum::replay {
namespace {

using Batches = base::OrderedBatches<ReplayBatch, ReplayBatch>;

class Counterfactual {
 public:
  Counterfactual(base::FileSystem* files, std::string directory, const OtherPolicy& other,
                 CounterfactualOptions options)
      : files_(files),
        other_(other),
        options_(std::move(options)),
        source_(files, std::move(directory), &other, options_.rescore),
        ledger_(other.bundle.get(), options_.opening) {}

  absl::StatusOr<CounterfactualReport> Run() {
    FULCRUM_RETURN_IF_ERROR(source_.Survey());
    report_.bundle = other_.bundle->version;
    report_.model = other_.model_version();
    for (const config::Constraint& row : other_.bundle->constraints) {
      report_.rows[row.id].limit = row.limit;
    }
    FULCRUM_RETURN_IF_ERROR(OpenTarget());
    Batches batches(
        options_.threads, [this] { return source_.Next(&report_); },
        [this](ReplayBatch batch) -> absl::StatusOr<ReplayBatch> {
          return Guess(std::move(batch));
        });
    for (;;) {
      FULCRUM_ASSIGN_OR_RETURN(std::optional<ReplayBatch> batch, batches.Next());
      if (!batch.has_value()) break;
      for (ReplayItem& item : *batch) FULCRUM_RETURN_IF_ERROR(Fold(&item));
    }
    source_.Finish(&report_);
    if (target_ != nullptr) FULCRUM_RETURN_IF_ERROR(target_->Finish());
    return std::move(report_);
  }

 private:
  // All that shapes the outcomes beside log, bundle and model.
  std::string Settings() const {
    std::string settings = absl::StrCat("rescore=", options_.rescore ? 1 : 0);
    if (options_.from_us != INT64_MIN) absl::StrAppend(&settings, " from_us=", options_.from_us);
    if (options_.until_us != INT64_MAX) absl::StrAppend(&settings, " until_us=", options_.until_us);
    for (const OpeningSpend& one : options_.opening) {
      absl::StrAppend(&settings, " ", one.row, "@", one.window_start_us, "=", one.spent);
    }
    return settings;
  }

  absl::Status OpenTarget() {
    if (options_.target_path.empty()) return absl::OkStatus();
    FULCRUM_ASSIGN_OR_RETURN(target_,
                             TargetWriter::Open(files_, options_.target_path,
                                                {report_.bundle, report_.model, source_.first_lsn(),
                                                 source_.last_lsn(), Settings()}));
    old_last_lsn_ = target_->old_last_lsn();  // up to here nothing is computed again
    FULCRUM_ASSIGN_OR_RETURN(next_old_, target_->NextOld());
    return absl::OkStatus();
  }

  bool IsAsked(const DecisionRecord& record) const {
    return record.occurred_us >= options_.from_us && record.occurred_us < options_.until_us;
  }

  // By any thread: scores, and distributions as they are if the ledger masks what it masked.
  ReplayBatch Guess(ReplayBatch batch) const {
    for (ReplayItem& item : batch) {
      const auto* const record = std::get_if<DecisionRecord>(&item.entry.event);
      if (record == nullptr || !IsAsked(*record) || item.entry.lsn <= old_last_lsn_) continue;
      item.choice = ChooseAgain(*record, item.snapshot.has_value() ? &*item.snapshot : nullptr,
                                *item.world, other_, item.posteriors.get());
      item.snapshot.reset();
      item.posteriors.reset();
      if (!item.choice.not_replayed.empty()) continue;
      for (size_t i = 0; i < item.choice.candidates.size(); ++i) {
        const MaskReason logged = record->candidates[item.choice.candidates[i]].mask;
        item.guessed.push_back(item.choice.masks[i] == MaskReason::kNone &&
                               logged != MaskReason::kNoHold && logged != MaskReason::kNoUserRef &&
                               logged != MaskReason::kLedgerUnavailable);
      }
      item.slate = DrawSlate(*record, item.choice, item.guessed);
    }
    return batch;
  }

  absl::Status Fold(ReplayItem* item) {
    const auto* const record = std::get_if<DecisionRecord>(&item->entry.event);
    if (record == nullptr) {
      ledger_.Apply(item->entry.event, &report_.rows);
    } else {
      if (!IsAsked(*record)) return absl::OkStatus();
      FULCRUM_ASSIGN_OR_RETURN(const Outcome outcome, OutcomeOf(*record, item));
      AddDecision(*record, outcome, *other_.bundle, &report_);
      ledger_.Spend(*record, outcome, item->world->bundle(), &report_.rows);
      if (options_.on_decision) options_.on_decision(*record, outcome);
    }
    if (options_.on_spend) options_.on_spend(EventTime(item->entry.event), report_);
    return absl::OkStatus();
  }

  absl::StatusOr<Outcome> OutcomeOf(const DecisionRecord& record, ReplayItem* item) {
    if (next_old_.has_value()) {
      if (next_old_->lsn != item->entry.lsn || next_old_->id != record.id) {
        return absl::InvalidArgumentError(
            absl::StrCat(options_.target_path, ": it has LSN ", next_old_->lsn,
                         " where the log has the decision of LSN ", item->entry.lsn,
                         "; remove the file and replay again"));
      }
      Outcome old = *std::exchange(next_old_, std::nullopt);
      FULCRUM_ASSIGN_OR_RETURN(next_old_, target_->NextOld());
      return old;
    }
    Outcome outcome = Decide(record, item);
    if (target_ != nullptr) FULCRUM_RETURN_IF_ERROR(target_->Write(outcome));
    return outcome;
  }

  Outcome Decide(const DecisionRecord& record, ReplayItem* item) {
    const Choice& choice = item->choice;
    Outcome outcome{.lsn = item->entry.lsn, .id = record.id};
    outcome.not_replayed = choice.not_replayed;
    if (!outcome.not_replayed.empty()) {
      outcome.slate.reserve(record.positions.size());
      for (const PositionRecord& one : record.positions) {
        outcome.slate.push_back({one.action_id, {}});
      }
      return outcome;
    }
    outcome.candidates = ledger_.Secure(record, choice, item->world->bundle());
    std::vector<bool> left;
    left.reserve(outcome.candidates.size());
    for (const OutcomeCandidate& one : outcome.candidates) {
      left.push_back(one.mask == MaskReason::kNone);
    }
    Slate slate = left == item->guessed ? std::move(item->slate) : DrawSlate(record, choice, left);
    for (SlatePosition& one : slate.positions) {
      outcome.slate.push_back({choice.ActionAt(record, one.drawn), std::move(one.ticks)});
    }
    outcome.target = std::move(slate.given_logged);
    return outcome;
  }

  base::FileSystem* const files_;
  const OtherPolicy& other_;
  const CounterfactualOptions options_;
  CounterfactualSource source_;
  SimulatedLedger ledger_;
  std::unique_ptr<TargetWriter> target_;
  std::optional<Outcome> next_old_;
  Lsn old_last_lsn_ = 0;
  CounterfactualReport report_;
};

}  // namespace

absl::StatusOr<CounterfactualReport> ReplayCounterfactual(base::FileSystem* files,
                                                          const std::string& directory,
                                                          const OtherPolicy& other,
                                                          CounterfactualOptions options) {
  return Counterfactual(files, directory, other, std::move(options)).Run();
}

}  // namespace fulcrum::replay
