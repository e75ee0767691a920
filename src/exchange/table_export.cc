#include "exchange/table_export.h"

#include <algorithm>

#include "base/status_macros.h"
#include "base/strings.h"
#include "decision_log/joined_rows.h"
#include "exchange/decision_table.h"
#include "exchange/output_file.h"
#include "exchange/row_sink.h"
#include "fulcrum/decision_log_reader.h"

namespace fulcrum::exchange {
namespace {

using decision_log::JoinedRow;
using decision_log::RowState;

// What came of a decision may stand anywhere behind it, so one that goes on reads the log from its
// beginning again, and passes over the rows that are written.
class TableExport {
 public:
  TableExport(const ExportOptions& options, OutputFile* out, RowSink* sink)
      : options_(options),
        out_(out),
        sink_(sink),
        rows_before_(out->from().taken),
        told_before_(out->from().decisions.lsn),
        saved_bytes_(out->bytes()),
        report_(out->from().report) {}

  absl::StatusOr<TransferReport> Run(DecisionLogReader* reader);

 private:
  bool IsWanted(const JoinedRow& row) const {
    if (options_.view == View::kAll) return true;
    return row.state == (options_.view == View::kFinal ? RowState::kFinal : RowState::kInterim);
  }
  void Take(const JoinedRow& row);
  absl::Status SaveIfDue();
  Checkpoint PlaceNow() const {
    Checkpoint place;
    place.taken = rows_;
    place.decisions.lsn = read_lsn_;
    return place;
  }

  const ExportOptions& options_;
  OutputFile* const out_;
  RowSink* const sink_;
  const uint64_t rows_before_;  // that an interrupted one has dealt with
  const Lsn told_before_;       // up to where its report tells of damage
  uint64_t rows_ = 0;           // that were dealt with
  Lsn read_lsn_ = 0;
  uint64_t saved_bytes_;
  TransferReport report_;
  absl::Status status_;
};

absl::StatusOr<TransferReport> TableExport::Run(DecisionLogReader* reader) {
  FULCRUM_RETURN_IF_ERROR(sink_->Begin(out_));
  decision_log::JoinedRows rows;
  LogEntry entry;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
    if (found) {
      read_lsn_ = entry.lsn;
      rows.Apply(entry.lsn, entry.event, [this](const JoinedRow& row) { Take(row); });
      FULCRUM_RETURN_IF_ERROR(SaveIfDue());
      continue;
    }
    if (reader->end() == LogEnd::kClean) break;
    read_lsn_ = std::max(read_lsn_, reader->damage().lsn);
    if (read_lsn_ > told_before_) report_.TellBad(read_lsn_, ToString(reader->damage()));
    reader->Resume();
  }
  // Not to be gone on with: of a log that has grown, these rows may be others.
  rows.Finish([this](const JoinedRow& row) { Take(row); });
  FULCRUM_RETURN_IF_ERROR(status_);
  FULCRUM_RETURN_IF_ERROR(sink_->End());
  FULCRUM_RETURN_IF_ERROR(out_->Finish(PlaceNow(), report_));
  return report_;
}

void TableExport::Take(const JoinedRow& row) {
  if (!status_.ok() || !IsWanted(row)) return;
  if (rows_++ < rows_before_) return;
  status_ = sink_->Add(CellsOf(row));
  if (absl::IsInvalidArgument(status_)) {
    report_.TellBad(row.lsn, base::FromAbsl(status_.message()));
    status_ = absl::OkStatus();
  } else {
    ++report_.rows;
  }
  if (rows_ % kProgressEvery == 0 && options_.transfer.on_progress) {
    options_.transfer.on_progress({.records = rows_});
  }
}

absl::Status TableExport::SaveIfDue() {
  FULCRUM_RETURN_IF_ERROR(status_);
  const bool can_go_on = options_.format == ExportFormat::kCsv;
  if (!can_go_on || out_->bytes() - saved_bytes_ < options_.transfer.checkpoint_bytes) {
    return absl::OkStatus();
  }
  saved_bytes_ = out_->bytes();
  return out_->Save(PlaceNow(), report_);
}

absl::StatusOr<std::unique_ptr<RowSink>> NewSink(ExportFormat format) {
  if (format == ExportFormat::kParquet) return NewParquetSink(DecisionColumns());
  return NewCsvSink(DecisionColumns());
}

}  // namespace

absl::StatusOr<TransferReport> ExportTable(const std::string& log, const std::string& path,
                                           const std::string& what, const ExportOptions& options) {
  if (options.format == ExportFormat::kParquet && options.transfer.resume) {
    return absl::InvalidArgumentError(
        "a Parquet file cannot be gone on with: what it holds is told at its end; begin anew, "
        "without --resume");
  }
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<RowSink> sink, NewSink(options.format));
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<DecisionLogReader> reader,
                           DecisionLogReader::Open(log));
  FULCRUM_ASSIGN_OR_RETURN(
      const std::unique_ptr<OutputFile> out,
      OutputFile::Open(options.transfer.files, path, what, options.transfer.resume));
  if (out->whole()) {
    FULCRUM_RETURN_IF_ERROR(out->Finish(out->from(), out->from().report));
    return out->from().report;
  }
  return TableExport(options, out.get(), sink.get()).Run(reader.get());
}

}  // namespace fulcrum::exchange
