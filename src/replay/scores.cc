#include "replay/scores.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "orchestrator/diversity.h"
#include "orchestrator/orchestrator.h"
#include "policy/choice.h"
#include "policy/narrow.h"
#include "policy/recorded.h"
#include "replay/selection.h"
#include "scoring/linear_posterior.h"
#include "scoring/scorer.h"

namespace fulcrum::replay {
namespace {

using Maybe = std::optional<Comparison>;

class ScoreComparison {
 public:
  ScoreComparison(const DecisionRecord& record, const FeatureSnapshot* snapshot, const World& world)
      : record_(record), snapshot_(snapshot), world_(world), bundle_(*world.bundle) {}

  Comparison Run() {
    for (const auto step : {&ScoreComparison::FindSurface, &ScoreComparison::FindActions,
                            &ScoreComparison::TakeSnapshot, &ScoreComparison::CompareCandidates,
                            &ScoreComparison::CompareNeutral, &ScoreComparison::CompareSettings,
                            &ScoreComparison::ComparePositions}) {
      if (Maybe end = (this->*step)()) return *std::move(end);
    }
    return {};
  }

 private:
  Maybe FindSurface() {
    surface_ = bundle_.FindSurface(record_.surface);
    if (surface_ != nullptr) return std::nullopt;
    return Differs(0, "surface", record_.surface, "the bundle has no such surface");
  }

  Maybe FindActions() {
    for (const CandidateRecord& candidate : record_.candidates) {
      const auto found = bundle_.action_index.find(candidate.action_id);
      if (found == bundle_.action_index.end()) {
        return Differs(0, "candidate", candidate.action_id, "the bundle has no such action");
      }
      actions_.push_back(found->second);
      const std::string& campaign = CampaignOf(actions_.size() - 1).id;
      if (candidate.campaign_id != campaign) {
        return Differs(0, absl::StrCat("campaign of '", candidate.action_id, "'"),
                       candidate.campaign_id, campaign);
      }
    }
    return std::nullopt;
  }

  // What the model saw, in the shape that model and surface have.
  Maybe TakeSnapshot() {
    scores_.segment = record_.segment;
    const size_t terms = surface_->linear ? surface_->linear->terms() - 2 : 0;
    if (world_.model == nullptr && terms == 0) return std::nullopt;
    if (snapshot_ == nullptr) return NotReplayed("no feature snapshot in the log");
    const uint32_t columns = world_.model == nullptr ? 0 : world_.model->columns();
    const size_t values = actions_.size() * columns;
    const auto compare = [](const char* what, uint64_t recorded, uint64_t expected) -> Maybe {
      if (recorded == expected) return std::nullopt;
      return Differs(0, what, absl::StrCat(recorded), absl::StrCat(expected));
    };
    if (Maybe end = compare("model of the snapshot", snapshot_->model, record_.versions.model)) {
      return end;
    }
    if (Maybe end = compare("values of the snapshot", snapshot_->values.size(), values)) return end;
    if (Maybe end = compare("terms of the snapshot", snapshot_->basis.size(), terms)) return end;
    scores_.columns = columns;
    scores_.inputs = snapshot_->values;
    scores_.basis = snapshot_->basis;
    return std::nullopt;
  }

  Maybe CompareCandidates() {
    scoring::ScoreInputs(bundle_, *surface_, world_.model, *world_.posteriors, actions_, &scores_);
    if (record_.log_odds != scores_.log_odds) {
      return Differs(0, "whether posteriors are of log odds", record_.log_odds ? "yes" : "no",
                     scores_.log_odds ? "yes" : "no");
    }
    for (size_t i = 0; i < actions_.size(); ++i) {
      const CandidateRecord& recorded = record_.candidates[i];
      const scoring::ScoredCandidate& again = scores_.candidates[i];
      const auto compare = [&](const char* what, double a, double b) {
        return SameBits(a, b)
                   ? std::nullopt
                   : CompareNumber(0, absl::StrCat(what, " of '", recorded.action_id, "'"), a, b);
      };
      for (Maybe end :
           {compare("score", recorded.score, again.score),
            compare("alpha", recorded.alpha, again.alpha),
            compare("beta", recorded.beta, again.beta), compare("mean", recorded.mean, again.mean),
            compare("sd", recorded.sd, again.sd)}) {
        if (end) return end;
      }
    }
    return CompareMasks();
  }

