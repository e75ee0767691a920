// Both streams of a log as lines of JSON. Not for use beside export.h.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "exchange/transfer.h"

namespace fulcrum::exchange {

// `what` is the export's name in its checkpoint; errors are ExportLog()'s.
absl::StatusOr<TransferReport> ExportJsonl(const std::string& log, const std::string& path,
                                           const std::string& what, const TransferOptions& options);

}  // namespace fulcrum::exchange
