#include "apps/simulate_report.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::apps {
namespace {

constexpr double kMicrosPerUnit = 1e6;

std::string NameOf(const simulation::World& world, size_t arm) {
  return arm == world.neutral() ? kNeutralActionId : world.arms[arm].id;
}

std::string Line(const std::string& label, const std::string& text) {
  return absl::StrFormat("  %-26s%s\n", label, text);
}

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void Write(Writer& json, const char* key, const std::string& value) {
  json.Key(key);
  json.String(value.c_str());
}
void Write(Writer& json, const char* key, uint64_t value) {
  json.Key(key);
  json.Uint64(value);
}
void Write(Writer& json, const char* key, double value) {
  json.Key(key);
  json.Double(value);
}

void WriteTraffic(Writer& json, const simulation::TrafficResult& traffic) {
  Write(json, "decisions", traffic.decisions);
  Write(json, "fallbacks", traffic.fallbacks);
  Write(json, "shown", traffic.shown);
  Write(json, "shown_late", traffic.shown_late);
  Write(json, "exposure_reports", traffic.exposure_reports);
  Write(json, "exposure_repeats", traffic.exposure_repeats);
  Write(json, "outcome_reports", traffic.outcome_reports);
  Write(json, "outcome_repeats", traffic.outcome_repeats);
  Write(json, "outcomes_out_of_order", traffic.outcomes_out_of_order);
  Write(json, "outcomes_late", traffic.outcomes_late);
}

}  // namespace

std::string ToTable(const SimulateReport& report) {
  const simulation::TrafficResult& traffic = report.traffic;
  std::string text = absl::StrCat(
      "World '", report.world.name, "': ", report.world.what, "\n", Line("policy", report.policy),
      Line("decisions", absl::StrFormat("%d in %.1f s: %.0f per second", traffic.decisions,
                                        report.seconds, report.DecisionsPerSecond())),
      Line("shown in time, late", absl::StrCat(traffic.shown, ", ", traffic.shown_late)),
      Line("exposure reports",
           absl::StrCat(traffic.exposure_reports, " and ", traffic.exposure_repeats, " repeats")),
      Line("outcome reports",
           absl::StrCat(traffic.outcome_reports, " and ", traffic.outcome_repeats, " repeats; ",
                        traffic.outcomes_out_of_order, " out of order, ", traffic.outcomes_late,
                        " too late")));
  if (traffic.fallbacks > 0) {
    absl::StrAppend(&text, Line("fallbacks", absl::StrCat(traffic.fallbacks,
                                                          " (the machine stalled; "
                                                          "not repeatable)")));
  }
  absl::StrAppend(
      &text, Line("reward", absl::StrCat(traffic.reward, " credited conversions")),
      Line("  expected of its choices", absl::StrFormat("%.1f", traffic.expected_reward)),
      Line("  expected of the oracle", absl::StrFormat("%.1f", traffic.oracle_reward)),
      Line("regret", absl::StrFormat("%.1f conversions, %.2f %% of the oracle's", traffic.regret,
                                     100 * traffic.regret / traffic.oracle_reward)));
  if (report.budget_micros > 0) {
    const auto budget = static_cast<double>(report.budget_micros);
    const auto spent = static_cast<double>(report.spent_micros);
    absl::StrAppend(&text,
                    Line(absl::StrCat("budget of ", report.world.budgeted),
                         absl::StrFormat("%.0f of %.0f spent (%.1f %%)", spent / kMicrosPerUnit,
                                         budget / kMicrosPerUnit, 100 * spent / budget)));
  }
  for (size_t arm = 0; arm < traffic.chosen.size(); ++arm) {
    absl::StrAppend(&text, Line(absl::StrCat("  ", NameOf(report.world, arm)),
                                absl::StrCat(traffic.chosen[arm])));
  }
  return absl::StrCat(text, Line("log", report.log_directory),
                      Line("bundle", report.bundle_directory), Line("truth", report.truth_file));
}

std::string ToJson(const SimulateReport& report) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.StartObject();
  Write(json, "world", report.world.name);
  Write(json, "policy", report.policy);
  Write(json, "seed", report.seed);
  WriteTraffic(json, report.traffic);
  Write(json, "seconds", report.seconds);
  Write(json, "decisions_per_second", report.DecisionsPerSecond());
  Write(json, "reward", report.traffic.reward);
  Write(json, "expected_reward", report.traffic.expected_reward);
  Write(json, "oracle_reward", report.traffic.oracle_reward);
  Write(json, "regret", report.traffic.regret);
  Write(json, "budget_micros", static_cast<uint64_t>(report.budget_micros));
  Write(json, "spent_micros", static_cast<uint64_t>(report.spent_micros));
  json.Key("chosen");
  json.StartObject();
  for (size_t arm = 0; arm < report.traffic.chosen.size(); ++arm) {
    Write(json, NameOf(report.world, arm).c_str(), report.traffic.chosen[arm]);
  }
  json.EndObject();
  Write(json, "log_directory", report.log_directory);
  Write(json, "bundle_directory", report.bundle_directory);
  Write(json, "truth_file", report.truth_file);
  json.EndObject();
  return absl::StrCat(buffer.GetString(), "\n");
}

}  // namespace fulcrum::apps
