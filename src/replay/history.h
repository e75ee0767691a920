// The worlds that the decisions of a log were made in: bundle, model and posteriors by the versions
// that a record names.
//
// Bundle and model come from the archive beside the log. Posteriors at an LSN are the model's
// counts and the fold of the log up to there, by the code that serves (learning/outcome_fold.h);
// each pair of bundle and model has its own fold, since each starts from its own counts. A first
// walk over the log announces which posteriors will be asked for, so that the second one keeps
// copies of these alone, and each only until its last decision.
//
// Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/file.h"
#include "fulcrum/decision_record.h"
#include "learning/outcome_fold.h"
#include "replay/artefacts.h"
#include "replay/scores.h"

namespace fulcrum::replay {

class History {
 public:
  History(base::FileSystem* files, std::string log_directory);
  ~History();

  // First walk: Find will be called for `record`, which has the LSN `lsn`.
  void Announce(Lsn lsn, const DecisionRecord& record);

  // Second walk, every event in LSN order. What was found for a decision is gone once it is
  // applied.
  void Apply(Lsn lsn, const LogEvent& event);

  // Of an announced decision, which is the next event to be applied; if it cannot be had, nothing
  // and the reason in `why`. Valid as long as this lives; another thread may use it, but only the
  // one that calls Apply may let go of it.
  std::optional<World> Find(Lsn lsn, const DecisionRecord& record, std::string* why);

 private:
  struct Copy {
    Lsn last_user = 0;
    std::shared_ptr<const scoring::Posteriors> posteriors;  // once the fold is there
  };
  struct Line;
  using Key = std::pair<uint64_t, uint64_t>;  // versions of bundle and model

  Line* LineOf(const DecisionRecord& record);
  void Open(const Versions& versions, Line* line) const;

  base::FileSystem* const files_;
  const std::string log_directory_;
  std::map<Key, std::unique_ptr<Line>> lines_;
  Lsn applied_ = 0;
  bool gap_ = false;  // an event before was not told
};

}  // namespace fulcrum::replay
