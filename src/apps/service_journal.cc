#include "apps/service_journal.h"

#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "decision_log/event_json.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::apps {

void ServiceJournal::Tell(LogEvent event) {
  if (closed_.load()) return;
  const char* const type = decision_log::EventTypeName(event);
  const absl::Status queued =
      log_->Append(std::move(event), std::nullopt, [](const absl::StatusOr<Lsn>&) {});
  if (queued.ok()) return;
  telemetry::WarnLimited("record_not_logged",
                         {{"type", type}, {"error", std::string(queued.message())}});
}

void ServiceJournal::Audit(std::string action, std::string target,
                           std::vector<AuditDetail> details) {
  AuditRecord record{.actor = kServiceActor,
                     .action = std::move(action),
                     .target = std::move(target),
                     .details = std::move(details)};
  record.occurred_us = absl::ToUnixMicros(clock_->Now());
  Tell(std::move(record));
}

}  // namespace fulcrum::apps
