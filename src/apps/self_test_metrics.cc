#include "apps/self_test_metrics.h"

#include <utility>
#include <vector>

namespace fulcrum::apps {
namespace {

using telemetry::SelfTest;
using telemetry::SelfTestReport;

void AddFamily(const char* name, const char* help, bool counter, const SelfTest* self_test,
               double (*value)(const SelfTestReport&), telemetry::Metrics* metrics) {
  metrics->AddPulled({name, help, "surface", counter, [self_test, value] {
                        std::vector<telemetry::Sample> samples;
                        for (const SelfTestReport& one : self_test->Report()) {
                          samples.push_back({one.surface, value(one)});
                        }
                        return samples;
                      }});
}

}  // namespace

void AddSelfTestMetrics(const SelfTest* self_test, telemetry::Metrics* metrics) {
  using Report = SelfTestReport;
  AddFamily(
      "fulcrum_selftest_positions_total", "Drawn positions that the self-test has seen", true,
      self_test, [](const Report& one) { return static_cast<double>(one.positions); }, metrics);
  AddFamily(
      "fulcrum_selftest_block_positions",
      "Positions of the last block that was judged; 0 until one is", false, self_test,
      [](const Report& one) { return static_cast<double>(one.block); }, metrics);
  AddFamily(
      "fulcrum_selftest_drawn_p_value",
      "P-value of drawn against logged in that block (chi-square)", false, self_test,
      [](const Report& one) { return one.drawn_p_value; }, metrics);
  AddFamily(
      "fulcrum_selftest_mean_weight",
      "Mean of even target over propensity in that block; 1 but for chance", false, self_test,
      [](const Report& one) { return one.mean_weight; }, metrics);
  AddFamily(
      "fulcrum_selftest_mean_weight_z", "Its distance from 1 in standard errors", false, self_test,
      [](const Report& one) { return one.weight_z; }, metrics);
  AddFamily(
      "fulcrum_selftest_entropy",
      "Mean entropy of the distributions in that block, as a share of the largest", false,
      self_test, [](const Report& one) { return one.entropy; }, metrics);
  AddFamily(
      "fulcrum_selftest_drawn_alarms_total",
      "Blocks in which what was drawn did not follow what was logged", true, self_test,
      [](const Report& one) { return static_cast<double>(one.drawn_alarms); }, metrics);
  AddFamily(
      "fulcrum_selftest_weight_alarms_total", "Blocks whose mean weight was not 1", true, self_test,
      [](const Report& one) { return static_cast<double>(one.weight_alarms); }, metrics);
  AddFamily(
      "fulcrum_selftest_entropy_alarms_total", "Blocks in which the choice had collapsed", true,
      self_test, [](const Report& one) { return static_cast<double>(one.entropy_alarms); },
      metrics);
}

}  // namespace fulcrum::apps
