// Decisions as the service would have logged them, made without it.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "fulcrum/decision_record.h"
#include "policy/position.h"
#include "tests/support/made_policy.h"

namespace fulcrum::replay::testing {

enum class Family { kBeta, kGauss };

inline constexpr char kSalt[] = "replay-test";

// Draws the positions of `record` as the orchestrator does: the arms that no mask excludes, one
// position after the other, until the neutral action or the slate's end.
inline void DrawAll(DecisionRecord* record, Family family) {
  std::vector<policy::Posterior> arms;
  absl::InlinedVector<bool, 16> left;
  for (const CandidateRecord& one : record->candidates) {
    if (family == Family::kBeta) {
      arms.push_back(policy::BetaArm{one.alpha, one.beta});
    } else {
      arms.push_back(policy::GaussArm{one.mean, one.sd});
    }
    left.push_back(one.mask == MaskReason::kNone);
  }
  policy::Baseline baseline;
  if (record->neutral_known) {
    baseline.known_value = record->neutral_value;
  } else if (family == Family::kBeta) {
    baseline.posterior = policy::BetaArm{record->neutral_alpha, record->neutral_beta};
  } else {
    baseline.posterior = policy::GaussArm{record->neutral_mean, record->neutral_sd};
  }
  record->positions.clear();
  for (uint32_t number = 1; number <= record->slate_size; ++number) {
    PositionRecord position;
    position.seed = policy::DrawSeed(kSalt, number);
    policy::PositionDraw draw =
        policy::DrawPosition(arms, left, baseline, {record->policy, record->exploration_floor, {}},
                             record->id, position.seed);
    position.ticks = std::move(draw.ticks);
    const bool neutral = draw.drawn == arms.size();
    position.action_id = neutral ? kNeutralActionId : record->candidates[draw.drawn].action_id;
    record->positions.push_back(std::move(position));
    if (neutral) return;
    left[draw.drawn] = false;
  }
}

// A random decision: 1 to 8 candidates, some of them masked, slates of up to 4, both kinds of
// baseline. The same for the same state of `random`.
inline DecisionRecord RandomDecision(Family family, std::mt19937_64* random) {
  const auto below = [&](uint64_t bound) { return (*random)() % bound; };
  const auto between = [&](double low, double high) {
    return low + (high - low) * static_cast<double>((*random)() >> 11) * 0x1p-53;
  };
  DecisionRecord record;
  const auto millis = static_cast<int64_t>(below(1000000));
  const uint64_t high = (*random)();  // arguments have no order of their own
  record.id = DecisionId::FromTimeAndRandom(absl::FromUnixMillis(1574553600000 + millis), high,
                                            (*random)());
  record.surface = "home";
  record.slate_size = static_cast<uint32_t>(1 + below(4));
  record.policy =
      fulcrum::testing::MadePolicy(below(fulcrum::testing::kPolicyKinds), between(0, 1));
  record.exploration_floor = below(4) == 0 ? 0 : between(0, 0.2);
  record.replayable = Replayable::kFull;
  record.neutral_known = below(2) == 0;
  if (record.neutral_known) {
    record.neutral_value = between(0, 0.1);
  } else if (family == Family::kBeta) {
    record.neutral_alpha = between(0.5, 20);
    record.neutral_beta = between(1, 200);
  } else {
    record.neutral_mean = between(-0.1, 0.3);
    record.neutral_sd = between(0.01, 0.3);
  }
  const size_t arms = 1 + below(8);
  for (size_t i = 0; i < arms; ++i) {
    CandidateRecord candidate;
    candidate.action_id = absl::StrCat("action-", i);
    candidate.campaign_id = "spring";
    candidate.score = between(0.001, 0.2);
    candidate.mask = below(4) == 0 ? MaskReason::kNoHold : MaskReason::kNone;
    if (family == Family::kBeta) {
      candidate.alpha = between(0.5, 40);
      candidate.beta = between(1, 400);
    } else {
      candidate.mean = between(-0.1, 0.3);
      candidate.sd = between(0.01, 0.3);
    }
    record.candidates.push_back(candidate);
  }
  DrawAll(&record, family);
  return record;
}

}  // namespace fulcrum::replay::testing
