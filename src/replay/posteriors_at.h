// The posteriors that another policy would have had at each recorded decision: its own start (the
// counts of its model, the shape of its surfaces) and what the log taught up to the LSN that the
// record names. What the other policy's own actions would have taught is not known.
//
// As in History, a first walk announces which are asked for, and copies last until then.
// Not thread-safe; what Find gives may be read by any thread.
#pragma once

#include <map>
#include <memory>

#include "fulcrum/decision_record.h"
#include "learning/outcome_fold.h"

namespace fulcrum::replay {

class PosteriorsAt {
 public:
  explicit PosteriorsAt(const learning::FoldStart& start);

  // First walk: Find will be called for the record with the LSN `user`.
  void Announce(Lsn user, Lsn posterior_lsn);

  // Second walk, every event in LSN order; for a decision, after Find.
  void Apply(Lsn lsn, const LogEvent& event);

  // Null if the log lacks records before that.
  std::shared_ptr<const scoring::Posteriors> Find(Lsn posterior_lsn);

 private:
  struct Copy {
    Lsn last_user = 0;
    std::shared_ptr<const scoring::Posteriors> posteriors;  // once the fold is there
  };

  learning::OutcomeFold fold_;
  std::map<Lsn, Copy> copies_;
  Lsn applied_ = 0;
  Lsn last_copy_ = 0;
  bool ended_ = false;
  bool gap_ = false;
};

}  // namespace fulcrum::replay
