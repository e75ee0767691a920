#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/csv.h"
#include "exchange/row_sink.h"

namespace fulcrum::exchange {
namespace {

std::string Rfc3339(int64_t time_us) {
  return absl::FormatTime(absl::RFC3339_full, absl::FromUnixMicros(time_us), absl::UTCTimeZone());
}

class CsvSink final : public RowSink {
 public:
  explicit CsvSink(absl::Span<const Column> columns) : columns_(columns) {}

  absl::Status Begin(OutputFile* out) override {
    out_ = out;
    if (out_->bytes() != 0) return absl::OkStatus();
    record_.clear();
    for (const Column& column : columns_) absl::StrAppend(&record_, column.name, ",");
    return EndRecord();
  }

  absl::Status Add(const std::vector<Cell>& row) override {
    record_.clear();
    for (size_t i = 0; i < columns_.size(); ++i) {
      AppendCell(columns_[i].type, row[i]);
      record_.push_back(',');
    }
    if (record_.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError("the row has a NUL byte, which CSV cannot say");
    }
    return EndRecord();
  }

  absl::Status End() override { return absl::OkStatus(); }

 private:
  void AppendCell(ColumnType type, const Cell& cell) {
    if (const auto* const text = std::get_if<std::string>(&cell)) {
      base::AppendCsvField(*text, &record_);
    } else if (const auto* const number = std::get_if<double>(&cell)) {
      record_ += base::ShortestDouble(*number);
    } else if (const auto* const count = std::get_if<uint64_t>(&cell)) {
      absl::StrAppend(&record_, *count);
    } else if (const auto* const signed_number = std::get_if<int64_t>(&cell)) {
      record_ += type == ColumnType::kTime ? Rfc3339(*signed_number)
                                           : std::string(absl::StrCat(*signed_number));
    }
  }

  absl::Status EndRecord() {
    record_.back() = '\n';  // was a comma
    return out_->Append(record_);
  }

  const absl::Span<const Column> columns_;
  OutputFile* out_ = nullptr;
  std::string record_;
};

}  // namespace

std::unique_ptr<RowSink> NewCsvSink(absl::Span<const Column> columns) {
  return std::make_unique<CsvSink>(columns);
}

}  // namespace fulcrum::exchange
