#include "replay/posteriors_at.h"

#include <algorithm>

namespace fulcrum::replay {

PosteriorsAt::PosteriorsAt(const learning::FoldStart& start) : fold_(start) {}

void PosteriorsAt::Announce(Lsn user, Lsn posterior_lsn) {
  Copy& copy = copies_[posterior_lsn];
  copy.last_user = std::max(copy.last_user, user);
  last_copy_ = std::max(last_copy_, posterior_lsn);
}

void PosteriorsAt::Apply(Lsn lsn, const LogEvent& event) {
  if (copies_.empty()) return;  // nothing is asked for, or not any more
  if (applied_ == 0) {
    const auto start = copies_.find(0);
    if (start != copies_.end() && start->second.posteriors == nullptr) {
      start->second.posteriors = std::make_shared<scoring::Posteriors>(fold_.posteriors());
    }
  }
  gap_ |= lsn != applied_ + 1;
  applied_ = lsn;
  if (!ended_ && !gap_) {
    fold_.Apply(lsn, event);
    const auto copy = copies_.find(lsn);
    if (copy != copies_.end()) {
      copy->second.posteriors = std::make_shared<scoring::Posteriors>(fold_.posteriors());
    }
  }
  ended_ |= lsn >= last_copy_;
  const auto* const record = std::get_if<DecisionRecord>(&event);
  if (record == nullptr) return;
  const auto used = copies_.find(record->versions.posterior_lsn);
  if (used != copies_.end() && used->second.last_user <= lsn) copies_.erase(used);
}

std::shared_ptr<const scoring::Posteriors> PosteriorsAt::Find(Lsn posterior_lsn) {
  const auto found = copies_.find(posterior_lsn);
  if (found == copies_.end()) return nullptr;
  if (found->second.posteriors == nullptr && posterior_lsn == 0) {
    if (applied_ != 0) return nullptr;
    found->second.posteriors = std::make_shared<scoring::Posteriors>(fold_.posteriors());
  }
  return found->second.posteriors;
}

}  // namespace fulcrum::replay
