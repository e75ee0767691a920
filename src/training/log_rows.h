// Training rows from a decision log: what was shown, with the model inputs as they were served.
//
// Rows are the settled positions of the reward join (decision_log/reward_join.h); their inputs come
// from the features stream, so a new model sees what the old one saw, and has its columns.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "config/manifest.h"
#include "fulcrum/decision_record.h"
#include "training/data_set.h"

namespace fulcrum::training {

struct LogSource {
  std::string directory;
  std::string surface;  // only its rows are for the trees; empty = of all surfaces
  std::vector<config::ManifestColumn> columns;  // of the snapshots
  std::vector<uint64_t> models;                 // whose snapshots have these columns, by version
  std::vector<std::string> uncounted;  // surfaces whose posteriors are Gaussian, not counts
  std::map<std::string, std::vector<double>> position_effects;  // of surfaces that have them
};

// Every decision and every position of a log is counted once in each of the two groups.
struct LogTally {
  Lsn lsn = 0;               // the last record read
  bool torn_tail = false;    // behind it stands a record that was never synced
  uint64_t quarantined = 0;  // LSNs before it that are quarantined: what they told is not counted
  uint64_t decisions = 0;
  uint64_t fallbacks = 0;   // answers that were not drawn
  uint64_t superseded = 0;  // drawn, but something else was served

  uint64_t positions = 0;  // of the other decisions
  uint64_t missing = 0;    // not shown in time
  uint64_t pending = 0;    // a window is still open, or was when the log ended
  uint64_t settled = 0;    // the next lines, up to `rows`, add up to them
  uint64_t neutral = 0;    // nothing was shown: no row for the trees
  uint64_t other_surface = 0;
  uint64_t without_model = 0;     // decided when no model was loaded
  uint64_t other_model = 0;       // decided by a model with other columns
  uint64_t without_detail = 0;    // sampled out, withheld or never known: no inputs
  uint64_t without_snapshot = 0;  // the features stream lacks its inputs
  uint64_t unusable = 0;          // no propensity, or an input that is beyond float32
  uint64_t rows = 0;              // for the trees
  uint64_t masked = 0;   // of the rows: a masking rule changed an input, trained on as it is
  uint64_t counted = 0;  // of the settled: all but those of uncounted surfaces
  uint64_t rewards_clipped = 0;  // of the settled: outside [0, 1]
};

struct LogRows {
  DataSet data;            // by time, then LSN, then position
  std::string counts_csv;  // of all counted positions, of every surface, `none` included
  LogTally tally;
};

// Rewards are limited to [0, 1]. A torn tail ends the log; other damage in the decisions is
// DATA_LOSS, while the features stream is read on behind it. FAILED_PRECONDITION if no row is left
// for the trees, with the largest reason and its remedy.
absl::StatusOr<LogRows> ReadLogRows(const LogSource& source);

// The versions of `manifest`'s model and of those archived beside the log
// (`<log>/../artefacts/model-*/manifest.yaml`) that have the same columns and schema version.
// Archived models that cannot be read are passed over.
absl::StatusOr<std::vector<uint64_t>> ModelsWithColumnsOf(base::FileSystem* files,
                                                          const std::string& log_directory,
                                                          const config::ModelManifest& manifest);

// Several lines.
std::string ToText(const LogTally& tally);

}  // namespace fulcrum::training
