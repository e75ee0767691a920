// Scores a logged decision again from what its model saw, and compares with what the record says.
//
// Model outputs, posteriors and baseline must equal the recorded ones in every bit; so must what
// the bundle decides: floor, seeds, campaigns, and which candidates are masked before any hold.
// Holds themselves are not taken again: their masks are the record's.
//
// A pure function, thread-safe. A record comes from outside: one that no service writes is a
// difference, never the end of the process.
#pragma once

#include <memory>

#include "config/bundle.h"
#include "fulcrum/decision_record.h"
#include "replay/comparison.h"
#include "scoring/model.h"
#include "scoring/posteriors.h"

namespace fulcrum::replay {

// What a decision was made with, by the versions of its record.
struct World {
  const config::Bundle* bundle = nullptr;
  const scoring::Model* model = nullptr;  // null: no model
  const scoring::Posteriors* posteriors = nullptr;
  std::shared_ptr<const scoring::Posteriors> held{};  // what keeps them, if nothing else does
};

// `snapshot` is null if the log holds none.
Comparison CompareScores(const DecisionRecord& record, const FeatureSnapshot* snapshot,
                         const World& world);

}  // namespace fulcrum::replay
