#include "apps/recipe_fold.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "apps/recipe_traffic.h"
#include "base/status_macros.h"
#include "decision_log/reward_join.h"
#include "fulcrum/decision_log_reader.h"
#include "fulcrum/propensity.h"

namespace fulcrum::apps {
namespace {

constexpr double kNormal95 = 1.959963984540054;

// What one user brought, and on which side.
struct UserReward {
  bool held_out = false;
  double reward = 0;
};

// The users' references come from random salts, so their order says nothing: sums in the order of
// the rewards are the same in every run.
Side SideOf(const std::map<UserRef, UserReward>& users, bool held_out) {
  std::vector<double> rewards;
  for (const auto& [ref, user] : users) {
    if (user.held_out == held_out) rewards.push_back(user.reward);
  }
  std::sort(rewards.begin(), rewards.end());
  Side side;
  side.users = rewards.size();
  const auto count = static_cast<double>(rewards.size());
  for (const double reward : rewards) side.mean += reward;
  if (side.users > 0) side.mean /= count;
  for (const double reward : rewards) side.variance += (reward - side.mean) * (reward - side.mean);
  if (side.users > 1) side.variance /= count - 1;
  return side;
}

class Fold {
 public:
  Fold(const config::Bundle& bundle, const config::Surface& surface) : surface_(surface) {
    log_.actions[kNeutralActionId];
    for (const int32_t action : surface.actions) {
      log_.actions[bundle.actions[static_cast<size_t>(action)].id];
    }
  }

  void Apply(const LogEntry& entry);
  RecipeLog Take() &&;

 private:
  void Add(const DecisionRecord& record);
  void Credit(const decision_log::RewardChange& change);

  const config::Surface& surface_;
  RecipeLog log_;
  decision_log::RewardJoin join_;
  absl::flat_hash_set<DecisionId> closing_;  // decisions that no shopper asked for
  std::map<UserRef, UserReward> users_;
  int64_t most_masked_ = -1;  // candidates; none yet
};

void Fold::Apply(const LogEntry& entry) {
  if (const auto* const record = std::get_if<DecisionRecord>(&entry.event)) {
    if (record->surface != surface_.id) return;
    if (absl::StartsWith(record->request_id, kClosingPrefix)) {
      closing_.insert(record->id);
    } else {
      Add(*record);
    }
  }
  join_.Apply(entry.lsn, entry.event,
              [this](const decision_log::RewardChange& change) { Credit(change); });
}

void Fold::Add(const DecisionRecord& record) {
  ++log_.decisions;
  ++log_.answers[{record.answer, record.degradation}];
  for (const PositionRecord& position : record.positions) {
    ++log_.actions[position.action_id].drawn;
  }
  if (record.relaxed > 0) ++log_.relaxed;
  UserReward& user = users_[record.user_ref];
  user.held_out = user.held_out || record.answer == Answer::kHeldOut;
  if (!IsDrawn(record)) return;
  int64_t masked = 0;
  for (const CandidateRecord& candidate : record.candidates) {
    ++log_.candidates;
    if (candidate.mask == MaskReason::kNone) continue;
    ++masked;
    ++log_.masked[candidate.mask];
  }
  if (masked <= most_masked_) return;
  most_masked_ = masked;
  log_.most_masked = record.id;
}

void Fold::Credit(const decision_log::RewardChange& change) {
  if (closing_.contains(change.decision->id)) return;
  ActionUse& use = log_.actions[change.decision->positions[change.position].action_id];
  if (change.settled) ++use.settled;
  if (change.before == 0 && change.now != 0) ++use.rewarded;
  if (change.before != 0 && change.now == 0) --use.rewarded;
  use.reward += change.now - change.before;
  users_[change.decision->user_ref].reward += change.now - change.before;
}

RecipeLog Fold::Take() && {
  if (!surface_.holdout.has_value()) return std::move(log_);
  Lift lift;
  lift.experiment = surface_.holdout->experiment;
  lift.share = PropensityOf(surface_.holdout->ticks);
  users_.erase(UserRef{});  // nobody, or anybody
  lift.treated = SideOf(users_, false);
  lift.held_out = SideOf(users_, true);
  Compare(&lift);
  if (!std::isnan(lift.low)) log_.lift = lift;
  return std::move(log_);
}

}  // namespace

void Compare(Lift* lift) {
  lift->difference = lift->treated.mean - lift->held_out.mean;
  double variance = 0;
  for (const Side* const side : {&lift->treated, &lift->held_out}) {
    variance += side->users < 2 ? std::numeric_limits<double>::quiet_NaN()
                                : side->variance / static_cast<double>(side->users);
  }
  const double half = kNormal95 * std::sqrt(variance);
  lift->low = lift->difference - half;
  lift->high = lift->difference + half;
}

absl::StatusOr<RecipeLog> FoldRecipe(const config::Bundle& bundle, const std::string& surface,
                                     const std::string& log_directory) {
  const auto found =
      std::find_if(bundle.surfaces.begin(), bundle.surfaces.end(),
                   [&surface](const config::Surface& one) { return one.id == surface; });
  if (found == bundle.surfaces.end()) {
    return absl::NotFoundError(
        absl::StrCat("the bundle has no surface '", surface, "', which the shoppers ask for"));
  }
  Fold fold(bundle, *found);
  FULCRUM_ASSIGN_OR_RETURN(const auto reader, DecisionLogReader::Open(log_directory));
  LogEntry entry;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, reader->Next(&entry));
    if (!more) break;
    fold.Apply(entry);
  }
  if (reader->end() != LogEnd::kClean) return absl::DataLossError(ToString(reader->damage()));
  return std::move(fold).Take();
}

}  // namespace fulcrum::apps
