#include "orchestrator/orchestrator.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/status_macros.h"

namespace fulcrum::orchestrator {
namespace {

bool IsActive(const config::Campaign& campaign, absl::Time now) {
  return campaign.start <= now && now < campaign.end;
}

bool IsUsable(const policy::BetaArm& arm) {
  return std::isfinite(arm.alpha) && std::isfinite(arm.beta) && arm.alpha > 0 && arm.beta > 0;
}

// What needs no ledger. Sets the same masks however often it is called.
void MaskKnown(const config::Bundle& bundle, absl::Time now, absl::Span<Contender> contenders) {
  for (Contender& contender : contenders) {
    if (contender.mask != MaskReason::kNone) continue;
    const config::Action& action = bundle.actions[contender.action];
    if (!IsActive(bundle.campaigns[action.campaign], now)) {
      contender.mask = MaskReason::kCampaignInactive;
    } else if (!IsUsable(contender.posterior)) {
      contender.mask = MaskReason::kInvalidScore;
    }
  }
}

// One draw from the arms that are left and the neutral action. `left` runs over the contenders.
PositionRecord DrawPosition(const config::Surface& surface, DecisionId id, uint32_t position,
                            const policy::Baseline& baseline,
                            absl::Span<const Contender> contenders, absl::Span<const bool> left,
                            size_t* drawn) {
  std::vector<policy::BetaArm> arms;
  arms.reserve(contenders.size());
  for (size_t i = 0; i < contenders.size(); ++i) {
    if (left[i]) arms.push_back(contenders[i].posterior);
  }
  const std::vector<double> chosen = policy::ChoiceProbabilities(arms, baseline);
  // Spread over all contenders again: what cannot be drawn has probability 0 in the record.
  std::vector<double> probabilities(contenders.size() + 1, 0);
  absl::InlinedVector<bool, 128> feasible(left.begin(), left.end());
  feasible.push_back(true);  // doing nothing always is
  size_t arm = 0;
  for (size_t i = 0; i < feasible.size(); ++i) {
    if (feasible[i]) probabilities[i] = chosen[arm++];
  }
  PositionRecord record;
  record.ticks = policy::ToTicks(probabilities, feasible, surface.exploration_floor);
  record.seed = policy::DrawSeed(surface.policy_salt, position);
  *drawn = policy::Draw(record.ticks, id, record.seed);
  return record;
}

}  // namespace

absl::StatusOr<Selection> Orchestrator::Select(
    const config::Bundle& bundle, const config::Surface& surface,
    const domain::DecisionContext& context, const std::optional<UserRef>& user_ref,
    const policy::Baseline& baseline, absl::Span<Contender> contenders, domain::Wait wait) {
  MaskKnown(bundle, context.now, contenders);
  std::vector<int32_t> actions;      // of those that are not masked
  std::vector<size_t> contender_of;  // parallel
  actions.reserve(contenders.size());
  contender_of.reserve(contenders.size());
  for (size_t i = 0; i < contenders.size(); ++i) {
    if (contenders[i].mask != MaskReason::kNone) continue;
    actions.push_back(contenders[i].action);
    contender_of.push_back(i);
  }
  const size_t draws = std::min<size_t>(context.slate_size, actions.size());
  Selection selection;
  FULCRUM_ASSIGN_OR_RETURN(selection.hold,
                           ledger_->Acquire(actions, draws, user_ref, context.now, wait));

  absl::InlinedVector<bool, 128> left(contenders.size(), false);
  std::vector<size_t> index_of(contenders.size(), 0);  // into `actions`
  for (size_t i = 0; i < actions.size(); ++i) {
    contenders[contender_of[i]].mask = selection.hold.reasons()[i];
    left[contender_of[i]] = selection.hold.secured()[i];
    index_of[contender_of[i]] = i;
  }
  std::vector<size_t> drawn_actions;
  for (uint32_t position = 1; position <= context.slate_size; ++position) {
    size_t drawn = 0;
    PositionRecord record =
        DrawPosition(surface, context.decision_id, position, baseline, contenders, left, &drawn);
    const bool neutral = drawn == contenders.size();
    record.action_id = neutral ? kNeutralActionId : bundle.actions[contenders[drawn].action].id;
    selection.positions.push_back(std::move(record));
    if (neutral) break;
    left[drawn] = false;
    drawn_actions.push_back(index_of[drawn]);
  }
  std::vector<std::vector<Debit>> debits = selection.hold.Keep(drawn_actions);
  for (size_t i = 0; i < debits.size(); ++i) selection.positions[i].debits = std::move(debits[i]);
  return selection;
}

}  // namespace fulcrum::orchestrator
