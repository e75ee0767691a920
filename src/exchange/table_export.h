// A log as a table of decided positions (decision_table.h). Not for use beside export.h.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "exchange/export.h"

namespace fulcrum::exchange {

// `what` is the export's name in its checkpoint; errors are ExportLog()'s.
absl::StatusOr<TransferReport> ExportTable(const std::string& log, const std::string& path,
                                           const std::string& what, const ExportOptions& options);

}  // namespace fulcrum::exchange
