// Whether an event may be written: CheckEvent and CheckSnapshot of record_codec.h.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "decision_log/record_codec.h"

namespace fulcrum::decision_log {
namespace {

// Collects the first thing that is wrong with an event.
class Checker {
 public:
  explicit Checker(const char* what) : what_(what) {}

  void Text(const char* field, std::string_view text) {
    if (status_.ok() && !base::IsUtf8(text)) Refuse(field, "is not UTF-8");
  }
  void That(bool right, const char* field, const char* problem) {
    if (status_.ok() && !right) Refuse(field, problem);
  }
  void Debits(const char* field, const std::vector<Debit>& debits) {
    for (const Debit& debit : debits) {
      Text(field, debit.row);
      That(!debit.row.empty(), field, "has no row");
      That(debit.amount > 0, field, "has an amount below 1");
      That(debit.limit >= 0, field, "has a limit below 0");
      Text(field, debit.terms.charged_on);
      for (const std::string& kind : debit.terms.returned_on) Text(field, kind);
      That(debit.terms.return_window_us >= 0, field, "has a return window below 0");
    }
  }
  const absl::Status& status() const { return status_; }

 private:
  void Refuse(const char* field, const char* problem) {
    status_ = absl::InvalidArgumentError(absl::StrCat(what_, ": ", field, " ", problem));
  }

