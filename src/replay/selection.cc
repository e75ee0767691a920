#include "replay/selection.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "decision_log/detail.h"
#include "policy/position.h"
#include "policy/recorded.h"

namespace fulcrum::replay {
namespace {

constexpr size_t kArmsMax = 65534;  // with the neutral action, what ToTicks can spread ticks over

std::string Describe(const policy::Posterior& posterior) {
  if (const auto* const beta = std::get_if<policy::BetaArm>(&posterior)) {
    return absl::StrCat("Beta(", Exactly(beta->alpha), ", ", Exactly(beta->beta), ")");
  }
  if (const auto* const logit = std::get_if<policy::LogitArm>(&posterior)) {
    return absl::StrCat("log odds Gaussian(", Exactly(logit->mean), ", ", Exactly(logit->sd), ")");
  }
  const auto& gauss = std::get<policy::GaussArm>(posterior);
  return absl::StrCat("Gaussian(", Exactly(gauss.mean), ", ", Exactly(gauss.sd), ")");
}

struct Draws {
  std::vector<policy::Posterior> arms;
  std::vector<policy::Posterior> buffer;
  absl::Span<const policy::Posterior> discounted;  // at the position that is looked at
  absl::InlinedVector<bool, 128> left;             // not masked, not yet drawn
  policy::Baseline baseline;
  std::vector<Share> shares;
};

Draws DrawsOf(const DecisionRecord& record) {
  Draws draws;
  for (const CandidateRecord& candidate : record.candidates) {
    draws.arms.push_back(policy::PosteriorOf(candidate, record.log_odds));
    draws.left.push_back(candidate.mask == MaskReason::kNone);
  }
  draws.shares = SharesOf(record);
  if (record.neutral_known) draws.baseline.known_value = record.neutral_value;
  draws.baseline.posterior = policy::NeutralPosteriorOf(record);
  return draws;
}

// What DrawPosition takes for granted, which a record from a file need not keep.
std::optional<Comparison> Impossible(const DecisionRecord& record, const Draws& draws) {
  const double floor = record.exploration_floor;
  if (!(floor >= 0 && floor <= 1)) {
    return Differs(0, "exploration_floor", Exactly(floor), "between 0 and 1");
  }
  if (!IsValid(record.policy)) {
    return Differs(0, "policy", ToText(record.policy), "a parameter that it can have");
  }
  for (const ShadowRecord& shadow : record.shadows) {
    if (policy::Rule{shadow.policy, shadow.exploration_floor, {}}.IsValid(0)) continue;
    return Differs(0, absl::StrCat("shadow '", shadow.id, "'"), ToText(shadow.policy),
                   "a policy and a floor that it can have");
  }
  if (!policy::Rule{record.policy, floor, draws.shares}.IsValid(draws.arms.size())) {
    return Differs(0, "shares", "as recorded", "bounds that fit together");
  }
  if (draws.arms.size() > kArmsMax) {
    return Differs(0, "number of candidates", absl::StrCat(draws.arms.size()),
                   absl::StrCat("at most ", kArmsMax));
  }
  const policy::Posterior* first = nullptr;
  for (size_t i = 0; i < draws.arms.size(); ++i) {
    if (!draws.left[i]) continue;
    const policy::Posterior& arm = draws.arms[i];
    if (first == nullptr) first = &arm;
    if (!policy::IsValid(arm) || arm.index() != first->index()) {
      return Differs(0, absl::StrCat("posterior of '", record.candidates[i].action_id, "'"),
                     Describe(arm), "a distribution of the family of the others");
    }
  }
  if (first == nullptr) return std::nullopt;
  const bool beta = std::holds_alternative<policy::BetaArm>(*first);
  if (!record.neutral_known) {
    const policy::Posterior& neutral = draws.baseline.posterior;
    if (policy::IsValid(neutral) && neutral.index() == first->index()) return std::nullopt;
    return Differs(0, "posterior of the neutral action", Describe(neutral),
                   "a distribution of the family of the others");
  }
  const double value = record.neutral_value;
  if (beta ? value >= 0 && value <= 1 : std::isfinite(value)) return std::nullopt;
  return Differs(0, "value of the neutral action", Exactly(value),
                 beta ? "between 0 and 1" : "a finite number");
}

std::optional<Comparison> ImpossibleDiscounts(const DecisionRecord& record, uint32_t number,
                                              const std::vector<double>& discounts) {
  if (discounts.empty()) return std::nullopt;
  if (discounts.size() != record.candidates.size()) {
    return Differs(number, "number of discounts", absl::StrCat(discounts.size()),
                   absl::StrCat(record.candidates.size()));
  }
  for (const double one : discounts) {
    if (one >= 0 && std::isfinite(one)) continue;
    return Differs(number, "discount", Exactly(one), "a finite number of at least 0");
  }
  return std::nullopt;
}

std::optional<Comparison> ImpossibleExclusions(const DecisionRecord& record, uint32_t number,
                                               const std::vector<uint32_t>& excluded) {
  for (const uint32_t index : excluded) {
    if (index < record.candidates.size()) continue;
    return Differs(number, "excluded candidate", absl::StrCat(index),
                   absl::StrCat("less than ", record.candidates.size()));
  }
  return std::nullopt;
}

std::string ActionAt(const DecisionRecord& record, size_t index) {
  return index < record.candidates.size() ? record.candidates[index].action_id : kNeutralActionId;
}

std::optional<Comparison> CompareTicks(const DecisionRecord& record, uint32_t number,
                                       const char* of, const std::vector<Ticks>& recorded,
                                       const std::vector<Ticks>& again) {
  if (recorded.size() != again.size()) {
    return Differs(number, absl::StrCat("number of ticks", of), absl::StrCat(recorded.size()),
                   absl::StrCat(again.size()));
  }
  const auto [was, is] = std::mismatch(recorded.begin(), recorded.end(), again.begin());
  if (was == recorded.end()) return std::nullopt;
  const auto arm = static_cast<size_t>(was - recorded.begin());
  return Differs(number, absl::StrCat("ticks", of, " of '", ActionAt(record, arm), "'"),
                 absl::StrCat(*was), absl::StrCat(*is));
}

// Before the position's own action is taken out.
std::optional<Comparison> CompareShadows(const DecisionRecord& record, const Draws& draws,
                                         uint32_t number) {
  const auto& recorded = SelectionOf(record)[number - 1].shadow_ticks;
  if (recorded.size() != record.shadows.size()) {
    return Differs(number, "number of shadows", absl::StrCat(recorded.size()),
                   absl::StrCat(record.shadows.size()));
  }
  for (size_t i = 0; i < recorded.size(); ++i) {
    const ShadowRecord& shadow = record.shadows[i];
    const policy::Rule rule{shadow.policy, shadow.exploration_floor, {}};
    const std::string of = absl::StrCat(" in shadow '", shadow.id, "'");
    auto difference =
        CompareTicks(record, number, of.c_str(), recorded[i],
                     policy::DistributionOf(draws.discounted, draws.left, draws.baseline, rule));
    if (difference) return difference;
  }
  return std::nullopt;
}

std::optional<Comparison> ComparePosition(const DecisionRecord& record, uint32_t number,
                                          const policy::PositionDraw& again) {
  const PositionRecord& position = SelectionOf(record)[number - 1];
  if (auto difference = CompareTicks(record, number, "", position.ticks, again.ticks)) {
    return difference;
  }
  std::string drawn = ActionAt(record, again.drawn);
  if (position.action_id == drawn) return std::nullopt;
  return Differs(number, "action", position.action_id, std::move(drawn));
}

// Nothing to draw from; but whether the detail was to be kept can be drawn again.
Comparison CompareWithoutDetail(const DecisionRecord& record) {
  if (record.detail == Detail::kSampledOut &&
      decision_log::KeepsDetail(record.id, record.detail_ticks)) {
    return Differs(0, "detail", "sampled out",
                   absl::StrCat("kept with a probability of ", record.detail_ticks, " ticks"));
  }
  return NotReplayed(record.replayable_reason.empty() ? "the record has no detail"
                                                      : record.replayable_reason);
}

}  // namespace

bool HasSelection(const DecisionRecord& record) {
  return IsDrawn(record) || !record.unserved.empty();
}

const std::vector<PositionRecord>& SelectionOf(const DecisionRecord& record) {
  return record.unserved.empty() ? record.positions : record.unserved;
}

std::vector<Share> SharesOf(const DecisionRecord& record) {
  std::vector<Share> shares;
  bool any = record.neutral_share != Share{};
  for (const CandidateRecord& candidate : record.candidates) {
    shares.push_back(candidate.share);
    any = any || candidate.share != Share{};
  }
  shares.push_back(record.neutral_share);
  if (!any) shares.clear();
  return shares;
}

Comparison CompareSelection(const DecisionRecord& record) {
  if (!HasSelection(record)) return NotReplayed("the answer was not drawn");
  if (record.detail != Detail::kWhole) return CompareWithoutDetail(record);
  if (record.versions.price_version != 0) {
    return NotReplayed("decided with prices, which this program cannot replay");
  }
  Draws draws = DrawsOf(record);
  if (auto impossible = Impossible(record, draws)) return *std::move(impossible);
  const policy::Rule rule{record.policy, record.exploration_floor, draws.shares};
  const std::vector<PositionRecord>& positions = SelectionOf(record);
  bool ended = false;  // by the neutral action: nothing follows it
  uint32_t drawn = 0;
  while (drawn < record.slate_size && !ended) {
    if (drawn == positions.size()) {
      return Differs(drawn + 1, "position", "none", "one more was asked for");
    }
    const std::vector<double>& discounts = positions[drawn].discounts;
    if (auto impossible = ImpossibleDiscounts(record, drawn + 1, discounts)) {
      return *std::move(impossible);
    }
    const std::vector<uint32_t>& excluded = positions[drawn].excluded;
    if (auto impossible = ImpossibleExclusions(record, drawn + 1, excluded)) {
      return *std::move(impossible);
    }
    for (const uint32_t index : excluded) draws.left[index] = false;
    draws.discounted = policy::Discounted(draws.arms, discounts, &draws.buffer);
    const policy::PositionDraw again = policy::DrawPosition(
        draws.discounted, draws.left, draws.baseline, rule, record.id, positions[drawn].seed);
    ++drawn;
    if (auto difference = CompareShadows(record, draws, drawn)) return *std::move(difference);
    if (auto difference = ComparePosition(record, drawn, again)) return *std::move(difference);
    ended = again.drawn == draws.arms.size();
    if (!ended) draws.left[again.drawn] = false;
  }
  if (drawn == positions.size()) return {};
  return Differs(drawn + 1, "position", positions[drawn].action_id, "none");
}

}  // namespace fulcrum::replay
