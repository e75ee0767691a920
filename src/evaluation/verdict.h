// When estimates should not be believed, and how that is said.
#pragma once

#include "evaluation/evaluate.h"

namespace fulcrum::evaluation {

// Limits on what the weights may look like (docs/evaluation.md says why these).
inline constexpr double kSampleSizeLow = 1000;     // effective; warn below
inline constexpr double kSampleShareLow = 0.1;     // of the rows; warn below
inline constexpr double kSampleSizeMin = 200;      // refuse below
inline constexpr double kMeanWeightErrorsMax = 4;  // standard errors off 1; refuse above
inline constexpr double kShareTolerance = 1e-6;    // rounding of targets that come as decimals
inline constexpr double kFallbackShareMax = 0.01;  // warn above

// Adds the warnings that follow from the figures of `evaluation`, and settles its verdict.
// `unseen_share`: of the target on actions that were logged, but never at that position.
void Judge(const RowSet& rows, double unseen_share, Evaluation* evaluation);

}  // namespace fulcrum::evaluation
