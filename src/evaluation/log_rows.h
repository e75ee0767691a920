// Rows from a decision log.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "evaluation/record_targets.h"
#include "evaluation/rows.h"

namespace fulcrum::evaluation {

struct LogRowsOptions {
  std::string surface;  // only its decisions; empty: all
  // What Target::PerRow() does, by record; null: nothing. Decisions of which it does not know every
  // position are no rows.
  const RecordTargets* targets = nullptr;
  // The same from the records: what their shadow of this name would have drawn. Empty: nothing.
  std::string shadow;
};

// One row per position that has settled (decision_log/reward_join.h): shown, or assumed to be, and
// its attribution window over. The reward is what the whole log credits to it, corrections that
// came later included; the distribution is that of the record's ticks, in the order of the
// candidates, then `none`. Rows are in the order of the log, then of the slate. A record without
// detail gives rows too, of which only the core is known (Row::kept).
//
// Other positions are counted in RowSet::excluded: `fallback` (not drawn), `superseded` (not what
// was served), `missing` (not reported as shown in time), `pending` (too early to say), `no_target`
// (the targets that were given do not have it,
// or the record has no such shadow), `held_out` (the user is), `log_only` (nothing drawn was
// served), `no_propensity` (a caller's own action, whose probability it did not tell).
//
// NOT_FOUND if there is no log in `directory`. A torn tail is a warning; damage within the log is
// skipped and sets RowSet::damaged.
absl::StatusOr<RowSet> ReadLogRows(const std::string& directory, const LogRowsOptions& options);

}  // namespace fulcrum::evaluation
