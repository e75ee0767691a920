#include "exchange/jsonl_export.h"

#include <algorithm>

#include "base/status_macros.h"
#include "base/strings.h"
#include "decision_log/stream_reader.h"
#include "exchange/json_lines.h"
#include "exchange/output_file.h"

namespace fulcrum::exchange {
namespace {

using decision_log::Found;
using decision_log::RecordView;
using decision_log::Stream;
using decision_log::StreamReader;

class JsonlExport {
 public:
  JsonlExport(const std::string& log, const TransferOptions& options, OutputFile* out)
      : log_(log),
        options_(options),
        out_(out),
        streams_done_(out->from().taken),
        decisions_lsn_(out->from().decisions.lsn),
        features_lsn_(out->from().features.lsn),
        saved_bytes_(out->bytes()),
        report_(out->from().report) {}

  absl::StatusOr<TransferReport> Run() {
    if (streams_done_ == 0) {
      FULCRUM_RETURN_IF_ERROR(Walk(Stream::kDecisions, &decisions_lsn_));
      // What is appended to it from now on is left to another export.
      streams_done_ = 1;
      FULCRUM_RETURN_IF_ERROR(Save());
    }
    FULCRUM_RETURN_IF_ERROR(Walk(Stream::kFeatures, &features_lsn_));
    FULCRUM_RETURN_IF_ERROR(out_->Finish(PlaceNow(), report_));
    return report_;
  }

 private:
  // Writes what comes behind `*lsn`, and moves it.
  absl::Status Walk(Stream stream, Lsn* lsn);
  absl::Status Take(Stream stream, const RecordView& record);
  Checkpoint PlaceNow() const {
    Checkpoint place;
    place.taken = streams_done_;
    place.decisions.lsn = decisions_lsn_;
    place.features.lsn = features_lsn_;
    return place;
  }
  absl::Status Save() {
    saved_bytes_ = out_->bytes();
    return out_->Save(PlaceNow(), report_);
  }

  const std::string& log_;
  const TransferOptions& options_;
  OutputFile* const out_;
  uint64_t streams_done_;
  Lsn decisions_lsn_;
  Lsn features_lsn_;
  uint64_t saved_bytes_;
  TransferReport report_;
};

absl::Status JsonlExport::Walk(Stream stream, Lsn* lsn) {
  const Lsn before = *lsn;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> reader,
                           StreamReader::Open(options_.files, log_, stream, before));
  Found found = Found::kRecord;
  for (;;) {
    RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(found, reader->GoOn(found == Found::kDamaged, &record));
    if (found == Found::kEnd) return absl::OkStatus();
    const bool damaged = found == Found::kDamaged;
    const Lsn here = damaged ? reader->damage().lsn : record.header.lsn;
    if (here <= before) continue;  // damage before it shows what was written already
    *lsn = std::max(*lsn, here);
    if (damaged) {
      report_.TellBad(here, ToString(reader->damage()));
      continue;
    }
    FULCRUM_RETURN_IF_ERROR(Take(stream, record));
    if (out_->bytes() - saved_bytes_ >= options_.checkpoint_bytes) FULCRUM_RETURN_IF_ERROR(Save());
  }
}

absl::Status JsonlExport::Take(Stream stream, const RecordView& record) {
  absl::StatusOr<std::string> line =
      ToJsonLine({stream, record.header.type, record.header.lsn, record.header.time_us,
                  std::string(record.payload)});
  if (!line.ok()) {
    report_.TellBad(record.header.lsn, base::FromAbsl(line.status().message()));
    return absl::OkStatus();
  }
  ++(stream == Stream::kFeatures ? report_.snapshots : report_.events);
  const uint64_t records = report_.events + report_.snapshots;
  if (records % kProgressEvery == 0 && options_.on_progress) {
    options_.on_progress({.records = records});
  }
  return out_->Append(*line += '\n');
}

}  // namespace

absl::StatusOr<TransferReport> ExportJsonl(const std::string& log, const std::string& path,
                                           const std::string& what,
                                           const TransferOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> out,
                           OutputFile::Open(options.files, path, what, options.resume));
  if (!out->whole()) return JsonlExport(log, options, out.get()).Run();
  FULCRUM_RETURN_IF_ERROR(out->Finish(out->from(), out->from().report));
  return out->from().report;
}

}  // namespace fulcrum::exchange
