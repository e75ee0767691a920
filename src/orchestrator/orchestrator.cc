#include "orchestrator/orchestrator.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/status_macros.h"
#include "policy/position.h"

namespace fulcrum::orchestrator {
namespace {

bool IsActive(const config::Campaign& campaign, absl::Time now) {
  return campaign.start <= now && now < campaign.end;
}

// What needs no ledger. Sets the same masks however often it is called.
void MaskKnown(const config::Bundle& bundle, absl::Time now, absl::Span<Contender> contenders) {
  for (Contender& contender : contenders) {
    if (contender.mask != MaskReason::kNone) continue;
    const config::Action& action = bundle.actions[contender.action];
    if (!IsActive(bundle.campaigns[action.campaign], now)) {
      contender.mask = MaskReason::kCampaignInactive;
    } else if (!policy::IsValid(contender.posterior)) {
      contender.mask = MaskReason::kInvalidScore;
    }
  }
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
  absl::InlinedVector<policy::Posterior, 128> posteriors;
  for (const Contender& contender : contenders) posteriors.push_back(contender.posterior);
  std::vector<size_t> drawn_actions;
  for (uint32_t position = 1; position <= context.slate_size; ++position) {
    PositionRecord record;
    record.seed = policy::DrawSeed(surface.policy_salt, position);
    policy::PositionDraw draw =
        policy::DrawPosition(posteriors, left, baseline, surface.policy, surface.exploration_floor,
                             context.decision_id, record.seed);
    record.ticks = std::move(draw.ticks);
    const bool neutral = draw.drawn == contenders.size();
    record.action_id =
        neutral ? kNeutralActionId : bundle.actions[contenders[draw.drawn].action].id;
    selection.positions.push_back(std::move(record));
    if (neutral) break;
    left[draw.drawn] = false;
    drawn_actions.push_back(index_of[draw.drawn]);
  }
  std::vector<std::vector<Debit>> debits = selection.hold.Keep(drawn_actions);
  for (size_t i = 0; i < debits.size(); ++i) selection.positions[i].debits = std::move(debits[i]);
  return selection;
}

}  // namespace fulcrum::orchestrator
