// Bulk load of feature rows from CSV: one record per entity, one column per feature, an empty field
// is a missing value. Loading the same file again changes nothing.
//
// Nothing is left out in silence: the first bad record ends the load with file and line; what came
// before it stays stored and is counted. Thread-safe (one call, one loader).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "config/bundle.h"
#include "features/feature_store.h"

namespace fulcrum::features {

inline constexpr char kDefaultEventTimeColumn[] = "event_time";

struct CsvLoadOptions {
  std::string path;
  std::string id_column = "id";
  // RFC 3339. Only the default may be absent from the file: the rows then hold as of `now`.
  std::string event_time_column = kDefaultEventTimeColumn;
  uint32_t schema_version = 1;  // the bundle's
  absl::Time now;
  // Bytes read and in all, after every batch of rows. Optional.
  std::function<void(uint64_t, uint64_t)> progress;
};

struct CsvLoadReport {
  absl::Status status;  // INVALID_ARGUMENT: the file is at fault
  uint64_t stored = 0;
  uint64_t older = 0;  // left out: the store has a row with a later event time
  bool has_event_time = false;
};

CsvLoadReport LoadCsv(base::FileSystem* files, const config::FeatureView& view,
                      const CsvLoadOptions& options, FeatureStore* store);

}  // namespace fulcrum::features
