#include "apps/log_keeper.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/log_tail.h"
#include "decision_log/retention.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::apps {

using decision_log::Stream;

absl::StatusOr<uint64_t> FreeBytes(const std::string& directory) {
  struct statvfs disk;
  if (statvfs(directory.c_str(), &disk) == 0) return uint64_t{disk.f_bavail} * disk.f_frsize;
  return absl::InternalError(absl::StrCat("cannot examine the disk of '", directory,
                                          "': ", std::generic_category().message(errno)));
}

void LogKeeper::Round() {
  LookAtDisk();
  const absl::Status retired = Retire();
  if (retired.ok()) return;
  telemetry::WarnLimited("log_retention_failed", {{"error", std::string(retired.message())}});
}

absl::Status LogKeeper::Retire() {
  // Nothing that is computed needs features again.
  FULCRUM_RETURN_IF_ERROR(RetireStream(Stream::kFeatures, parts_.settings.features_retention,
                                       ~Lsn{0}, &features_retired_));
  if (parts_.settings.decisions_retention == absl::ZeroDuration()) return absl::OkStatus();
  FULCRUM_ASSIGN_OR_RETURN(const Lsn keep_from, KeepFrom());
  return RetireStream(Stream::kDecisions, parts_.settings.decisions_retention, keep_from,
                      &decisions_retired_);
}

// The first LSN that a start may ask for. Of the posteriors' checkpoints the second newest counts,
// because a start falls back on it if the newest is damaged.
absl::StatusOr<Lsn> LogKeeper::KeepFrom() {
  const Lsn newest = parts_.posteriors_lsn();
  if (posteriors_known_ && newest != posteriors_newest_) posteriors_before_ = posteriors_newest_;
  posteriors_newest_ = newest;
  posteriors_known_ = true;
  FULCRUM_ASSIGN_OR_RETURN(const Lsn ledger, parts_.ledger_lsn());
  FULCRUM_ASSIGN_OR_RETURN(
      const Lsn requests,
      decision_log::StartOfTail(parts_.files, parts_.directory, parts_.idempotency_window));
  const Lsn operators = parts_.operators_lsn ? parts_.operators_lsn() : ~Lsn{0};
  return std::min({ledger, posteriors_before_, requests, operators}) + 1;
}

absl::Status LogKeeper::RetireStream(Stream stream, absl::Duration age, Lsn keep_from,
                                     std::atomic<uint64_t>* count) {
  if (age == absl::ZeroDuration()) return absl::OkStatus();
  FULCRUM_ASSIGN_OR_RETURN(const decision_log::Retired retired,
                           decision_log::RetireSegments(parts_.files, parts_.directory, stream,
                                                        parts_.clock->Now() - age, keep_from));
  if (retired.segments == 0) return absl::OkStatus();
  *count += retired.segments;
  telemetry::Info("log_segments_retired", {{"stream", decision_log::StreamName(stream)},
                                           {"segments", absl::StrCat(retired.segments)},
                                           {"last_lsn", absl::StrCat(retired.last_lsn)}});
  if (parts_.journal != nullptr) {
    parts_.journal->Audit("log.segments_retired", decision_log::StreamName(stream),
                          {{"segments", absl::StrCat(retired.segments)},
                           {"last_lsn", absl::StrCat(retired.last_lsn)}});
  }
  return absl::OkStatus();
}

void LogKeeper::LookAtDisk() {
  const absl::StatusOr<uint64_t> free = parts_.free_bytes(parts_.directory);
  if (!free.ok()) {
    telemetry::WarnLimited("disk_not_examined", {{"error", std::string(free.status().message())}});
    return;
  }
  free_bytes_ = *free;
  const bool low = *free < static_cast<uint64_t>(parts_.settings.disk_reserve_bytes);
  if (low) {
    telemetry::WarnLimited("disk_low",
                           {{"directory", parts_.directory},
                            {"free_bytes", absl::StrCat(*free)},
                            {"reserve_bytes", absl::StrCat(parts_.settings.disk_reserve_bytes)}});
  }
  low_ = low;
}

void LogKeeper::AddMetrics(telemetry::Metrics* metrics) const {
  using telemetry::Sample;
  metrics->AddPulled({"fulcrum_log_retired_segments_total", "Log segments deleted by retention",
                      "stream", true, [this] {
                        return std::vector<Sample>{
                            {"decisions", static_cast<double>(decisions_retired_.load())},
                            {"features", static_cast<double>(features_retired_.load())}};
                      }});
  metrics->AddPulled(
      {"fulcrum_log_disk_free_bytes", "Free space of the log's disk", "", false, [this] {
         return std::vector<Sample>{{"", static_cast<double>(free_bytes_.load())}};
       }});
  metrics->AddPulled(
      {"fulcrum_log_disk_low", "1 while that is below the reserve", "", false, [this] {
         return std::vector<Sample>{{"", low_.load() ? 1.0 : 0.0}};
       }});
}

}  // namespace fulcrum::apps
