// Rows from JSON lines, the form for logs of other systems.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "evaluation/rows.h"

namespace fulcrum::evaluation {

// One JSON object per line (LF or CRLF; blank lines are skipped), in the order of time:
//
//   {"action": "a", "propensity": 0.25, "reward": 1, "position": 1, "decision": "d-1",
//    "candidates": ["a", "b"], "probabilities": [0.25, 0.75]}
//
// `action` (text or whole number), `propensity` (above 0, at most 1) and `reward` (finite) are
// required. `position` is a whole number from 1; 1 if absent. Lines
// that follow each other with the same `decision` (text or whole number) are the positions of one
// slate; absent: a line is a decision of its own. `candidates` is what could have been
// drawn, `action` among them; absent: any action of the file. `probabilities` are theirs, sum to 1
// within 1e-6 and agree with `propensity` within 1e-9 of it; candidates of probability 0 could not
// be drawn. `context`, `id` and `time` may hold anything and are ignored; other members are errors,
// so that a slip of the pen is not taken for nothing.
//
// Numbers are read to within 3 units in the last place. INVALID_ARGUMENT with file and line. A line
// has at most 1 MiB.
absl::StatusOr<RowSet> ReadJsonlRows(base::FileSystem* files, const std::string& path);
absl::StatusOr<RowSet> ReadJsonlRows(const base::ReadFile& file, const std::string& name);

}  // namespace fulcrum::evaluation
