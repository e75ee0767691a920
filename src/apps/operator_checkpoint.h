// What operators have set, beside the log: retention may delete the records that say it. One small
// file, replaced as a whole: the audit records that still hold, as lines of JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::apps {

struct OperatorRecord {
  Lsn lsn = 0;
  AuditRecord record;

  friend bool operator==(const OperatorRecord&, const OperatorRecord&) = default;
};

struct OperatorCheckpoint {
  Lsn lsn = 0;  // it holds the log up to here
  std::vector<OperatorRecord> records;

  friend bool operator==(const OperatorCheckpoint&, const OperatorCheckpoint&) = default;
};

// Nothing if there is no such file. DATA_LOSS, with the remedy, if it is damaged: what is paused
// must not be resumed in silence.
absl::StatusOr<std::optional<OperatorCheckpoint>> ReadOperatorCheckpoint(base::FileSystem* files,
                                                                         const std::string& path);

// Synced when it returns.
absl::Status WriteOperatorCheckpoint(base::FileSystem* files, const std::string& path,
                                     const OperatorCheckpoint& checkpoint);

}  // namespace fulcrum::apps
