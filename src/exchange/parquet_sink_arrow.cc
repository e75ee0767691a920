// Rows as Parquet, by Apache Arrow C++; only in builds with FULCRUM_WITH_ARROW.
#include <arrow/api.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "exchange/row_sink.h"

namespace fulcrum::exchange {
namespace {

// Rows of a row group: what is held before it is written.
constexpr int64_t kGroupRows = int64_t{1} << 16;

absl::Status ToAbslStatus(const arrow::Status& status) {
  return status.ok() ? absl::OkStatus()
                     : absl::InternalError(absl::StrCat("Parquet: ", status.ToString()));
}

std::shared_ptr<arrow::DataType> TypeOf(ColumnType type) {
  switch (type) {
    case ColumnType::kText:
      return arrow::utf8();
    case ColumnType::kUint64:
      return arrow::uint64();
    case ColumnType::kInt64:
      return arrow::int64();
    case ColumnType::kDouble:
      return arrow::float64();
    case ColumnType::kTime:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  }
  return arrow::null();
}

// An OutputFile as Arrow sees it. Closing it is the export's.
class ArrowOutput final : public arrow::io::OutputStream {
 public:
  explicit ArrowOutput(OutputFile* out) : out_(out) {}

  arrow::Status Write(const void* data, int64_t bytes) override {
    status_ = out_->Append({static_cast<const char*>(data), static_cast<size_t>(bytes)});
    return status_.ok() ? arrow::Status::OK() : arrow::Status::IOError("see the export's error");
  }
  arrow::Result<int64_t> Tell() const override { return static_cast<int64_t>(out_->bytes()); }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  const absl::Status& status() const { return status_; }

 private:
  OutputFile* const out_;
  absl::Status status_;
  bool closed_ = false;
};

class ParquetSink final : public RowSink {
 public:
  explicit ParquetSink(absl::Span<const Column> columns) : columns_(columns) {}

  absl::Status Begin(OutputFile* out) override {
    arrow::FieldVector fields;
    for (const Column& column : columns_) {
      fields.push_back(arrow::field(column.name, TypeOf(column.type)));
    }
    schema_ = arrow::schema(fields);
    out_ = std::make_shared<ArrowOutput>(out);
    return Told(Open());
  }

  absl::Status Add(const std::vector<Cell>& row) override {
    for (size_t i = 0; i < columns_.size(); ++i) {
      FULCRUM_RETURN_IF_ERROR(Told(Append(row[i], rows_->GetField(static_cast<int>(i)))));
    }
    return ++waiting_ < kGroupRows ? absl::OkStatus() : Told(WriteGroup());
  }

  absl::Status End() override {
    if (waiting_ != 0) FULCRUM_RETURN_IF_ERROR(Told(WriteGroup()));
    return Told(writer_->Close());
  }

 private:
  // The file's own error tells more than Arrow's.
  absl::Status Told(const arrow::Status& status) const {
    return out_->status().ok() ? ToAbslStatus(status) : out_->status();
  }

  arrow::Status Open() {
    ARROW_ASSIGN_OR_RAISE(
        rows_, arrow::RecordBatchBuilder::Make(schema_, arrow::default_memory_pool(), kGroupRows));
    parquet::WriterProperties::Builder properties;
    if (arrow::util::Codec::IsAvailable(arrow::Compression::ZSTD)) {
      properties.compression(arrow::Compression::ZSTD);
    }
    ARROW_ASSIGN_OR_RAISE(
        writer_, parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), out_,
                                                  properties.build()));
    return arrow::Status::OK();
  }

  static arrow::Status Append(const Cell& cell, arrow::ArrayBuilder* builder) {
    if (const auto* const text = std::get_if<std::string>(&cell)) {
      return static_cast<arrow::StringBuilder*>(builder)->Append(*text);
    }
    if (const auto* const number = std::get_if<double>(&cell)) {
      return static_cast<arrow::DoubleBuilder*>(builder)->Append(*number);
    }
    if (const auto* const count = std::get_if<uint64_t>(&cell)) {
      return static_cast<arrow::UInt64Builder*>(builder)->Append(*count);
    }
    const auto* const whole = std::get_if<int64_t>(&cell);
    if (whole == nullptr) return builder->AppendNull();
    if (builder->type()->id() == arrow::Type::TIMESTAMP) {
      return static_cast<arrow::TimestampBuilder*>(builder)->Append(*whole);
    }
    return static_cast<arrow::Int64Builder*>(builder)->Append(*whole);
  }

  arrow::Status WriteGroup() {
    waiting_ = 0;
    ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<arrow::RecordBatch> batch, rows_->Flush());
    ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<arrow::Table> table,
                          arrow::Table::FromRecordBatches({batch}));
    return writer_->WriteTable(*table, kGroupRows);
  }

  const absl::Span<const Column> columns_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<ArrowOutput> out_;
  std::unique_ptr<arrow::RecordBatchBuilder> rows_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  int64_t waiting_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RowSink>> NewParquetSink(absl::Span<const Column> columns) {
  return std::make_unique<ParquetSink>(columns);
}

}  // namespace fulcrum::exchange