  const char* what_;
  absl::Status status_;
};

bool SumsToOne(const std::vector<Ticks>& ticks) {
  Ticks sum = 0;
  for (const Ticks one : ticks) {
    if (one > kTicksTotal || sum > kTicksTotal) return false;
    sum += one;
  }
  return sum == kTicksTotal;
}

// A distribution over the record's candidates and the neutral action.
void CheckTicks(const DecisionRecord& record, const std::vector<Ticks>& ticks, const char* field,
                Checker* check) {
  check->That(ticks.size() == record.candidates.size() + 1, field,
              "has not one number per candidate and one for the neutral action");
  check->That(SumsToOne(ticks), field, "does not sum to 2^32");
}

void CheckPosition(const DecisionRecord& record, const PositionRecord& position, Checker* check) {
  check->Text("position.action_id", position.action_id);
  check->Debits("position.debits", position.debits);
  for (const double term : position.basis) {
    check->That(std::isfinite(term), "position.basis", "is not all finite");
  }
  check->That(position.drawn_ticks <= kTicksTotal, "position.drawn_ticks", "is above 2^32");
  for (const std::vector<Ticks>& ticks : position.shadow_ticks) {
    CheckTicks(record, ticks, "position.shadows", check);
  }
  check->That(position.discounts.empty() || position.discounts.size() == record.candidates.size(),
              "position.discounts", "has not one number per candidate");
  if (position.ticks.empty()) return;
  check->That(position.drawn_ticks == 0, "position.drawn_ticks", "stands beside `ticks`");
  CheckTicks(record, position.ticks, "position.ticks", check);
}

absl::Status Check(const DecisionRecord& record) {
  Checker check("decision");
  check.Text("request_id", record.request_id);
  check.Text("principal", record.principal);
  check.Text("surface", record.surface);
  check.Text("segment", record.segment);
  check.Text("replayable_reason", record.replayable_reason);
  check.Text("reward_kind", record.reward_kind);
  for (const std::string& rule : record.redacted) check.Text("redacted", rule);
  check.That(record.detail_ticks >= 1 && record.detail_ticks <= kTicksTotal, "detail_ticks",
             "is no probability above 0");
  check.That(record.detail == Detail::kWhole || record.candidates.empty(), "candidates",
             "are there although the record has no detail");
  for (const CandidateRecord& candidate : record.candidates) {
    check.Text("candidate.action_id", candidate.action_id);
    check.Text("candidate.campaign_id", candidate.campaign_id);
    check.That(!candidate.action_id.empty(), "candidate.action_id", "is empty");
  }
  check.Text("region", record.region);
  check.That(record.holdout_ticks <= kTicksTotal, "holdout_ticks", "is above 2^32");
  for (const ShadowRecord& shadow : record.shadows) check.Text("shadow.id", shadow.id);
  for (const PositionRecord& position : record.positions) CheckPosition(record, position, &check);
  for (const PositionRecord& position : record.unserved) CheckPosition(record, position, &check);
  return check.status();
}

absl::Status Check(const ExposureRecord& record) {
  Checker check("exposure");
  check.Text("principal", record.principal);
  check.That(record.position >= 1, "position", "is 0; positions are counted from 1");
  return check.status();
}

absl::Status Check(const OutcomeRecord& record) {
  Checker check("outcome");
  check.Text("outcome_id", record.outcome_id);
  check.Text("kind", record.kind);
  check.Text("currency", record.currency);
  check.Text("principal", record.principal);
  check.That(std::isfinite(record.value), "value", "is not a finite number");
  check.That(record.cost_micros.value_or(0) >= 0, "cost_micros", "is below 0");
  return check.status();
}

absl::Status Check(const SupersededRecord& record) {
  Checker check("superseded");
  check.Text("served_action_id", record.served_action_id);
  check.Debits("refunds", record.refunds);
  check.That(record.decision_lsn >= 1, "decision_lsn", "is 0");
  return check.status();
}

absl::Status Check(const UnshownRecord& record) {
  Checker check("unshown");
  check.Debits("refunds", record.refunds);
  check.That(record.decision_lsn >= 1, "decision_lsn", "is 0");
  check.That(!record.positions.empty(), "positions", "is empty");
  uint32_t last = 0;
  for (const uint32_t position : record.positions) {
    check.That(position > last, "positions", "is not ascending from 1");
    last = position;
  }
  return check.status();
}

absl::Status Check(const SettlementRecord& record) {
  Checker check("settlement");
  check.Debits("refunds", record.refunds);
  check.That(!record.refunds.empty(), "refunds", "is empty");
  check.That(record.decision_lsn >= 1, "decision_lsn", "is 0");
  check.That(record.position >= 1, "position", "is 0; positions are counted from 1");
  return check.status();
}

absl::Status Check(const PosteriorUpdateRecord&) {
  return absl::OkStatus();
}

absl::Status Check(const PriceUpdateRecord& record) {
  Checker check("price update");
  check.That(record.version >= 1, "version", "is 0");
  for (const Price& price : record.prices) {
    check.Text("prices", price.row);
    check.That(!price.row.empty(), "prices", "has no row");
    check.That(std::isfinite(price.price) && price.price >= 0, "prices", "is not a price");
  }
  return check.status();
}

absl::Status Check(const LeaseRecord& record) {
  Checker check("lease");
  check.Text("row", record.row);
  check.That(!record.row.empty(), "row", "is empty");
  check.That(record.amount != 0, "amount", "is 0");
  check.That(record.leased >= 0, "leased", "is below 0");
  check.That(record.limit >= 0, "limit", "is below 0");
  return check.status();
}

absl::Status Check(const IdentityRecord& record) {
  Checker check("identity");
  const bool merged = record.change == IdentityChange::kMerged;
  check.That(merged || record.change == IdentityChange::kPurged, "change", "is unknown");
  check.That(record.user_ref != UserRef{}, "user_ref", "is all zero");
  check.That((record.into != UserRef{}) == merged, "into", "is for merges, and only for them");
  check.That(record.into != record.user_ref, "into", "is `user_ref`");
  return check.status();
}

absl::Status Check(const AuditRecord& record) {
  Checker check("audit");
  check.Text("actor", record.actor);
  check.Text("action", record.action);
  check.That(!record.action.empty(), "action", "is empty");
  check.Text("target", record.target);
  for (const AuditDetail& detail : record.details) {
    check.Text("details", detail.name);
    check.Text("details", detail.value);
  }
  return check.status();
}

}  // namespace

absl::Status CheckEvent(const LogEvent& event) {
  return std::visit([](const auto& record) { return Check(record); }, event);
}

absl::Status CheckSnapshot(const FeatureSnapshot& snapshot) {
  Checker check("feature snapshot");
  const bool whole = snapshot.columns == 0 ? snapshot.values.empty()
                                           : snapshot.values.size() % snapshot.columns == 0;
  check.That(whole, "values", "is not whole rows of `columns` numbers");
  int64_t last = -1;
  for (const uint32_t column : snapshot.masked_columns) {
    check.That(column > last && column < snapshot.columns, "masked_columns",
               "is not ascending columns");
    last = column;
  }
  return check.status();
}

}  // namespace fulcrum::decision_log
