#include "apps/parity_metrics.h"

#include <vector>

namespace fulcrum::apps {
namespace {

using orchestrator::CohortRate;
using orchestrator::ParityReport;
using orchestrator::ParityWatch;
using telemetry::Sample;

void AddBandFamily(const char* name, const char* help, const ParityWatch* watch,
                   double (*value)(const ParityReport&), telemetry::Metrics* metrics) {
  metrics->AddPulled({name, help, "parity", false, [watch, value] {
                        std::vector<Sample> samples;
                        for (const ParityReport& one : watch->Report()) {
                          samples.push_back({one.id, value(one)});
                        }
                        return samples;
                      }});
}

void AddCohortFamily(const char* name, const char* help, const ParityWatch* watch,
                     double (*value)(const CohortRate&), telemetry::Metrics* metrics) {
  metrics->AddPulled({name, help, "parity", false, [watch, value] {
                        std::vector<Sample> samples;
                        for (const ParityReport& one : watch->Report()) {
                          for (const CohortRate& cohort : one.cohorts) {
                            samples.push_back({one.id, value(cohort), {{"cohort", cohort.cohort}}});
                          }
                        }
                        return samples;
                      }});
}

}  // namespace

void AddParityMetrics(const ParityWatch* watch, telemetry::Metrics* metrics) {
  AddBandFamily(
      "fulcrum_parity_ratio",
      "Lowest rate of a judged cohort over the highest; 1 with less than two", watch,
      [](const ParityReport& one) { return one.ratio; }, metrics);
  AddBandFamily(
      "fulcrum_parity_ratio_min", "The smallest ratio that is within the band", watch,
      [](const ParityReport& one) { return one.ratio_min; }, metrics);
  AddBandFamily(
      "fulcrum_parity_judged_cohorts", "Cohorts with enough decisions to be judged", watch,
      [](const ParityReport& one) { return static_cast<double>(one.judged); }, metrics);
  AddCohortFamily(
      "fulcrum_parity_rate", "Share of the cohort's decisions that showed one of the actions",
      watch, [](const CohortRate& one) { return one.rate(); }, metrics);
  AddCohortFamily(
      "fulcrum_parity_decisions", "Decisions of the cohort within the span", watch,
      [](const CohortRate& one) { return static_cast<double>(one.decisions); }, metrics);
}

}  // namespace fulcrum::apps
