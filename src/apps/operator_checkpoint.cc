#include "apps/operator_checkpoint.h"

#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "decision_log/record_codec.h"
#include "exchange/json_lines.h"

namespace fulcrum::apps {
namespace {

constexpr char kFormat[] = "fulcrum-operator-1";
constexpr uint64_t kBytesMax = 64 << 20;

absl::Status Damaged(const std::string& path, const std::string& what) {
  return absl::DataLossError(
      absl::StrCat("'", path, "': ", what,
                   ". It says what operators have paused: bring it back from a copy; or remove it, "
                   "and what the log still tells of pauses holds"));
}

std::string HeaderOf(Lsn lsn, const std::string& lines) {
  return absl::StrCat(kFormat, " ", lsn, " ", absl::StrFormat("%08x", base::Crc32c(lines)));
}

absl::StatusOr<OperatorRecord> RecordOf(absl::string_view line) {
  FULCRUM_ASSIGN_OR_RETURN(const exchange::LogRecord read,
                           exchange::FromJsonLine(base::FromAbsl(line)));
  FULCRUM_ASSIGN_OR_RETURN(LogEvent event, decision_log::ParseEvent(read.type, read.payload));
  auto* const record = std::get_if<AuditRecord>(&event);
  if (record == nullptr) return absl::DataLossError("a line is no audit record");
  return OperatorRecord{read.lsn, std::move(*record)};
}

}  // namespace

absl::StatusOr<std::optional<OperatorCheckpoint>> ReadOperatorCheckpoint(base::FileSystem* files,
                                                                         const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(path));
  if (!exists) return std::nullopt;
  FULCRUM_ASSIGN_OR_RETURN(const std::string text, base::ReadWholeFile(files, path, kBytesMax));
  const size_t end = text.find('\n');
  if (end == std::string::npos) return Damaged(path, "it has no first line");
  const std::vector<std::string> head = absl::StrSplit(text.substr(0, end), ' ');
  const std::string lines = text.substr(end + 1);
  OperatorCheckpoint checkpoint;
  if (head.size() != 3 || !absl::SimpleAtoi(head[1], &checkpoint.lsn) ||
      HeaderOf(checkpoint.lsn, lines) != text.substr(0, end)) {
    return Damaged(path, "its first line is not of what follows");
  }
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    auto record = RecordOf(line);
    if (!record.ok()) return Damaged(path, std::string(record.status().message()));
    checkpoint.records.push_back(*std::move(record));
  }
  return checkpoint;
}

absl::Status WriteOperatorCheckpoint(base::FileSystem* files, const std::string& path,
                                     const OperatorCheckpoint& checkpoint) {
  decision_log::RecordEncoder encoder;
  std::string lines;
  for (const OperatorRecord& one : checkpoint.records) {
    exchange::LogRecord record;
    record.type = decision_log::RecordType::kAudit;
    record.lsn = one.lsn;
    record.time_us = one.record.occurred_us;
    record.payload = std::string(encoder.Encode(LogEvent(one.record)));
    FULCRUM_ASSIGN_OR_RETURN(const std::string line, exchange::ToJsonLine(record));
    absl::StrAppend(&lines, line, "\n");
  }
  return base::WriteFileAtomically(files, path,
                                   absl::StrCat(HeaderOf(checkpoint.lsn, lines), "\n", lines));
}

}  // namespace fulcrum::apps
