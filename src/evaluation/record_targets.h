// What a target does at each position of each decision of a log, by decision id: what a
// counterfactual replay writes. Distributions that repeat are kept once.
//
// Not thread-safe while it is filled, thread-safe to read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "evaluation/rows.h"
#include "fulcrum/decision_id.h"

namespace fulcrum::evaluation {

class RecordTargets {
 public:
  // The next position of `id`; its probabilities are positive and sum to 1. No actions: nothing is
  // known of that position.
  void Add(const DecisionId& id, const std::vector<std::string>& actions,
           const std::vector<double>& probabilities);

  // Position `index` (from 0) of `id`, its actions named in `actions`, as a number in
  // `distributions`; kNoDistribution if nothing is known of it.
  uint32_t Find(const DecisionId& id, size_t index, ActionTable* actions,
                Distributions* distributions) const;

 private:
  ActionTable actions_;
  Distributions distributions_;
  absl::flat_hash_map<DecisionId, std::vector<uint32_t>> by_decision_;
};

}  // namespace fulcrum::evaluation
