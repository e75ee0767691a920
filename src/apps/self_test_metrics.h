// What the self-test tells Prometheus.
#pragma once

#include "domain/seams.h"
#include "telemetry/metrics.h"
#include "telemetry/self_test.h"

namespace fulcrum::apps {

// Shows the self-test what the log takes.
class SelfTestObserver final : public domain::LogObserver {
 public:
  explicit SelfTestObserver(telemetry::SelfTest* self_test) : self_test_(self_test) {}
  void OnLogged(Lsn, const LogEvent& event) override { self_test_->Observe(event); }

 private:
  telemetry::SelfTest* const self_test_;
};

// Both outlive `metrics`' Close().
void AddSelfTestMetrics(const telemetry::SelfTest* self_test, telemetry::Metrics* metrics);

}  // namespace fulcrum::apps
