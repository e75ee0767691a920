#include "replay/choice.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "orchestrator/diversity.h"
#include "orchestrator/orchestrator.h"
#include "policy/narrow.h"
#include "policy/position.h"
#include "policy/recorded.h"
#include "replay/selection.h"
#include "scoring/scorer.h"

namespace fulcrum::replay {
namespace {

constexpr size_t kArmsMax = 65534;  // what ToTicks can spread ticks over, beside the neutral action

using Left = absl::InlinedVector<bool, 128>;

const char* WhyNotDrawn(const DecisionRecord& record) {
  if (!IsDrawn(record)) return "the answer was not drawn";
  if (record.detail != Detail::kWhole) return "the record has no detail";
  if (record.versions.price_version != 0) return "decided with prices";
  return "";
}

// Which of the record's candidates the other policy's surface still has.
void FindCandidates(const DecisionRecord& record, const config::Bundle& bundle, Choice* choice) {
  const std::vector<int32_t>& here = choice->surface->actions;
  for (size_t i = 0; i < record.candidates.size(); ++i) {
    const auto found = bundle.action_index.find(record.candidates[i].action_id);
    if (found == bundle.action_index.end()) continue;
    if (!std::binary_search(here.begin(), here.end(), found->second)) continue;
    choice->candidates.push_back(i);
    choice->actions.push_back(found->second);
  }
}

// Before the other masks. What was paused then would have been under any bundle.
MaskReason FirstMask(const CandidateRecord& recorded, double score) {
  if (recorded.mask == MaskReason::kPaused) return recorded.mask;
  return std::isnan(score) ? MaskReason::kInvalidScore : MaskReason::kNone;
}

void TakeRecorded(const DecisionRecord& record, Choice* choice) {
  for (const size_t i : choice->candidates) {
    const CandidateRecord& one = record.candidates[i];
    choice->posteriors.push_back(policy::PosteriorOf(one, record.log_odds));
    choice->masks.push_back(FirstMask(one, one.score));
  }
  choice->baseline.posterior = policy::NeutralPosteriorOf(record);
}

void TakeScores(const DecisionRecord& record, const scoring::Scores& scores, Choice* choice) {
  for (size_t i = 0; i < scores.candidates.size(); ++i) {
    const scoring::ScoredCandidate& one = scores.candidates[i];
    choice->posteriors.push_back(policy::PosteriorOf(one, scores.log_odds));
    choice->masks.push_back(FirstMask(record.candidates[choice->candidates[i]], one.score));
  }
  choice->baseline.posterior = policy::PosteriorOf(scores.neutral, scores.log_odds);
}

// The masks that need no ledger, as the orchestrator sets them.
void MaskKnown(const config::Bundle& bundle, absl::Time now, Choice* choice) {
  for (size_t i = 0; i < choice->actions.size(); ++i) {
    if (choice->masks[i] != MaskReason::kNone) continue;
    const config::Action& action = bundle.actions[static_cast<size_t>(choice->actions[i])];
    choice->masks[i] =
        orchestrator::CampaignMask(bundle.campaigns[static_cast<size_t>(action.campaign)], now);
    if (choice->masks[i] == MaskReason::kNone && !policy::IsValid(choice->posteriors[i])) {
      choice->masks[i] = MaskReason::kInvalidScore;
    }
  }
}

// As the orchestrator does in cautious mode.
void MaskLeastPromising(const DecisionRecord& record, Choice* choice) {
  Left left;
  for (const MaskReason mask : choice->masks) left.push_back(mask == MaskReason::kNone);
  const double uncertainty = choice->surface->ChoiceIn(record.region).policy.uncertainty;
  for (const size_t i :
       policy::LeftOut(choice->posteriors, left, uncertainty, choice->surface->actions_max)) {
    choice->masks[i] = MaskReason::kCautious;
  }
}

// A record comes from outside: what DrawPosition takes for granted is checked.
bool CanBeDrawn(const Choice& choice) {
  if (choice.posteriors.size() > kArmsMax) return false;
  const policy::Posterior* first = nullptr;
  for (size_t i = 0; i < choice.posteriors.size(); ++i) {
    if (choice.masks[i] != MaskReason::kNone) continue;
    if (first == nullptr) first = &choice.posteriors[i];
    if (choice.posteriors[i].index() != first->index()) return false;
  }
  if (first == nullptr || choice.baseline.known_value.has_value()) return true;
  const policy::Posterior& neutral = choice.baseline.posterior;
  return policy::IsValid(neutral) && neutral.index() == first->index();
}

}  // namespace

std::string Choice::ActionAt(const DecisionRecord& record, size_t index) const {
  return index < candidates.size() ? record.candidates[candidates[index]].action_id
                                   : kNeutralActionId;
}

Choice ChooseAgain(const DecisionRecord& record, const FeatureSnapshot* snapshot,
                   const RecordedWorld& world, const OtherPolicy& other,
                   const scoring::Posteriors* posteriors) {
  Choice choice;
  const config::Bundle& bundle = *other.bundle;
  choice.not_replayed = WhyNotDrawn(record);
  if (!choice.not_replayed.empty()) return choice;
  choice.bundle = &bundle;
  choice.surface = bundle.FindSurface(record.surface);
  if (choice.surface == nullptr) {
    choice.not_replayed = "the other bundle has no such surface";
    return choice;
  }
  FindCandidates(record, bundle, &choice);
  choice.slate_size = std::min(record.slate_size, choice.surface->slate_size_max);
  if (world.KeepsPosteriors(record)) {
    TakeRecorded(record, &choice);
  } else {
    scoring::Scores scores;
    choice.not_replayed =
        world.Inputs(record, snapshot, *choice.surface, choice.candidates, &scores);
    if (choice.not_replayed.empty() && posteriors == nullptr) {
      choice.not_replayed = "the log lacks records before it, so posteriors cannot be folded";
    }
    if (!choice.not_replayed.empty()) return choice;
    scoring::ScoreInputs(bundle, *choice.surface, other.model.get(), *posteriors, choice.actions,
                         &scores);
    TakeScores(record, scores, &choice);
  }
  choice.baseline.known_value = choice.surface->baseline_value;
  MaskKnown(bundle, absl::FromUnixMicros(record.occurred_us), &choice);
  MaskLeastPromising(record, &choice);
  if (!CanBeDrawn(choice)) choice.not_replayed = "its posteriors are no distributions";
  return choice;
}

Slate DrawSlate(const DecisionRecord& record, const Choice& choice, const std::vector<bool>& left) {
  const size_t neutral = choice.candidates.size();
  const config::Choice& how = choice.surface->ChoiceIn(record.region);
  std::vector<Share> shares;
  if (!how.shares.empty()) {
    for (const int32_t action : choice.actions) shares.push_back(how.ShareOf(action));
    shares.push_back(how.ShareOf(config::kNeutralAction));
  }
  const policy::Rule rule{how.policy, how.exploration_floor, shares};
  std::vector<policy::Posterior> discounted;
  const auto draw = [&](const Left& now, size_t index, const std::vector<int32_t>& picked) {
    const uint64_t seed =
        policy::DrawSeed(choice.surface->policy_salt, static_cast<uint32_t>(index + 1));
    const auto supply = static_cast<size_t>(std::count(now.begin(), now.end(), true));
    // The record may be longer than this surface's slates.
    const size_t positions = std::max<size_t>(choice.slate_size, index + 1) - index;
    const std::vector<double> discounts = orchestrator::DiscountsOf(
        *choice.bundle, *choice.surface, choice.actions, picked, supply, positions);
    policy::PositionDraw drawn =
        policy::DrawPosition(policy::Discounted(choice.posteriors, discounts, &discounted), now,
                             choice.baseline, rule, record.id, seed);
    return SlatePosition{drawn.drawn, std::move(drawn.ticks)};
  };
  const auto logged_at = [&](size_t index) {
    size_t i = 0;
    while (i < neutral && choice.ActionAt(record, i) != record.positions[index].action_id) ++i;
    return i;
  };
  const auto take = [&](size_t drawn, Left* now) {
    (*now)[drawn] = false;
    const config::Action& action =
        choice.bundle->actions[static_cast<size_t>(choice.actions[drawn])];
    if (action.exclusions.empty()) return;
    for (size_t i = 0; i < neutral; ++i) {
      if (orchestrator::ExcludesInSlate(*choice.bundle, action, choice.actions[i])) {
        (*now)[i] = false;
      }
    }
  };
  Slate slate;
  Left own(left.begin(), left.end());
  std::vector<int32_t> own_picked;
  for (size_t i = 0; i < choice.slate_size; ++i) {
    slate.positions.push_back(draw(own, i, own_picked));
    const size_t drawn = slate.positions.back().drawn;
    if (drawn == neutral) break;
    take(drawn, &own);
    own_picked.push_back(choice.actions[drawn]);
  }
  Left logged(left.begin(), left.end());
  std::vector<int32_t> logged_picked;
  bool same = true;  // so far the log drew what is drawn here
  for (size_t i = 0; i < record.positions.size(); ++i) {
    same = same && i < slate.positions.size();
    slate.given_logged.push_back(same ? slate.positions[i].ticks
                                      : draw(logged, i, logged_picked).ticks);
    const size_t drawn = logged_at(i);
    same = same && drawn != neutral && slate.positions[i].drawn == drawn;
    if (drawn == neutral) {
      slate.given_logged.resize(record.positions.size());
      break;
    }
    take(drawn, &logged);
    logged_picked.push_back(choice.actions[drawn]);
  }
  return slate;
}

}  // namespace fulcrum::replay
