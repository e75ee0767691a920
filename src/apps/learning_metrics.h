// What the learner tells Prometheus.
#pragma once

#include "base/clock.h"
#include "learning/learner.h"
#include "telemetry/metrics.h"

namespace fulcrum::apps {

// All outlive `metrics`' Close().
void AddLearningMetrics(const learning::Learner* learner, const base::Clock* clock,
                        telemetry::Metrics* metrics);

}  // namespace fulcrum::apps
