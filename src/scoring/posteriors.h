// Beta-Bernoulli counts per segment and arm, as of one log sequence number.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "base/strings.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::scoring {

struct BetaPosterior {
  double alpha = 0;  // prior successes + successes
  double beta = 0;   // prior failures + failures
};

// What was seen of one arm in one segment.
struct ArmCounts {
  double trials = 0;
  double successes = 0;
};

// Immutable once published; thread-safe. A segment that was never seen falls back to the counts
// over all segments, which are kept under the empty segment name.
class Posteriors {
 public:
  // CSV with the header `segment,action_id,trials,successes`. Errors name file and line.
  static absl::StatusOr<Posteriors> LoadCounts(base::FileSystem* files, const std::string& path);

  // The durable form, data/snapshots/posterior-<LSN>: versioned, checksummed, sorted, the same
  // bytes for the same content. DATA_LOSS if damaged.
  static absl::StatusOr<Posteriors> Parse(std::string_view bytes);
  std::string Serialise() const;

  ArmCounts Find(std::string_view segment, std::string_view action_id) const;
  void Set(std::string_view segment, std::string_view action_id, ArmCounts counts);
  size_t size() const;  // (segment, arm) pairs

  Lsn lsn() const { return lsn_; }
  void set_lsn(Lsn lsn) { lsn_ = lsn; }

  // Which model's counts these started from; a snapshot of another model is not reused.
  uint64_t model() const { return model_; }
  void set_model(uint64_t model) { model_ = model; }

 private:
  Lsn lsn_ = 0;
  uint64_t model_ = 0;
  base::StringMap<base::StringMap<ArmCounts>> counts_;  // segment -> action id -> counts
};

}  // namespace fulcrum::scoring
