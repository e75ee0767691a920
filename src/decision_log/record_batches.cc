#include "decision_log/record_batches.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::decision_log {
namespace {

// Enough that handing them over costs nothing, and few enough to stay in a processor's cache.
constexpr size_t kRecordsMax = 64;
constexpr size_t kBytesMax = size_t{1} << 20;

}  // namespace

Damage Looked::DamageOf(Stream stream, std::string what) const {
  return {absl::StrCat(StreamName(stream), "/", SegmentName(segment)), offset, header.lsn,
          std::move(what)};
}

absl::StatusOr<std::optional<std::vector<Looked>>> RecordBatches::Next() {
  std::vector<Looked> batch;
  size_t bytes = 0;
  while (batch.size() < kRecordsMax && bytes < kBytesMax) {
    RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(const Found found, reader_->GoOn(resync_, &record, marks_));
    if (found == Found::kEnd) break;
    resync_ = found == Found::kDamaged;
    batch.push_back({.damaged = resync_, .segment = reader_->segment()});
    Looked& one = batch.back();
    if (resync_) {
      one.damage = reader_->damage();
      continue;
    }
    one.header = record.header;
    one.payload = record.payload;
    one.offset = record.offset;
    bytes += record.payload.size();
  }
  if (batch.empty()) return std::optional<std::vector<Looked>>();
  return std::optional(std::move(batch));
}

}  // namespace fulcrum::decision_log
