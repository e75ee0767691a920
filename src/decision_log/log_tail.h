// Where to begin reading a log for its last part alone.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

// An LSN for LogWriter::Recover(), after which stand all decisions that occurred less than `span`
// before the newest one, if decisions stand in the log in the order of their times. Looks at the
// beginning of log segments, newest first, so it may say up to a segment too little. That of all
// that is there if all must be read. Errors are those of reading. Thread-safe.
absl::StatusOr<Lsn> StartOfTail(base::FileSystem* files, const std::string& directory,
                                absl::Duration span);

}  // namespace fulcrum::decision_log
