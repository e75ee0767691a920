// Decides every decision of a log again under another bundle, and says what would have changed.
//
// Two halves. Scoring and a first guess of the distributions are done decision by decision, by any
// number of threads; then the ledger is simulated in LSN order (simulated_ledger.h), the
// distributions are computed anew where its masks are not the guessed ones, and the record's own
// random stream draws. So the log of a bundle under the very same bundle comes out as it is, and
// the result does not depend on the number of threads.
//
// The log is read twice, at flat memory (apart from the users of rows per user). Not thread-safe;
// may run beside the log's writer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "fulcrum/decision_record.h"
#include "replay/counterfactual_report.h"
#include "replay/other_policy.h"
#include "replay/outcome.h"
#include "replay/simulated_ledger.h"

namespace fulcrum::replay {

struct CounterfactualOptions {
  size_t threads = 1;
  std::string target_path;            // file to write outcomes to and to go on with; empty: none
  std::vector<OpeningSpend> opening;  // what was spent before the first record; none: nothing
  bool rescore = false;               // also where the record's own posteriors hold
  int64_t from_us = INT64_MIN;        // only decisions of this time on; the others are not there
  int64_t until_us = INT64_MAX;       // and before this
  // Told of each decision in LSN order, after it was added.
  std::function<void(const DecisionRecord&, const Outcome&)> on_decision;
  // Told when the simulated spend of a row (by id) has changed, with the time.
  std::function<void(int64_t time_us, const CounterfactualReport& so_far)> on_spend;
};

// NOT_FOUND if `directory` holds no log; other errors are those of reading and writing.
absl::StatusOr<CounterfactualReport> ReplayCounterfactual(base::FileSystem* files,
                                                          const std::string& directory,
                                                          const OtherPolicy& other,
                                                          CounterfactualOptions options);

}  // namespace fulcrum::replay
