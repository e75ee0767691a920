#include "apps/service_status.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/json_put.h"
#include "apps/operator_commands.h"

namespace fulcrum::apps {
namespace {

using telemetry::SeriesValue;

std::string LabelOf(const SeriesValue& series, const char* label) {
  const auto found = series.labels.find(label);
  return found == series.labels.end() ? "" : found->second;
}

// In the order in which the names come up.
template <typename Entry>
Entry* EntryOf(const std::string& name, std::string Entry::*field, std::vector<Entry>* entries) {
  for (Entry& entry : *entries) {
    if (entry.*field == name) return &entry;
  }
  entries->emplace_back().*field = name;
  return &entries->back();
}

class Reader {
 public:
  void Read(const SeriesValue& series) {
    const double value = series.value;
    if (series.name == "fulcrum_build_info") {
      status_.version = LabelOf(series, "version");
    } else if (series.name == "fulcrum_log_healthy") {
      status_.log_healthy = value != 0;
    } else if (series.name == "fulcrum_log_disk_low") {
      status_.disk_low = value != 0;
    } else if (series.name == "fulcrum_learning_lag_records") {
      status_.learning_lag = value;
    } else if (series.name == "fulcrum_decisions_total") {
      ReadDecisions(series);
    } else if (series.name == "fulcrum_budget_spent") {
      EntryOf(LabelOf(series, "row"), &RowStatus::row, &status_.rows)->spent = value;
    } else if (series.name == "fulcrum_budget_limit") {
      EntryOf(LabelOf(series, "row"), &RowStatus::row, &status_.rows)->limit = value;
    } else if (series.name == "fulcrum_switches") {
      if (value > 0) status_.paused.push_back({LabelOf(series, "kind"), value});
    } else if (series.name == "fulcrum_ledger_audit_differing_sums") {
      differing_sums_ = value;
    } else if (series.name == "fulcrum_ledger_audit_overspent_leases") {
      overspent_leases_ = value;
    } else if (series.name == "fulcrum_parity_ratio") {
      parity_[LabelOf(series, "parity")].ratio = value;
    } else if (series.name == "fulcrum_parity_ratio_min") {
      parity_[LabelOf(series, "parity")].ratio_min = value;
    } else {
      ReadSelfTest(series);
    }
  }

  ServiceStatus Take() {
    if (!status_.log_healthy) {
      status_.alarms.push_back(
          "the decision log met a disk error: nothing is acknowledged any more");
    }
    if (status_.disk_low) {
      status_.alarms.push_back("the log's disk has less free space than log.disk_reserve_bytes");
    }
    if (differing_sums_ > 0 || overspent_leases_ > 0) {
      status_.alarms.push_back(
          absl::StrCat("ledger and log differ on ", differing_sums_, " sum(s), ", overspent_leases_,
                       " lease(s) are overspent; 'fulcrum ledger reconcile' says which"));
    }
    for (const auto& [id, one] : parity_) {
      if (one.ratio >= one.ratio_min) continue;
      status_.alarms.push_back(absl::StrFormat(
          "parity %s: a cohort is shown %.2f times as much as another, at least %.2f is asked for",
          id, one.ratio, one.ratio_min));
    }
    status_.alarms.insert(status_.alarms.end(), self_test_.begin(), self_test_.end());
    return std::move(status_);
  }

 private:
  SurfaceStatus* SurfaceOf(const SeriesValue& series) {
    return EntryOf(LabelOf(series, "surface"), &SurfaceStatus::surface, &status_.surfaces);
  }

  void ReadDecisions(const SeriesValue& series) {
    SurfaceStatus* const surface = SurfaceOf(series);
    const auto count = static_cast<uint64_t>(std::max(series.value, 0.0));
    const std::string answer = LabelOf(series, "answer");
    const bool drawn = answer == "full" || answer == "degraded";
    const bool instead = answer == "editorial" || answer == "neutral";
    surface->decisions += count;
    surface->drawn += drawn ? count : 0;
    surface->fallbacks += instead && LabelOf(series, "reason") != "none" ? count : 0;
  }

  void ReadSelfTest(const SeriesValue& series) {
    constexpr std::pair<const char*, double SurfaceStatus::*> kFigures[] = {
        {"fulcrum_selftest_block_positions", &SurfaceStatus::block},
        {"fulcrum_selftest_drawn_p_value", &SurfaceStatus::drawn_p_value},
        {"fulcrum_selftest_mean_weight", &SurfaceStatus::mean_weight},
        {"fulcrum_selftest_entropy", &SurfaceStatus::entropy}};
    constexpr std::pair<const char*, const char*> kAlarms[] = {
        {"fulcrum_selftest_drawn_alarms_total", "what was drawn did not follow what was logged"},
        {"fulcrum_selftest_weight_alarms_total", "the mean weight was not 1"},
        {"fulcrum_selftest_entropy_alarms_total", "the choice had collapsed"}};
    for (const auto& [name, field] : kFigures) {
      if (series.name == name) SurfaceOf(series)->*field = series.value;
    }
    for (const auto& [name, words] : kAlarms) {
      if (series.name != name || !(series.value > 0)) continue;
      self_test_.push_back(absl::StrCat("surface ", LabelOf(series, "surface"), ": ", words, " in ",
                                        series.value, " block(s) since the start"));
    }
  }

