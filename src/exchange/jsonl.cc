#include "exchange/jsonl.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "decision_log/repair.h"
#include "decision_log/stream_reader.h"
#include "decision_log/stream_writer.h"
#include "exchange/dsjson.h"
#include "exchange/json_lines.h"
#include "exchange/vw_text.h"

namespace fulcrum::exchange {
namespace {

using decision_log::Found;
using decision_log::RecordView;
using decision_log::Stream;
using decision_log::StreamReader;
using decision_log::StreamWriter;

constexpr uint64_t kBatchRecords = 256;

void TellBad(uint64_t line, std::string reason, TransferReport* report) {
  if (report->bad_count++ < kBadLinesMax) report->bad_lines.push_back({line, std::move(reason)});
}

absl::Status ExportStream(const std::string& log, Stream stream, std::ofstream* out,
                          TransferReport* report) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> reader,
                           StreamReader::Open(base::PosixFileSystem(), log, stream, 0));
  Found found = Found::kRecord;
  for (;;) {
    RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(found, reader->GoOn(found == Found::kDamaged, &record));
    if (found == Found::kEnd) return absl::OkStatus();
    if (found == Found::kDamaged) {
      TellBad(reader->damage().lsn, ToString(reader->damage()), report);
      continue;
    }
    const absl::StatusOr<std::string> line =
        ToJsonLine({stream, record.header.type, record.header.lsn, record.header.time_us,
                    std::string(record.payload)});
    if (!line.ok()) {
      TellBad(record.header.lsn, std::string(line.status().message()), report);
      continue;
    }
    *out << *line << '\n';
    ++(stream == Stream::kFeatures ? report->snapshots : report->events);
  }
}

// Writes one stream of a new log.
class StreamImport {
 public:
  absl::Status Open(const std::string& log, Stream stream, int64_t now_us) {
    base::FileSystem* const files = base::PosixFileSystem();
    std::unique_ptr<decision_log::SegmentBook> book;
    FULCRUM_ASSIGN_OR_RETURN(const decision_log::StreamTail tail,
                             decision_log::FindTail(files, log, stream, &book));
    FULCRUM_ASSIGN_OR_RETURN(
        writer_, StreamWriter::Open(files, log, stream, tail, std::move(book), {}, now_us));
    return absl::OkStatus();
  }

  absl::Status Add(const LogRecord& record) {
    if (waiting_ == 0) FULCRUM_RETURN_IF_ERROR(writer_->Prepare(record.time_us));
    writer_->Add(record.type, record.payload, record.time_us);
    bytes_ += record.payload.size();
    last_us_ = record.time_us;
    if (++waiting_ < kBatchRecords && bytes_ < (size_t{1} << 20)) return absl::OkStatus();
    return Write();
  }

  absl::Status Write() {
    waiting_ = 0;
    bytes_ = 0;
    return writer_->Write();
  }

  absl::Status FinishRecords() {
    writer_->AddLastDictionary(last_us_);
    FULCRUM_RETURN_IF_ERROR(writer_->Write());
    return writer_->SyncWritten();
  }

  absl::Status Close(Lsn decisions_lsn) {
    writer_->AddMark(decision_log::kFlagClosed, decisions_lsn, last_us_);
    FULCRUM_RETURN_IF_ERROR(writer_->Write());
    FULCRUM_RETURN_IF_ERROR(writer_->TrimReserved());
    return writer_->SyncWritten();
  }

  Lsn last_lsn() const { return writer_->added_lsn(); }

 private:
  std::unique_ptr<StreamWriter> writer_;
  uint64_t waiting_ = 0;
  size_t bytes_ = 0;
  int64_t last_us_ = 0;
};

using Records = absl::StatusOr<std::vector<LogRecord>>;

Records ParseLine(ImportFormat format, std::string_view text, uint64_t line) {
  if (text.size() > kLineBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the line is longer than ", kLineBytesMax, " bytes"));
  }
  if (format == ImportFormat::kVwText) return FromVwText(text, line);
  if (format == ImportFormat::kDsjson) return FromDsjson(text, line);
  FULCRUM_ASSIGN_OR_RETURN(LogRecord record, FromJsonLine(text));
  return std::vector<LogRecord>{std::move(record)};
}

// A log in the making.
class Import {
 public:
  Import(const std::string& path, bool strict) : path_(path), strict_(strict) {}

