// A stream's records in batches, for a reader that hands them to several threads.
// Not thread-safe; a batch holds copies and may go to any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::decision_log {

// A record, or a place that cannot be read.
struct Looked {
  bool damaged = false;
  Damage damage{};        // if so
  RecordHeader header{};  // otherwise
  std::string payload{};
  uint64_t offset = 0;
  Lsn segment = 0;

  // The place of a record whose payload turns out to be none.
  Damage DamageOf(Stream stream, std::string what) const;
};

class RecordBatches {
 public:
  // `reader` outlives this; it is read to its end, behind damage too.
  RecordBatches(StreamReader* reader, bool marks) : reader_(reader), marks_(marks) {}

  // The next ones, or nothing at the end: a source of base::OrderedBatches.
  absl::StatusOr<std::optional<std::vector<Looked>>> Next();

 private:
  StreamReader* const reader_;
  const bool marks_;
  bool resync_ = false;
};

}  // namespace fulcrum::decision_log
