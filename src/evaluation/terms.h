// What each decision of a log adds to the estimators: sums that can be taken over all of them, or
// over a sample drawn again (bootstrap.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "evaluation/reward_model.h"
#include "evaluation/rows.h"
#include "evaluation/target.h"

namespace fulcrum::evaluation {

enum class Estimator : uint8_t { kIps, kSnips, kDm, kDr, kRips, kSlateIps, kAipw };
inline constexpr size_t kEstimators = 7;
inline constexpr std::array<const char*, kEstimators> kEstimatorNames = {
    "ips", "snips", "dm", "dr", "rips", "slate_ips", "aipw"};

// Sums over rows, w being the target's and the log's probability of a row's action. A row whose
// detail was kept counts 1 / Row::kept times where the target needs the detail.
struct Terms {
  double rows = 0;
  double weight = 0;           // w
  double weighted_reward = 0;  // w r
  double direct = 0;           // sum over actions of target x predicted reward
  double robust = 0;           // direct + w (r - predicted reward)
  // Of slates that are whole (see ByDecision).
  double slates = 0;
  double slate_weight = 0;   // the product of all w
  double cascade = 0;        // sum over positions of (product of w up to there) r
  double whole = 0;          // slate_weight x (sum of r)
  double stable_weight = 0;  // h (adaptive.h)
  double stable_reward = 0;  // h x doubly robust score
};

void Add(const Terms& terms, Terms* sums);

// One per row. Rows without detail have no terms (rows == 0) where the target needs it.
std::vector<Terms> TermsOf(const RowSet& rows, const TargetOnRows& target,
                           const RewardModel& model);

// The rows of each decision as one, with those of slates. A decision's rows are a whole slate if
// they are the positions 1, 2, .. in turn; a row that is a decision of its own always is one.
std::vector<Terms> ByDecision(const RowSet& rows, absl::Span<const Terms> terms);

// Whether some decision has several rows.
bool HasSlates(const RowSet& rows);

}  // namespace fulcrum::evaluation
