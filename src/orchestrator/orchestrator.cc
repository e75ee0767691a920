#include "orchestrator/orchestrator.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/time/civil_time.h"
#include "base/status_macros.h"
#include "orchestrator/deferral.h"
#include "orchestrator/diversity.h"
#include "policy/narrow.h"
#include "policy/position.h"

namespace fulcrum::orchestrator {
namespace {

constexpr size_t kUsualArms = 128;  // up to here the stack holds what is needed per arm

using Posteriors = absl::InlinedVector<policy::Posterior, kUsualArms>;
using Flags = absl::InlinedVector<bool, kUsualArms>;

// What needs no ledger. Sets the same masks however often it is called.
void MaskKnown(const config::Bundle& bundle, absl::Time now, absl::Span<Contender> contenders) {
  for (Contender& contender : contenders) {
    if (contender.mask != MaskReason::kNone) continue;
    const config::Action& action = bundle.actions[contender.action];
    contender.mask = CampaignMask(bundle.campaigns[action.campaign], now);
    if (contender.mask != MaskReason::kNone) continue;
    if (!policy::IsValid(contender.posterior)) contender.mask = MaskReason::kInvalidScore;
  }
}

// Cautious mode: all but the most promising.
void MaskLeastPromising(const config::Surface& surface, const config::Choice& choice,
                        absl::Span<Contender> contenders) {
  if (contenders.size() <= surface.actions_max) return;
  Posteriors arms;
  Flags left;
  for (const Contender& contender : contenders) {
    arms.push_back(contender.posterior);
    left.push_back(contender.mask == MaskReason::kNone);
  }
  for (const size_t i :
       policy::LeftOut(arms, left, choice.policy.uncertainty, surface.actions_max)) {
    contenders[i].mask = MaskReason::kCautious;
  }
}

// A cheaper form is for where there is no room for what it stands for.
void MaskVariants(const config::Bundle& bundle, absl::Span<Contender> contenders) {
  for (Contender& contender : contenders) {
    const int32_t form = bundle.actions[contender.action].variant_of;
    if (form < 0 || contender.mask != MaskReason::kNone) continue;
    const auto found = std::find_if(contenders.begin(), contenders.end(),
                                    [form](const Contender& one) { return one.action == form; });
    if (found != contenders.end() && found->mask == MaskReason::kNone) {
      contender.mask = MaskReason::kVariant;
    }
  }
}

// What one request draws from, position after position.
class Slate {
 public:
  Slate(const config::Bundle& bundle, const config::Surface& surface, const config::Choice& choice,
        const policy::Baseline& baseline, const domain::DecisionContext& context,
        absl::Span<const Contender> contenders)
      : bundle_(bundle), surface_(surface), baseline_(baseline), context_(context) {
    for (const Contender& contender : contenders) {
      actions_.push_back(contender.action);
      arms_.push_back(contender.posterior);
    }
    rule_ = {choice.policy, choice.exploration_floor, {}};
    if (choice.shares.empty()) return;
    for (const Contender& contender : contenders) shares_.push_back(contender.share);
    shares_.push_back(choice.ShareOf(config::kNeutralAction));
    rule_.shares = shares_;
  }

  // What is drawn at `position`; the record lacks the name of the action.
  size_t Draw(absl::Span<const bool> left, uint32_t position, PositionRecord* record) {
    const auto supply = static_cast<size_t>(std::count(left.begin(), left.end(), true));
    record->discounts = DiscountsOf(bundle_, surface_, actions_, picked_, supply,
                                    context_.slate_size - position + 1);
    const auto arms = policy::Discounted(arms_, record->discounts, &discounted_);
    record->seed = policy::DrawSeed(surface_.policy_salt, position);
    policy::PositionDraw draw =
        policy::DrawPosition(arms, left, baseline_, rule_, context_.decision_id, record->seed);
    record->ticks = std::move(draw.ticks);
    if (draw.drawn < actions_.size()) picked_.push_back(actions_[draw.drawn]);
    for (const config::Shadow& shadow : surface_.shadows) {
      const policy::Rule rule{shadow.policy, shadow.exploration_floor, {}};
      record->shadow_ticks.push_back(policy::DistributionOf(arms, left, baseline_, rule));
    }
    return draw.drawn;
  }

