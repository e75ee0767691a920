// One recorded decision as another policy would make it: its candidates with the other policy's
// posteriors, and from there to distributions and draws.
//
// Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/bundle.h"
#include "fulcrum/decision_record.h"
#include "policy/choice.h"
#include "replay/other_policy.h"
#include "replay/recorded_world.h"
#include "scoring/posteriors.h"

namespace fulcrum::replay {

// What is known before the ledger is asked.
struct Choice {
  std::string not_replayed;                // why; empty if it can be
  const config::Bundle* bundle = nullptr;  // the other one, and its surface
  const config::Surface* surface = nullptr;
  std::vector<size_t> candidates;  // of the record; the rest is not on the surface any more
  std::vector<int32_t> actions;    // the same, in the other bundle; ascending like the record's
  std::vector<policy::Posterior> posteriors;
  std::vector<MaskReason> masks;  // that need no ledger
  policy::Baseline baseline;
  uint32_t slate_size = 0;  // positions to draw at most

  // The record's candidates by number, then the neutral action.
  std::string ActionAt(const DecisionRecord& record, size_t index) const;
};

// `posteriors` is read only if the record's own do not hold; null if they cannot be had.
Choice ChooseAgain(const DecisionRecord& record, const FeatureSnapshot* snapshot,
                   const RecordedWorld& world, const OtherPolicy& other,
                   const scoring::Posteriors* posteriors);

// One position of a slate.
struct SlatePosition {
  size_t drawn = 0;          // into Choice::candidates; their number is the neutral action
  std::vector<Ticks> ticks;  // one per candidate, then the neutral action
};

struct Slate {
  std::vector<SlatePosition> positions;
  // By logged position: the distribution given what the log drew at the positions before it. Empty
  // where one of those is not a candidate any more.
  std::vector<std::vector<Ticks>> given_logged;
};

// Draws with the record's random stream. left[i]: candidate i can be drawn.
Slate DrawSlate(const DecisionRecord& record, const Choice& choice, const std::vector<bool>& left);

}  // namespace fulcrum::replay
