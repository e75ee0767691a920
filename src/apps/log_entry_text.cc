#include "apps/log_entry_text.h"

#include <cstdio>
#include <optional>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "decision_log/event_json.h"
#include "decision_log/record_names.h"

namespace fulcrum::apps {
namespace {

std::string Describe(const DecisionRecord& record) {
  std::string text =
      absl::StrCat("surface ", record.surface, ", ", decision_log::NameOf(record.answer));
  for (const PositionRecord& position : record.positions) {
    absl::StrAppend(&text, ", ", position.action_id);
    const Ticks drawn = DrawnTicks(record, position);
    absl::StrAppend(&text,
                    drawn == 0 ? " not drawn" : absl::StrFormat(" p=%.6f", PropensityOf(drawn)));
    for (const Debit& debit : position.debits) {
      absl::StrAppend(&text, ", ", debit.row, " -", debit.amount);
    }
  }
  if (record.detail == Detail::kSampledOut) absl::StrAppend(&text, ", detail sampled out");
  if (record.detail == Detail::kWithheld) absl::StrAppend(&text, ", detail withheld");
  if (!record.redacted.empty()) {
    absl::StrAppend(&text, ", masked by ", absl::StrJoin(record.redacted, " "));
  }
  return text;
}

std::string Describe(const ExposureRecord& record) {
  return absl::StrCat("position ", record.position, " shown ", Rfc3339(record.occurred_us));
}

std::string Describe(const OutcomeRecord& record) {
  return absl::StrCat("position ", record.position, " ", record.kind, " ", record.value,
                      record.currency.empty() ? "" : " ", record.currency, " ",
                      Rfc3339(record.occurred_us));
}

std::string Describe(const SupersededRecord& record) {
  return absl::StrCat("LSN ", record.decision_lsn, " was not served, ", record.served_action_id,
                      " was; ", record.refunds.size(), " debits returned");
}

std::string Describe(const UnshownRecord& record) {
  return absl::StrCat("positions ", absl::StrJoin(record.positions, ","), " of LSN ",
                      record.decision_lsn, " not shown in time; ", record.refunds.size(),
                      " debits returned");
}

std::string Describe(const SettlementRecord& record) {
  std::string text = absl::StrCat("position ", record.position, " of LSN ", record.decision_lsn,
                                  " given back: ", decision_log::NameOf(record.cause));
  for (const Debit& refund : record.refunds) {
    absl::StrAppend(&text, ", ", refund.row, " +", refund.amount);
  }
  return text;
}

std::string Describe(const PosteriorUpdateRecord& record) {
  return absl::StrCat("posteriors up to LSN ", record.folded_lsn, " kept, digest ",
                      absl::Hex(record.digest, absl::kZeroPad16));
}

std::string Describe(const PriceUpdateRecord& record) {
  return absl::StrCat("version ", record.version, ", ", record.prices.size(), " prices");
}

std::string Describe(const LeaseRecord& record) {
  return absl::StrCat(record.row, record.amount > 0 ? " granted " : " given back ",
                      record.amount > 0 ? record.amount : -record.amount, ", leased ",
                      record.leased, " of ", record.limit);
}

std::string Describe(const AuditRecord& record) {
  std::string text = absl::StrCat(record.actor, " ", record.action);
  if (!record.target.empty()) absl::StrAppend(&text, " ", record.target);
  for (const AuditDetail& detail : record.details) {
    absl::StrAppend(&text, ", ", detail.name, " ", detail.value);
  }
  return text;
}

std::string Describe(const IdentityRecord& record) {
  const auto hex = [](const UserRef& ref) {
    return absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(ref.data()), ref.size()));
  };
  if (record.change == IdentityChange::kPurged)
    return absl::StrCat(hex(record.user_ref), " purged");
  return absl::StrCat(hex(record.user_ref), " merged into ", hex(record.into));
}

}  // namespace

std::string Rfc3339(int64_t micros) {
  return absl::FormatTime(absl::RFC3339_full, absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

void PrintEntry(const LogEntry& entry, bool json) {
  const std::optional<DecisionId> decision = EventDecisionId(entry.event);
  const std::string id = decision.has_value() ? decision->ToString() : "";
  const char* const type = decision_log::EventTypeName(entry.event);
  const std::string time = Rfc3339(entry.time_us);
  if (json) {
    std::printf(
        "{\"lsn\":%llu,\"time\":\"%s\",\"type\":\"%s\",\"decision_id\":\"%s\",\"event\":%s}\n",
        static_cast<unsigned long long>(entry.lsn), time.c_str(), type, id.c_str(),
        decision_log::EventToJson(entry.event).c_str());
    return;
  }
  const std::string what =
      std::visit([](const auto& event) { return Describe(event); }, entry.event);
  std::printf("%llu  %s  %-10s  %s  %s\n", static_cast<unsigned long long>(entry.lsn), time.c_str(),
              type, id.c_str(), what.c_str());
}

}  // namespace fulcrum::apps
