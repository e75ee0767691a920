// The replay method of Li, Chu, Langford and Wang, "Unbiased offline evaluation of
// contextual-bandit-based news article recommendation algorithms" (WSDM 2011, section 3): where a
// log's action was uniform over the candidates, the rows on which a policy would have shown the
// same action are a fair sample of what that policy would have earned.
#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace fulcrum::evaluation {

// One logged row.
struct ReplayRow {
  bool matched = false;  // the policy served the logged action
  bool clicked = false;  // the logged reward
};

// Rates are clicks per row in [0, 1]; intervals are percentile bootstrap intervals at level 0.95.
// NaN where there is nothing to divide by.
struct ReplayEstimate {
  uint64_t rows = 0;
  uint64_t matches = 0;
  uint64_t clicks = 0;  // among the matches
  double click_rate = 0;
  double click_rate_low = 0;
  double click_rate_high = 0;
  double logged_click_rate = 0;
  double difference = 0;  // click_rate - logged_click_rate
  double difference_low = 0;
  double difference_high = 0;
};

// One bootstrap over rows gives both intervals: the matched rows are among the logged ones, so the
// difference must be resampled as a whole. Deterministic given `seed`.
ReplayEstimate EstimateByReplay(absl::Span<const ReplayRow> rows, uint64_t seed,
                                int resamples = 2000);

}  // namespace fulcrum::evaluation