  struct ParityBand {
    double ratio = 1;
    double ratio_min = 0;
  };

  ServiceStatus status_;
  double differing_sums_ = 0;
  double overspent_leases_ = 0;
  std::map<std::string, ParityBand> parity_;
  std::vector<std::string> self_test_;
};

// Of each switch, or how many there are if that is all that is known.
void AppendPaused(const ServiceStatus& status, std::string* text) {
  for (const Switch& one : status.switches) absl::StrAppend(text, "PAUSED: ", InWords(one), "\n");
  if (!status.switches.empty()) return;
  for (const PausedStatus& one : status.paused) {
    absl::StrAppend(text, "PAUSED: ", one.count, " of kind ", one.kind, "\n");
  }
}

void PutPaused(const ServiceStatus& status, Json* json) {
  json->Key("paused");
  json->StartObject();
  for (const PausedStatus& one : status.paused) PutNumber(json, one.kind.c_str(), one.count);
  json->EndObject();
  json->Key("switches");
  json->StartArray();
  for (const Switch& one : status.switches) {
    json->StartObject();
    Put(json, "target", ToText(one.target));
    Put(json, "reason", one.reason);
    Put(json, "paused_by", one.paused_by);
    PutSigned(json, "paused_at_us", absl::ToUnixMicros(one.paused_at));
    if (one.until != absl::InfiniteFuture()) {
      PutSigned(json, "until_us", absl::ToUnixMicros(one.until));
    }
    Put(json, "lsn", one.lsn);
    json->EndObject();
  }
  json->EndArray();
}

std::string Share(uint64_t part, uint64_t whole) {
  if (whole == 0) return "-";
  return absl::StrFormat("%.2f %%", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

ServiceStatus StatusOf(absl::Span<const SeriesValue> values) {
  Reader reader;
  for (const SeriesValue& one : values) reader.Read(one);
  return reader.Take();
}

std::string ToText(const ServiceStatus& status) {
  std::string text =
      absl::StrFormat("service   %s, log %s, %.0f record(s) to learn from\n", status.version,
                      status.log_healthy ? "healthy" : "failed", status.learning_lag);
  absl::StrAppendFormat(&text, "\n%-20s %10s %10s %10s %8s %8s %8s %9s\n", "surface", "decisions",
                        "drawn", "fallbacks", "entropy", "weight", "p-value", "tested");
  for (const SurfaceStatus& one : status.surfaces) {
    absl::StrAppendFormat(&text, "%-20s %10d %10s %10s", one.surface, one.decisions,
                          Share(one.drawn, one.decisions), Share(one.fallbacks, one.decisions));
    if (one.block == 0) {
      absl::StrAppendFormat(&text, " %8s %8s %8s %9s\n", "-", "-", "-", "not yet");
    } else {
      absl::StrAppendFormat(&text, " %8.3f %8.3f %8.2g %9.0f\n", one.entropy, one.mean_weight,
                            one.drawn_p_value, one.block);
    }
  }
  if (!status.rows.empty())
    absl::StrAppendFormat(&text, "\n%-30s %18s %18s %8s\n", "row", "spent", "limit", "used");
  for (const RowStatus& row : status.rows) {
    absl::StrAppendFormat(&text, "%-30s %18.0f %18.0f %7.1f%%\n", row.row, row.spent, row.limit,
                          row.limit > 0 ? 100 * row.spent / row.limit : 100);
  }
  absl::StrAppend(&text, "\n");
  AppendPaused(status, &text);
  if (status.alarms.empty()) absl::StrAppend(&text, "no alarms\n");
  for (const std::string& alarm : status.alarms) absl::StrAppend(&text, "ALARM: ", alarm, "\n");
  return text;
}

std::string ToJson(const ServiceStatus& status) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  Put(&json, "version", status.version);
  json.Key("log_healthy");
  json.Bool(status.log_healthy);
  json.Key("disk_low");
  json.Bool(status.disk_low);
  PutNumber(&json, "learning_lag_records", status.learning_lag);
  json.Key("surfaces");
  json.StartArray();
  for (const SurfaceStatus& one : status.surfaces) {
    json.StartObject();
    Put(&json, "surface", one.surface);
    Put(&json, "decisions", one.decisions);
    Put(&json, "drawn", one.drawn);
    Put(&json, "fallbacks", one.fallbacks);
    PutNumber(&json, "block_positions", one.block);
    PutNumber(&json, "drawn_p_value", one.drawn_p_value);
    PutNumber(&json, "mean_weight", one.mean_weight);
    PutNumber(&json, "entropy", one.entropy);
    json.EndObject();
  }
  json.EndArray();
  json.Key("rows");
  json.StartArray();
  for (const RowStatus& row : status.rows) {
    json.StartObject();
    Put(&json, "row", row.row);
    PutNumber(&json, "spent", row.spent);
    PutNumber(&json, "limit", row.limit);
    json.EndObject();
  }
  json.EndArray();
  PutPaused(status, &json);
  json.Key("alarms");
  json.StartArray();
  for (const std::string& alarm : status.alarms) json.String(alarm.c_str());
  json.EndArray();
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace fulcrum::apps
