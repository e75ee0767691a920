#include "features/csv_loader.h"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/csv.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "config/nearest.h"

namespace fulcrum::features {
namespace {

constexpr size_t kRowsPerBatch = 1000;

// One run over one file.
class Loader {
 public:
  Loader(const config::FeatureView& view, const CsvLoadOptions& options, FeatureStore* store,
         CsvLoadReport* report)
      : view_(view), options_(options), store_(store), report_(report) {}

  absl::Status Run(base::FileSystem* files) {
    FULCRUM_ASSIGN_OR_RETURN(csv_, base::CsvReader::Open(files, options_.path));
    FULCRUM_RETURN_IF_ERROR(MapHeader());
    absl::Status read = ReadAll();
    // After a bad record too: what came before it is stored, and durable once this returns.
    FULCRUM_RETURN_IF_ERROR(StoreBatch());
    FULCRUM_RETURN_IF_ERROR(store_->FinishWriting());
    return read;
  }

 private:
  absl::Status MapHeader();
  absl::Status ReadAll();
  absl::StatusOr<EntityRow> ParseRecord() const;
  absl::Status ParseValue(const config::FeatureSpec& feature, std::string_view text,
                          domain::FeatureRow* row) const;
  absl::StatusOr<int64_t> ParseEventTime(std::string_view text) const;
  absl::Status StoreBatch();

  template <typename... Parts>
  absl::Status Problem(const Parts&... parts) const {
    return csv_->Problem(absl::StrCat(parts...));
  }

  const config::FeatureView& view_;
  const CsvLoadOptions& options_;
  FeatureStore* const store_;
  CsvLoadReport* const report_;
  std::unique_ptr<base::CsvReader> csv_;
  int id_column_ = -1;
  int event_time_column_ = -1;
  std::vector<const config::FeatureSpec*> features_;  // by column; null: not a feature
  std::vector<EntityRow> batch_;
};

absl::Status Loader::MapHeader() {
  const std::vector<std::string>& header = csv_->header();
  id_column_ = csv_->Column(options_.id_column);
  if (id_column_ < 0) {
    return Problem("there is no column '", options_.id_column, "' for the entity's id",
                   config::NearestHint(options_.id_column, header));
  }
  event_time_column_ = csv_->Column(options_.event_time_column);
  report_->has_event_time = event_time_column_ >= 0;
  if (event_time_column_ < 0 && options_.event_time_column != kDefaultEventTimeColumn) {
    return Problem("there is no column '", options_.event_time_column, "' for the event time",
                   config::NearestHint(options_.event_time_column, header));
  }
  std::vector<std::string> names;
  names.reserve(view_.features.size());
  for (const config::FeatureSpec& feature : view_.features) names.push_back(feature.name);
  features_.assign(header.size(), nullptr);
  for (size_t i = 0; i < header.size(); ++i) {
    if (static_cast<int>(i) == id_column_ || static_cast<int>(i) == event_time_column_) continue;
    for (const config::FeatureSpec& feature : view_.features) {
      if (feature.name == header[i]) features_[i] = &feature;
    }
    if (features_[i] == nullptr) {
      return Problem("column '", header[i], "' is not a feature of view '", view_.name, "'",
                     config::NearestHint(header[i], names));
    }
  }
  return absl::OkStatus();
}

absl::Status Loader::ReadAll() {
  while (true) {
    FULCRUM_ASSIGN_OR_RETURN(const bool found, csv_->Next());
    if (!found) return absl::OkStatus();
    FULCRUM_ASSIGN_OR_RETURN(EntityRow row, ParseRecord());
    batch_.push_back(std::move(row));
    if (batch_.size() == kRowsPerBatch) FULCRUM_RETURN_IF_ERROR(StoreBatch());
  }
}

absl::StatusOr<EntityRow> Loader::ParseRecord() const {
  const std::vector<std::string_view>& fields = csv_->fields();
  EntityRow entity;
  entity.entity_id = fields[static_cast<size_t>(id_column_)];
  if (entity.entity_id.empty() || entity.entity_id.size() > kEntityIdBytesMax) {
    return Problem("column '", options_.id_column, "' must have 1 to ", kEntityIdBytesMax,
                   " bytes and has ", entity.entity_id.size());
  }
  entity.row.schema_version = options_.schema_version;
  entity.row.event_time_us = absl::ToUnixMicros(options_.now);
  if (event_time_column_ >= 0) {
    FULCRUM_ASSIGN_OR_RETURN(entity.row.event_time_us,
                             ParseEventTime(fields[static_cast<size_t>(event_time_column_)]));
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    if (features_[i] == nullptr || fields[i].empty()) continue;
    FULCRUM_RETURN_IF_ERROR(ParseValue(*features_[i], fields[i], &entity.row));
  }
  return entity;
}

absl::Status Loader::ParseValue(const config::FeatureSpec& feature, std::string_view text,
                                domain::FeatureRow* row) const {
  if (!feature.numeric) {
    if (text.size() > kTextBytesMax) {
      return Problem("column '", feature.name, "' has ", text.size(), " bytes; at most ",
                     kTextBytesMax, " can be stored");
    }
    row->values.insert_or_assign(feature.name, std::string(text));
    return absl::OkStatus();
  }
  double number = 0;
  if (!base::ParseFiniteDouble(text, &number)) {
    return Problem("column '", feature.name, "' has '", base::ToAbsl(text.substr(0, 40)),
                   "'; a finite number is expected");
  }
  row->values.insert_or_assign(feature.name, number);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Loader::ParseEventTime(std::string_view text) const {
  absl::Time time;
  std::string why;
  const bool parsed = absl::ParseTime(absl::RFC3339_full, base::ToAbsl(text), &time, &why);
  if (!parsed || time == absl::InfiniteFuture() || time == absl::InfinitePast()) {
    return Problem("column '", options_.event_time_column, "' has '",
                   base::ToAbsl(text.substr(0, 40)),
                   "'; a time as 2019-11-24T00:00:00Z (RFC 3339) is expected");
  }
  return absl::ToUnixMicros(time);
}

absl::Status Loader::StoreBatch() {
  if (batch_.empty()) return absl::OkStatus();
  FULCRUM_ASSIGN_OR_RETURN(const WriteCounts counts, store_->Write(view_, batch_, options_.now));
  batch_.clear();
  report_->stored += counts.stored;
  report_->older += counts.older;
  if (options_.progress) options_.progress(csv_->bytes_read(), csv_->bytes_total());
  return absl::OkStatus();
}

}  // namespace

CsvLoadReport LoadCsv(base::FileSystem* files, const config::FeatureView& view,
                      const CsvLoadOptions& options, FeatureStore* store) {
  CsvLoadReport report;
  report.status = Loader(view, options, store, &report).Run(files);
  return report;
}

}  // namespace fulcrum::features
