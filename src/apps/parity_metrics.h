// What the bands of parity tell Prometheus.
#pragma once

#include "orchestrator/parity_watch.h"
#include "telemetry/metrics.h"

namespace fulcrum::apps {

// Both outlive `metrics`' Close().
void AddParityMetrics(const orchestrator::ParityWatch* watch, telemetry::Metrics* metrics);

}  // namespace fulcrum::apps