  absl::Status Open(const std::string& log) {
    FULCRUM_RETURN_IF_ERROR(decisions_.Open(log, Stream::kDecisions, 0));
    return features_.Open(log, Stream::kFeatures, 0);
  }

  absl::Status Take(uint64_t line, const Records& records) {
    if (!records.ok()) {
      const std::string reason(records.status().message());
      if (strict_) return absl::InvalidArgumentError(absl::StrCat(path_, ":", line, ": ", reason));
      TellBad(line, reason, &report_);
      return absl::OkStatus();
    }
    for (const LogRecord& record : *records) {
      const bool snapshot = record.stream == Stream::kFeatures;
      FULCRUM_RETURN_IF_ERROR((snapshot ? features_ : decisions_).Add(record));
      ++(snapshot ? report_.snapshots : report_.events);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<TransferReport> Finish() {
    FULCRUM_RETURN_IF_ERROR(features_.FinishRecords());
    FULCRUM_RETURN_IF_ERROR(decisions_.FinishRecords());
    FULCRUM_RETURN_IF_ERROR(features_.Close(decisions_.last_lsn()));
    FULCRUM_RETURN_IF_ERROR(decisions_.Close(decisions_.last_lsn()));
    return report_;
  }

 private:
  const std::string path_;
  const bool strict_;
  StreamImport decisions_;
  StreamImport features_;
  TransferReport report_;
};

absl::Status TakeLines(const std::string& path, ImportFormat format, Import* import) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("'", path, "' cannot be read"));
  std::string text;
  for (uint64_t line = 1; std::getline(in, text); ++line) {
    FULCRUM_RETURN_IF_ERROR(import->Take(line, ParseLine(format, text, line)));
  }
  return in.bad() ? absl::DataLossError(absl::StrCat("'", path, "' cannot be read on"))
                  : absl::OkStatus();
}

absl::Status TakeTable(const std::string& path, const TableColumns& columns, Import* import) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> table,
                           TableReader::Open(base::PosixFileSystem(), path, columns));
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, table->Next());
    if (!more) return absl::OkStatus();
    FULCRUM_RETURN_IF_ERROR(import->Take(table->line(), table->Records()));
  }
}

absl::StatusOr<TransferReport> ImportInto(const std::string& path, const std::string& log,
                                          const ImportOptions& options) {
  Import import(path, options.strict);
  FULCRUM_RETURN_IF_ERROR(import.Open(log));
  FULCRUM_RETURN_IF_ERROR(options.format == ImportFormat::kTable
                              ? TakeTable(path, options.columns, &import)
                              : TakeLines(path, options.format, &import));
  return import.Finish();
}

}  // namespace

absl::StatusOr<TransferReport> ExportJsonl(const std::string& log, const std::string& path) {
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(log + "/decisions"));
  if (!exists) return absl::NotFoundError(absl::StrCat("'", log, "' is not a decision log"));
  const std::string partial = path + ".partial";
  std::ofstream out(partial, std::ios::binary | std::ios::trunc);
  TransferReport report;
  FULCRUM_RETURN_IF_ERROR(ExportStream(log, Stream::kDecisions, &out, &report));
  FULCRUM_RETURN_IF_ERROR(ExportStream(log, Stream::kFeatures, &out, &report));
  out.close();
  if (!out) {
    return absl::UnavailableError(
        absl::StrCat("'", partial, "' cannot be written; is there room, and may it be?"));
  }
  FULCRUM_RETURN_IF_ERROR(files->Rename(partial, path));
  return report;
}

absl::StatusOr<TransferReport> ImportLog(const std::string& path, const std::string& log,
                                         const ImportOptions& options) {
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(log));
  if (exists) {
    return absl::AlreadyExistsError(
        absl::StrCat("'", log, "' exists; an import makes a new log: name another folder"));
  }
  const std::string partial = log + ".partial";
  std::error_code ignored;
  std::filesystem::remove_all(partial, ignored);  // of an import that was interrupted
  for (const Stream stream : {Stream::kDecisions, Stream::kFeatures}) {
    FULCRUM_RETURN_IF_ERROR(
        files->CreateDirectories(absl::StrCat(partial, "/", decision_log::StreamName(stream))));
  }
  FULCRUM_ASSIGN_OR_RETURN(TransferReport report, ImportInto(path, partial, options));
  FULCRUM_RETURN_IF_ERROR(files->Rename(partial, log));
  return report;
}

}  // namespace fulcrum::exchange
