// Log segments that were taken out of a stream because they are damaged, and how the stream tells
// of it: a gap with a manifest is a known loss, one without is damage.
//
//   <log>/quarantine/decisions/00000000000000000001.fulcrumlog   the segment, byte for byte
//   <log>/quarantine/decisions/00000000000000000001.manifest     its LSNs, why, when, by whom
//
// A manifest is one record of the log's format, of type audit, and says the same as the audit
// record that is appended to the log. It counts as long as its segment is not in its old place: who
// brings a sound copy back there has mended the stream. Plain functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "decision_log/log_format.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

inline constexpr char kQuarantineFolder[] = "quarantine";
inline constexpr char kQuarantineAction[] = "log.quarantine";  // of its audit records

// LSNs from the first to the second, both included.
using LsnSpans = std::vector<std::pair<Lsn, Lsn>>;

// "1-40, 42"; what is beyond a hundred spans is only hinted at.
std::string ToString(const LsnSpans& spans);

// One log segment that was taken out.
struct Quarantine {
  Stream stream = Stream::kDecisions;
  Lsn first = 0;  // the segment's name
  Lsn last = 0;   // the stream goes on behind it
  // The last LSN that is known to have been given. Below `last` if the segment was the stream's
  // end: then the LSNs between may never have been, and are not given again.
  Lsn known = 0;
  std::string readable;  // LSNs that the segment still tells, as of ToString(LsnSpans)
  std::string lost;      // those up to `known` that it does not
  std::string reason;
  std::string actor;
  int64_t at_us = 0;  // microseconds since 1970 UTC

  friend bool operator==(const Quarantine&, const Quarantine&) = default;
};

// "decisions/00000000000000000001.fulcrumlog": where the segment was, relative to the log, and
// where it is, relative to the folder of the quarantine.
std::string SegmentOf(const Quarantine& quarantine);

// "LSN 1 to 40 are quarantined since 2026-11-30T07:00:00Z (...): <reason>"
std::string ToString(const Quarantine& quarantine);

AuditRecord AuditOf(const Quarantine& quarantine);
// DATA_LOSS if `audit` is not of a quarantine.
absl::StatusOr<Quarantine> QuarantineOf(const AuditRecord& audit);

// The bytes of a manifest, and back: DATA_LOSS with what is wrong.
std::string EncodeManifest(const Quarantine& quarantine);
absl::StatusOr<Quarantine> DecodeManifest(std::string_view bytes);

// Those of a stream, in LSN order.
struct Quarantines {
  std::vector<Quarantine> all;          // whose segment is not in its old place
  std::vector<std::string> unreadable;  // paths of manifests that are damaged
  LsnSpans never_given;                 // behind segments that were the stream's end and are back

  // The one that has `lsn`; null if none has.
  const Quarantine* Of(Lsn lsn) const;
  // The first one that ends at `from` or later and begins before `before`; null if there is none.
  const Quarantine* Next(Lsn from, Lsn before) const;
  // Where a stream begins whose first segment is `segment`: there, or with what was quarantined
  // right before it.
  Lsn Begin(Lsn segment) const;
  // `lsn`, or what comes behind those from there on that were never given.
  Lsn Given(Lsn lsn) const;
};

// Errors are those of reading. An unreadable manifest is no error: its gap is damage.
absl::StatusOr<Quarantines> ReadQuarantines(base::FileSystem* files, const std::string& directory,
                                            Stream stream);

// Writes the manifest and moves the segment. Each step is durable before the next one, and all may
// be repeated: a crash leaves the segment in its old place, or moved and with its manifest.
absl::Status MoveToQuarantine(base::FileSystem* files, const std::string& directory,
                              const Quarantine& quarantine);

}  // namespace fulcrum::decision_log
