#include "exchange/export.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/stream_reader.h"
#include "exchange/jsonl_export.h"
#include "exchange/table_export.h"

namespace fulcrum::exchange {
namespace {

using decision_log::Stream;

// 0 if the stream has nothing.
absl::StatusOr<Lsn> FirstLsn(base::FileSystem* files, const std::string& log, Stream stream) {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<Lsn> segments,
                           decision_log::ListSegments(files, log, stream));
  return segments.empty() ? 0 : segments.front();
}

// What must be the same to go on: retention may take a log's beginning away.
absl::StatusOr<std::string> What(const std::string& log, const ExportOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const Lsn decisions,
                           FirstLsn(options.transfer.files, log, Stream::kDecisions));
  FULCRUM_ASSIGN_OR_RETURN(const Lsn features,
                           FirstLsn(options.transfer.files, log, Stream::kFeatures));
  return absl::StrCat("export from LSN ", decisions, " and ", features, " as format ",
                      static_cast<int>(options.format), ", view ", static_cast<int>(options.view));
}

}  // namespace

absl::StatusOr<TransferReport> ExportLog(const std::string& log, const std::string& path,
                                         const ExportOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, options.transfer.files->Exists(log + "/decisions"));
  if (!exists) return absl::NotFoundError(absl::StrCat("'", log, "' is not a decision log"));
  FULCRUM_ASSIGN_OR_RETURN(const std::string what, What(log, options));
  if (options.format != ExportFormat::kJsonl) return ExportTable(log, path, what, options);
  return ExportJsonl(log, path, what, options.transfer);
}

}  // namespace fulcrum::exchange