 private:
  const config::Bundle& bundle_;
  const config::Surface& surface_;
  const policy::Baseline& baseline_;
  const domain::DecisionContext& context_;
  absl::InlinedVector<int32_t, kUsualArms> actions_;
  absl::InlinedVector<int32_t, 10> picked_;
  Posteriors arms_;
  std::vector<policy::Posterior> discounted_;
  absl::InlinedVector<Share, kUsualArms> shares_;
  policy::Rule rule_;
};

// Takes out what does not go together with what was drawn.
void Exclude(const config::Bundle& bundle, absl::Span<const Contender> contenders, size_t drawn,
             Flags* left, std::vector<uint32_t>* excluded) {
  const config::Action& action = bundle.actions[contenders[drawn].action];
  if (action.exclusions.empty()) return;
  for (size_t i = 0; i < contenders.size(); ++i) {
    if (!(*left)[i] || !ExcludesInSlate(bundle, action, contenders[i].action)) continue;
    (*left)[i] = false;
    excluded->push_back(static_cast<uint32_t>(i));
  }
  std::sort(excluded->begin(), excluded->end());
}

}  // namespace

MaskReason CampaignMask(const config::Campaign& campaign, absl::Time now) {
  if (now < campaign.start || now >= campaign.end) return MaskReason::kCampaignInactive;
  if (campaign.quiet_hours.empty()) return MaskReason::kNone;
  const absl::CivilMinute minute = absl::ToCivilMinute(now, campaign.time_zone);
  const bool quiet = std::any_of(campaign.quiet_hours.begin(), campaign.quiet_hours.end(),
                                 [at = 60 * minute.hour() + minute.minute()](
                                     const config::Hours& hours) { return hours.Contain(at); });
  return quiet ? MaskReason::kQuietHours : MaskReason::kNone;
}

bool ExcludesInSlate(const config::Bundle& bundle, const config::Action& action, int32_t other) {
  return std::any_of(action.exclusions.begin(), action.exclusions.end(), [&](int32_t index) {
    const std::vector<int32_t>& list = bundle.exclusions[static_cast<size_t>(index)].actions;
    return std::binary_search(list.begin(), list.end(), other);
  });
}

absl::StatusOr<Selection> Orchestrator::Select(
    const config::Bundle& bundle, const config::Surface& surface, const config::Choice& choice,
    const domain::DecisionContext& context, const RequestFacts& facts,
    const std::optional<UserRef>& user_ref, const policy::Baseline& baseline,
    absl::Span<Contender> contenders, domain::Wait wait) {
  MaskKnown(bundle, context.now, contenders);
  MaskLeastPromising(surface, choice, contenders);
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
  FULCRUM_ASSIGN_OR_RETURN(
      selection.hold,
      ledger_->Acquire(actions, draws, user_ref, context.now, wait,
                       [&facts](const config::Constraint& row) { return CountsOn(row, facts); }));
  selection.relaxed = selection.hold.relaxed();
  selection.rows_in_scope = selection.hold.rows_in_scope();

  Flags left(contenders.size(), false);
  std::vector<size_t> index_of(contenders.size(), 0);  // into `actions`
  for (size_t i = 0; i < actions.size(); ++i) {
    contenders[contender_of[i]].mask = selection.hold.reasons()[i];
    index_of[contender_of[i]] = i;
  }
  MaskVariants(bundle, contenders);
  for (size_t i = 0; i < contenders.size(); ++i) {
    left[i] = contenders[i].mask == MaskReason::kNone;
  }
  if (std::none_of(left.begin(), left.end(), [](bool one) { return one; })) {
    selection.defer_until_us = DeferUntilUs(bundle, contenders, context.now, [&](size_t i) {
      return selection.hold.OpensUs(index_of[i]);
    });
  }
  Slate slate(bundle, surface, choice, baseline, context, contenders);
  std::vector<size_t> drawn_actions;
  std::vector<uint32_t> excluded;  // so far
  for (uint32_t position = 1; position <= context.slate_size; ++position) {
    PositionRecord& record = selection.positions.emplace_back();
    record.excluded = excluded;
    const size_t drawn = slate.Draw(left, position, &record);
    const bool neutral = drawn == contenders.size();
    record.action_id = neutral ? kNeutralActionId : bundle.actions[contenders[drawn].action].id;
    if (neutral) break;
    left[drawn] = false;
    Exclude(bundle, contenders, drawn, &left, &excluded);
    drawn_actions.push_back(index_of[drawn]);
  }
  std::vector<std::vector<Debit>> debits = selection.hold.Keep(drawn_actions);
  for (size_t i = 0; i < debits.size(); ++i) selection.positions[i].debits = std::move(debits[i]);
  return selection;
}

}  // namespace fulcrum::orchestrator
