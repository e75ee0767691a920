#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <cmath>

#include "apps/demo_report.h"

namespace fulcrum::apps {
namespace {

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void Number(Writer& writer, const char* key, double value) {
  writer.Key(key);
  if (std::isfinite(value)) {
    writer.Double(value);
  } else {
    writer.Null();  // JSON has no NaN: nothing to divide by
  }
}

void WriteLatencies(Writer& writer, const TrafficResult& traffic) {
  writer.Key("latency_us");
  writer.StartObject();
  for (const auto& [stage, values] : traffic.latencies) {
    writer.Key(stage.c_str());
    writer.StartObject();
    writer.Key("p50");
    writer.Int64(Percentile(values, 0.5));
    writer.Key("p99");
    writer.Int64(Percentile(values, 0.99));
    writer.EndObject();
  }
  writer.EndObject();
}

void WriteRow(Writer& writer, const RowUse& use) {
  writer.StartObject();
  writer.Key("row");
  writer.String(use.row.c_str());
  writer.Key("limit");
  writer.Int64(use.limit);
  writer.Key("spent_max");
  writer.Int64(use.spent_max);
  writer.Key("spent_total");
  writer.Int64(use.spent_total);
  writer.Key("windows");
  writer.Uint64(use.windows);
  writer.Key("windows_full");
  writer.Uint64(use.windows_full);
  writer.EndObject();
}

// Per campaign its total budget in micros, and beside it all its rows.
void WriteBudgets(Writer& writer, const DemoReport& report) {
  writer.Key("budgets");
  writer.StartObject();
  for (const std::string& campaign : report.campaigns) {
    writer.Key(campaign.c_str());
    writer.StartObject();
    for (const RowUse& use : report.rows) {
      if (use.campaign != campaign || !use.campaign_total) continue;
      writer.Key("limit");
      writer.Int64(use.limit);
      writer.Key("spent");
      writer.Int64(use.spent_total);
    }
    writer.Key("rows");
    writer.StartArray();
    for (const RowUse& use : report.rows) {
      if (use.campaign == campaign) WriteRow(writer, use);
    }
    writer.EndArray();
    writer.EndObject();
  }
  writer.EndObject();
}

void WriteCounts(Writer& writer, const TrafficResult& traffic) {
  writer.Key("decisions");
  writer.Uint64(traffic.decisions);
  writer.Key("items");
  writer.Uint64(traffic.items);
  writer.Key("neutral");
  writer.Uint64(traffic.neutral);
  writer.Key("fallbacks");
  writer.Uint64(traffic.fallbacks);
  writer.Key("exposures");
  writer.Uint64(traffic.exposures);
  writer.Key("outcomes");
  writer.Uint64(traffic.outcomes);
  writer.Key("degraded");
  writer.StartObject();
  for (const auto& [reason, count] : traffic.degraded) {
    writer.Key(reason.c_str());
    writer.Uint64(count);
  }
  writer.EndObject();
}

void WriteEstimate(Writer& writer, const evaluation::Estimate& estimate) {
  writer.Key(evaluation::kEstimatorNames[static_cast<size_t>(estimate.estimator)]);
  writer.StartObject();
  Number(writer, "value", estimate.value);
  Number(writer, "se", estimate.se);
  Number(writer, "ci_low", estimate.ci_low);
  Number(writer, "ci_high", estimate.ci_high);
  writer.EndObject();
}

void WritePolicies(Writer& writer, const std::vector<PolicyValue>& policies) {
  writer.Key("policies");
  writer.StartObject();
  for (const PolicyValue& policy : policies) {
    const evaluation::Evaluation& of = policy.evaluation;
    writer.Key(policy.name.c_str());
    writer.StartObject();
    writer.Key("estimators");
    writer.StartObject();
    for (const evaluation::Estimate& estimate : of.estimates) WriteEstimate(writer, estimate);
    writer.EndObject();
    writer.Key("rows");
    writer.Uint64(of.rows);
    writer.Key("excluded");
    writer.StartObject();
    for (const auto& [reason, count] : of.excluded) {
      writer.Key(reason.c_str());
      writer.Uint64(count);
    }
    writer.EndObject();
    Number(writer, "effective_sample_size", of.effective_sample_size);
    Number(writer, "mean_weight", of.mean_weight);
    Number(writer, "max_weight", of.max_weight);
    writer.Key("warnings");
    writer.StartArray();
    for (const evaluation::Warning& warning : of.warnings) writer.String(warning.message.c_str());
    writer.EndArray();
    writer.Key("verdict");
    writer.String(of.verdict.ok ? "ok" : of.verdict.reason.c_str());
    writer.EndObject();
  }
  writer.EndObject();
}

void WriteReplay(Writer& writer, const evaluation::ReplayEstimate& replay) {
  writer.Key("matches");
  writer.Uint64(replay.matches);
  writer.Key("clicks");
  writer.Uint64(replay.clicks);
  Number(writer, "click_rate", replay.click_rate);
  writer.Key("click_rate_ci");
  writer.StartArray();
  for (const double bound : {replay.click_rate_low, replay.click_rate_high}) {
    if (std::isfinite(bound)) {
      writer.Double(bound);
    } else {
      writer.Null();
    }
  }
  writer.EndArray();
  Number(writer, "logged_click_rate", replay.logged_click_rate);
  Number(writer, "difference_low", replay.difference_low);
  Number(writer, "difference_high", replay.difference_high);
  writer.Key("conclusion");
  writer.String(Conclusion(replay).c_str());
}

}  // namespace

std::string ToJson(const DemoReport& report) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.SetIndent(' ', 2);
  writer.StartObject();
  WriteCounts(writer, report.traffic);
  WriteReplay(writer, report.replay);
  WritePolicies(writer, report.policies);
  WriteLatencies(writer, report.traffic);
  WriteBudgets(writer, report);
  writer.Key("log");
  writer.String(report.log_directory.c_str());
  writer.Key("log_records");
  writer.Uint64(report.log.records);
  writer.Key("log_verify");
  writer.String(report.log.finding.c_str());
  writer.Key("replay_verify");
  writer.String(report.log.replay_finding.c_str());
  writer.Key("warnings");
  writer.StartArray();
  for (const std::string& warning : report.warnings) writer.String(warning.c_str());
  writer.EndArray();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace fulcrum::apps