  // The masks that follow from bundle and scores alone, before any hold is taken.
  std::vector<MaskReason> KnownMasks() const {
    std::vector<MaskReason> masks;
    std::vector<policy::Posterior> arms;
    absl::InlinedVector<bool, 128> left;
    for (size_t i = 0; i < actions_.size(); ++i) {
      masks.push_back(KnownMask(i));
      arms.push_back(policy::PosteriorOf(record_.candidates[i], record_.log_odds));
      left.push_back(masks.back() == MaskReason::kNone);
    }
    const double uncertainty = Choice().policy.uncertainty;
    for (const size_t i : policy::LeftOut(arms, left, uncertainty, surface_->actions_max)) {
      masks[i] = MaskReason::kCautious;
    }
    return masks;
  }

  MaskReason KnownMask(size_t i) const {
    const CandidateRecord& recorded = record_.candidates[i];
    if (recorded.mask == MaskReason::kPaused) return recorded.mask;  // the operators' word
    if (std::isnan(recorded.score)) return MaskReason::kInvalidScore;
    const MaskReason campaign =
        orchestrator::CampaignMask(CampaignOf(i), absl::FromUnixMicros(record_.occurred_us));
    if (campaign != MaskReason::kNone) return campaign;
    const bool valid = policy::IsValid(policy::PosteriorOf(recorded, record_.log_odds));
    return valid ? MaskReason::kNone : MaskReason::kInvalidScore;
  }

  Maybe CompareMasks() const {
    const std::vector<MaskReason> known = KnownMasks();
    for (size_t i = 0; i < actions_.size(); ++i) {
      if (Maybe end = CompareMask(record_.candidates[i], known[i], StandsBack(i))) return end;
    }
    return std::nullopt;
  }

  // Whether there is room for what it is a cheaper form of.
  bool StandsBack(size_t i) const {
    const int32_t form = bundle_.actions[static_cast<size_t>(actions_[i])].variant_of;
    for (size_t j = 0; j < actions_.size(); ++j) {
      if (actions_[j] == form) return record_.candidates[j].mask == MaskReason::kNone;
    }
    return false;
  }

  static Maybe CompareMask(const CandidateRecord& recorded, MaskReason known, bool stands_back) {
    if (known == MaskReason::kNone && stands_back && recorded.mask == MaskReason::kNone) {
      known = MaskReason::kVariant;
    }
    if (known == MaskReason::kNone && stands_back && recorded.mask == MaskReason::kVariant) {
      return std::nullopt;
    }
    const bool of_the_ledger =
        recorded.mask == MaskReason::kNoHold || recorded.mask == MaskReason::kExcluded ||
        recorded.mask == MaskReason::kNoUserRef || recorded.mask == MaskReason::kLedgerUnavailable;
    if (recorded.mask == known || (of_the_ledger && known == MaskReason::kNone)) {
      return std::nullopt;
    }
    return Differs(0, absl::StrCat("mask of '", recorded.action_id, "'"), NameOf(recorded.mask),
                   NameOf(known));
  }

  static std::string NameOf(MaskReason reason) {
    switch (reason) {
      case MaskReason::kNone:
        return "none";
      case MaskReason::kNoHold:
        return "no hold";
      case MaskReason::kCampaignInactive:
        return "campaign inactive";
      case MaskReason::kInvalidScore:
        return "invalid score";
      case MaskReason::kNoUserRef:
        return "no user reference";
      case MaskReason::kLedgerUnavailable:
        return "ledger unavailable";
      case MaskReason::kCautious:
        return "left out by cautious mode";
      case MaskReason::kQuietHours:
        return "quiet hours";
      case MaskReason::kExcluded:
        return "excluded";
      case MaskReason::kVariant:
        return "a variant that is not needed";
      case MaskReason::kPaused:
        return "paused";
    }
    return absl::StrCat("reason ", static_cast<int>(reason));
  }

