#include "absl/strings/str_cat.h"
#include "apps/demo_report.h"
#include "apps/explanation.h"
#include "apps/json_put.h"
#include "apps/recipe_demo.h"
#include "decision_log/record_names.h"

namespace fulcrum::apps {
namespace {

void WriteActions(Json* json, const RecipeReport& report) {
  json->Key("actions");
  json->StartObject();
  for (const auto& [action, use] : report.log.actions) {
    json->Key(action.c_str());
    json->StartObject();
    Put(json, "drawn", use.drawn);
    Put(json, "settled", use.settled);
    Put(json, "rewarded", use.rewarded);
    PutNumber(json, "reward", use.reward);
    json->EndObject();
  }
  json->EndObject();
}

void WriteRows(Json* json, const RecipeReport& report) {
  json->Key("rows");
  json->StartArray();
  for (const RowUse& use : report.rows) {
    json->StartObject();
    Put(json, "row", use.row);
    json->Key("soft");
    json->Bool(use.soft);
    PutSigned(json, "limit", use.limit);
    PutSigned(json, "spent_max", use.spent_max);
    PutSigned(json, "spent_total", use.spent_total);
    Put(json, "windows", use.windows);
    Put(json, "windows_full", use.windows_full);
    json->EndObject();
  }
  json->EndArray();
}

void WriteMasks(Json* json, const RecipeReport& report) {
  Put(json, "candidates", report.log.candidates);
  json->Key("masked");
  json->StartObject();
  for (const auto& [reason, count] : report.log.masked) {
    Put(json, InWords(reason).c_str(), count);
  }
  json->EndObject();
  Put(json, "relaxed", report.log.relaxed);
}

void WriteGuards(Json* json, const RecipeReport& report) {
  json->Key("guards");
  json->StartArray();
  for (const GuardCount& guard : report.traffic.guards) {
    json->StartObject();
    Put(json, "what", guard.what);
    Put(json, "applied", guard.applied);
    Put(json, "broken", guard.broken);
    json->EndObject();
  }
  json->EndArray();
}

void WritePolicies(Json* json, const RecipeReport& report) {
  json->Key("policies");
  json->StartObject();
  for (const PolicyValue& policy : report.policies) {
    json->Key(policy.name.c_str());
    json->StartObject();
    for (const evaluation::Estimate& estimate : policy.evaluation.estimates) {
      json->Key(evaluation::kEstimatorNames[static_cast<size_t>(estimate.estimator)]);
      json->StartObject();
      PutNumber(json, "value", estimate.value);
      PutNumber(json, "ci_low", estimate.ci_low);
      PutNumber(json, "ci_high", estimate.ci_high);
      json->EndObject();
    }
    Put(json, "rows", policy.evaluation.rows);
    Put(json, "verdict", policy.evaluation.verdict.ok ? "ok" : policy.evaluation.verdict.reason);
    json->EndObject();
  }
  json->EndObject();
}

void WriteSide(Json* json, const char* name, const Side& side) {
  json->Key(name);
  json->StartObject();
  Put(json, "users", side.users);
  PutNumber(json, "mean", side.mean);
  json->EndObject();
}

void WriteLift(Json* json, const RecipeReport& report) {
  if (!report.log.lift.has_value()) return;
  const Lift& lift = *report.log.lift;
  json->Key("lift");
  json->StartObject();
  Put(json, "experiment", lift.experiment);
  PutNumber(json, "share", lift.share);
  WriteSide(json, "treated", lift.treated);
  WriteSide(json, "held_out", lift.held_out);
  PutNumber(json, "difference", lift.difference);
  PutNumber(json, "ci_low", lift.low);
  PutNumber(json, "ci_high", lift.high);
  json->EndObject();
}

void WriteLatency(Json* json, const char* name, const std::vector<int64_t>& times) {
  json->Key(name);
  json->StartObject();
  PutSigned(json, "p50", Percentile(times, 0.5));
  PutSigned(json, "p99", Percentile(times, 0.99));
  json->EndObject();
}

void WriteCounts(Json* json, const RecipeReport& report) {
  Put(json, "recipe", report.recipe.name);
  Put(json, "seed", report.seed);
  Put(json, "visits", report.traffic.visits);
  Put(json, "fallbacks", report.traffic.fallbacks);
  Put(json, "exposures", report.traffic.exposures);
  Put(json, "outcomes", report.traffic.outcomes);
  json->Key("answers");
  json->StartObject();
  for (const auto& [how, count] : report.log.answers) {
    const auto& [answer, degradation] = how;
    std::string name = decision_log::NameOf(answer);
    if (degradation != Degradation::kNone) {
      absl::StrAppend(&name, ", ", decision_log::NameOf(degradation));
    }
    Put(json, name.c_str(), count);
  }
  json->EndObject();
}

}  // namespace

std::string ToJson(const RecipeReport& report) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  WriteCounts(&json, report);
  WriteActions(&json, report);
  WriteRows(&json, report);
  WriteMasks(&json, report);
  WriteGuards(&json, report);
  WritePolicies(&json, report);
  WriteLift(&json, report);
  WriteLatency(&json, "server_us", report.traffic.server_us);
  WriteLatency(&json, "client_us", report.traffic.client_us);
  PutSigned(&json, "latency_budget_us", absl::ToInt64Microseconds(report.latency_budget));
  Put(&json, "log", report.log_directory);
  Put(&json, "log_records", report.proof.records);
  Put(&json, "log_verify", report.proof.finding);
  Put(&json, "replay_verify", report.proof.replay_finding);
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace fulcrum::apps
