// What a recipe's decision log tells: what was shown and earned, what could not be drawn and why,
// and what the held-out users say about all of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "config/bundle.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::apps {

struct ActionUse {
  uint64_t drawn = 0;     // positions that were answered with it
  uint64_t settled = 0;   // of these shown, with their attribution window over
  uint64_t rewarded = 0;  // settled positions whose reward is not 0
  double reward = 0;      // of the settled ones
};

// Users of one side of a holdout.
struct Side {
  uint64_t users = 0;
  double mean = 0;      // reward per user
  double variance = 0;  // of it, between users
};

// Everything that was done against nothing, by user, whatever was drawn for the others.
struct Lift {
  std::string experiment;
  double share = 0;  // of the users that is to be held out
  Side treated;
  Side held_out;
  double difference = 0;  // of the means
  double low = 0;         // 95 % interval of it, normal with unequal variances
  double high = 0;
};

struct RecipeLog {
  uint64_t decisions = 0;
  std::map<std::pair<Answer, Degradation>, uint64_t>
      answers;                               // decisions by how they were answered
  std::map<std::string, ActionUse> actions;  // all that the surface can show, `none` too
  uint64_t candidates = 0;                   // over all decisions that were drawn
  std::map<MaskReason, uint64_t> masked;     // of these
  uint64_t relaxed = 0;                      // decisions that gave soft rows up
  DecisionId most_masked;                    // the decision with the most masked candidates
  std::optional<Lift> lift;                  // with a holdout, and users on both sides
};

// Of the decisions on `surface`, less those that no shopper asked for (recipe_traffic.h). DATA_LOSS
// if the log cannot be read to its end.
absl::StatusOr<RecipeLog> FoldRecipe(const config::Bundle& bundle, const std::string& surface,
                                     const std::string& log_directory);

// The difference of two means with its 95 % interval; NaN if a side has fewer than two users.
void Compare(Lift* lift);

}  // namespace fulcrum::apps