  Maybe CompareNeutral() {
    const bool known = surface_->baseline_value.has_value();
    if (record_.neutral_known != known) {
      return Differs(0, "whether the neutral action's value is known",
                     record_.neutral_known ? "yes" : "no", known ? "yes" : "no");
    }
    const auto compare = [&](const char* what, double recorded, bool used, double again) {
      return CompareNumber(0, what, recorded, used ? again : 0);
    };
    const scoring::ScoredCandidate& neutral = scores_.neutral;
    for (Maybe end : {compare("neutral_value", record_.neutral_value, known,
                              surface_->baseline_value.value_or(0)),
                      compare("neutral_alpha", record_.neutral_alpha, !known, neutral.alpha),
                      compare("neutral_beta", record_.neutral_beta, !known, neutral.beta),
                      compare("neutral_mean", record_.neutral_mean, !known, neutral.mean),
                      compare("neutral_sd", record_.neutral_sd, !known, neutral.sd)}) {
      if (end) return end;
    }
    return std::nullopt;
  }

  Maybe CompareSettings() {
    const config::Choice& choice = Choice();
    if (record_.policy != choice.policy) {
      return Differs(0, "policy", ToText(record_.policy), ToText(choice.policy));
    }
    if (Maybe end = CompareNumber(0, "exploration_floor", record_.exploration_floor,
                                  choice.exploration_floor)) {
      return end;
    }
    if (Maybe end = CompareShares()) return end;
    if (Maybe end = CompareShadows()) return end;
    if (record_.versions.schema == bundle_.schema_version) return std::nullopt;
    return Differs(0, "schema version", absl::StrCat(record_.versions.schema),
                   absl::StrCat(bundle_.schema_version));
  }

  const config::Choice& Choice() const { return surface_->ChoiceIn(record_.region); }

  Maybe CompareShares() const {
    const auto compare = [&](const std::string& action, const Share& was, int32_t index) -> Maybe {
      const Share is = Choice().ShareOf(index);
      if (was == is) return std::nullopt;
      const auto text = [](const Share& share) {
        return absl::StrCat("weight ", share.weight, " within ", share.min, " and ", share.max);
      };
      return Differs(0, absl::StrCat("share of '", action, "'"), text(was), text(is));
    };
    for (size_t i = 0; i < actions_.size(); ++i) {
      const CandidateRecord& one = record_.candidates[i];
      if (Maybe end = compare(one.action_id, one.share, actions_[i])) return end;
    }
    return compare(kNeutralActionId, record_.neutral_share, config::kNeutralAction);
  }

  Maybe CompareShadows() const {
    const std::vector<config::Shadow>& again = surface_->shadows;
    bool same = record_.shadows.size() == again.size();
    for (size_t i = 0; same && i < again.size(); ++i) {
      same = record_.shadows[i] ==
             ShadowRecord{again[i].id, again[i].policy, again[i].exploration_floor};
    }
    if (same) return std::nullopt;
    return Differs(0, "shadows", absl::StrCat(record_.shadows.size()),
                   absl::StrCat(again.size(), " as in the bundle"));
  }

  Maybe ComparePositions() {
    const std::vector<PositionRecord>& drawn = SelectionOf(record_);
    for (size_t i = 0; i < drawn.size(); ++i) {
      const PositionRecord& position = drawn[i];
      const auto number = static_cast<uint32_t>(i + 1);
      const uint64_t seed = policy::DrawSeed(surface_->policy_salt, number);
      if (position.seed != seed) {
        return Differs(number, "seed", absl::StrCat(position.seed), absl::StrCat(seed));
      }
      if (Maybe end = CompareExcluded(position, number)) return end;
      if (Maybe end = CompareDiscounts(position, number)) return end;
      picked_.push_back(IndexOf(position.action_id));
    }
    for (size_t i = 0; i < record_.positions.size(); ++i) {
      const auto number = static_cast<uint32_t>(i + 1);
      if (Maybe end = CompareBasis(record_.positions[i], number)) return end;
    }
    return std::nullopt;
  }

