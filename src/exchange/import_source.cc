#include "exchange/import_source.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "exchange/dsjson.h"
#include "exchange/line_reader.h"
#include "exchange/vw_text.h"

namespace fulcrum::exchange {
namespace {

using RecordsOr = absl::StatusOr<std::vector<LogRecord>>;

class Lines final : public ImportSource {
 public:
  Lines(std::unique_ptr<LineReader> reader, ImportFormat format)
      : reader_(std::move(reader)), format_(format) {}

  absl::StatusOr<bool> Next() override { return reader_->Next(); }
  RecordsOr Records() override {
    if (reader_->too_long()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the line is longer than ", kLineBytesMax, " bytes"));
    }
    if (format_ == ImportFormat::kVwText) return FromVwText(reader_->text(), line());
    if (format_ == ImportFormat::kDsjson) return FromDsjson(reader_->text(), line());
    FULCRUM_ASSIGN_OR_RETURN(LogRecord record, FromJsonLine(reader_->text()));
    return std::vector<LogRecord>{std::move(record)};
  }
  void Pass() override {}
  uint64_t line() const override { return reader_->line(); }
  uint32_t sum() const override { return reader_->sum(); }
  uint64_t bytes_read() const override { return reader_->bytes_read(); }
  uint64_t bytes_total() const override { return reader_->bytes_total(); }

 private:
  const std::unique_ptr<LineReader> reader_;
  const ImportFormat format_;
};

class Rows final : public ImportSource {
 public:
  explicit Rows(std::unique_ptr<TableReader> table) : table_(std::move(table)) {}

  absl::StatusOr<bool> Next() override { return table_->Next(); }
  RecordsOr Records() override { return table_->Records(); }
  // The times of later rows depend on it.
  void Pass() override { table_->Records().IgnoreError(); }
  uint64_t line() const override { return table_->line(); }
  uint32_t sum() const override { return table_->sum(); }
  uint64_t bytes_read() const override { return table_->bytes_read(); }
  uint64_t bytes_total() const override { return table_->bytes_total(); }

 private:
  const std::unique_ptr<TableReader> table_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImportSource>> OpenImportSource(base::FileSystem* files,
                                                               const std::string& path,
                                                               ImportFormat format,
                                                               const TableColumns& columns) {
  if (format == ImportFormat::kTable) {
    FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<TableReader> table,
                             TableReader::Open(files, path, columns));
    return std::make_unique<Rows>(std::move(table));
  }
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<LineReader> lines,
                           LineReader::Open(files, path, kLineBytesMax));
  return std::make_unique<Lines>(std::move(lines), format);
}

}  // namespace fulcrum::exchange