  // Into bundle.actions; kNeutralAction, behind which there is nothing, for none of the candidates.
  int32_t IndexOf(const std::string& action_id) const {
    for (size_t i = 0; i < actions_.size(); ++i) {
      if (record_.candidates[i].action_id == action_id) return actions_[i];
    }
    return config::kNeutralAction;
  }

  // What does not go together with what was drawn before.
  Maybe CompareExcluded(const PositionRecord& position, uint32_t number) const {
    std::vector<uint32_t> again;
    for (size_t i = 0; i < actions_.size(); ++i) {
      const bool drawn = std::find(picked_.begin(), picked_.end(), actions_[i]) != picked_.end();
      if (drawn || record_.candidates[i].mask != MaskReason::kNone) continue;
      for (const int32_t one : picked_) {
        if (one == config::kNeutralAction ||
            !orchestrator::ExcludesInSlate(bundle_, bundle_.actions[static_cast<size_t>(one)],
                                           actions_[i])) {
          continue;
        }
        again.push_back(static_cast<uint32_t>(i));
        break;
      }
    }
    if (again == position.excluded) return std::nullopt;
    return Differs(number, "excluded candidates", absl::StrCat(position.excluded.size()),
                   absl::StrCat(again.size(), " by the bundle's exclusions"));
  }

  // By the likeness to what was drawn before.
  Maybe CompareDiscounts(const PositionRecord& position, uint32_t number) const {
    size_t supply = 0;
    for (const CandidateRecord& one : record_.candidates) {
      supply += one.mask == MaskReason::kNone ? 1 : 0;
    }
    const size_t gone = picked_.size() + position.excluded.size();
    const bool possible =
        supply >= gone && record_.slate_size >= number &&
        std::find(picked_.begin(), picked_.end(), config::kNeutralAction) == picked_.end();
    const std::vector<double> again =
        possible ? orchestrator::DiscountsOf(bundle_, *surface_, actions_, picked_, supply - gone,
                                             record_.slate_size - number + 1)
                 : std::vector<double>{};
    if (again == position.discounts) return std::nullopt;
    return Differs(number, "discounts", absl::StrCat(position.discounts.size()),
                   absl::StrCat(again.size(), " by the likeness of the bundle's actions"));
  }

  Maybe CompareBasis(const PositionRecord& position, uint32_t number) const {
    scoring::Terms again;
    if (surface_->linear) {
      double score = scoring::NeutralScore(*surface_);
      for (size_t i = 0; i < actions_.size(); ++i) {
        if (record_.candidates[i].action_id == position.action_id)
          score = record_.candidates[i].score;
      }
      again = scoring::ArmTerms(*surface_, score, scores_.basis);
    }
    if (position.basis.size() != again.size()) {
      return Differs(number, "terms of the basis", absl::StrCat(position.basis.size()),
                     absl::StrCat(again.size()));
    }
    for (size_t i = 0; i < again.size(); ++i) {
      if (SameBits(position.basis[i], again[i])) continue;
      return CompareNumber(number, absl::StrCat("basis[", i, "]"), position.basis[i], again[i]);
    }
    return std::nullopt;
  }

  const config::Campaign& CampaignOf(size_t i) const {
    const config::Action& action = bundle_.actions[static_cast<size_t>(actions_[i])];
    return bundle_.campaigns[static_cast<size_t>(action.campaign)];
  }

  const DecisionRecord& record_;
  const FeatureSnapshot* const snapshot_;
  const World& world_;
  const config::Bundle& bundle_;
  const config::Surface* surface_ = nullptr;
  std::vector<int32_t> actions_;
  std::vector<int32_t> picked_;  // at the positions before
  scoring::Scores scores_;
};

}  // namespace

Comparison CompareScores(const DecisionRecord& record, const FeatureSnapshot* snapshot,
                         const World& world) {
  return ScoreComparison(record, snapshot, world).Run();
}

}  // namespace fulcrum::replay
