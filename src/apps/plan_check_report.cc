// ToText, ToJson and ToSvg of a PlanCheck.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/json_put.h"
#include "apps/plan_check.h"
#include "simulation/chart.h"

namespace fulcrum::apps {
namespace {

constexpr size_t kCurvesMax = 4;  // of a chart

std::string TimeOf(int64_t time_us) {
  if (time_us == 0) return "never";
  return absl::FormatTime("%H:%M:%S", absl::FromUnixMicros(time_us), absl::UTCTimeZone());
}

// The row that masks an action most, with its share.
std::string Starver(const PlanAction& action) {
  std::string name;
  uint64_t most = 0;
  for (const auto& [row, count] : action.masked_by) {
    if (count <= most) continue;
    most = count;
    name = row;
  }
  return name;
}

// For a chart's text, which is XML.
std::string Escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else {
      safe += c;
    }
  }
  return safe;
}

void PutRow(Json* json, const PlanRow& row) {
  json->StartObject();
  PutSigned(json, "limit", row.limit);
  json->Key("per_user");
  json->Bool(row.per_user);
  PutSigned(json, "used", row.used);
  PutNumber(json, "expected", row.expected);
  PutSigned(json, "demand", row.demand);
  Put(json, "denied_decisions", row.denied);
  json->Key("binds_from_us");
  if (row.first_denied_us == 0) {
    json->Null();
  } else {
    json->Int64(row.first_denied_us);
  }
  json->Key("curve");
  json->StartArray();
  for (const double used : row.curve) json->Double(used);
  json->EndArray();
  json->EndObject();
}

void PutAction(Json* json, const PlanAction& action) {
  json->StartObject();
  Put(json, "eligible", action.eligible);
  Put(json, "drawn", action.drawn);
  Put(json, "masked", action.masked);
  PutNumber(json, "masked_share", action.MaskedShare());
  json->Key("masked_by");
  json->StartObject();
  for (const auto& [row, count] : action.masked_by) Put(json, row.c_str(), count);
  json->EndObject();
  json->EndObject();
}

}  // namespace

std::string ToText(const PlanCheck& check) {
  std::string text =
      absl::StrFormat("%d decisions, %d replayed, first %s, last %s (UTC)\n", check.decisions,
                      check.replayed, TimeOf(check.start_us), TimeOf(check.end_us));
  absl::StrAppendFormat(&text, "%-24s %16s %16s %16s %16s %10s %10s\n", "row", "limit", "used",
                        "expected", "demand", "denied", "binds from");
  for (const auto& [id, row] : check.rows) {
    absl::StrAppendFormat(&text, "%-24s %16d %16d %16.0f %16d %10d %10s%s\n", id, row.limit,
                          row.used, row.expected, row.demand, row.denied,
                          TimeOf(row.first_denied_us), row.per_user ? "  (limit per user)" : "");
  }
  absl::StrAppendFormat(&text, "%-24s %10s %10s %10s %8s  %s\n", "action", "eligible", "drawn",
                        "no room", "share", "most by");
  for (const auto& [id, action] : check.actions) {
    absl::StrAppendFormat(&text, "%-24s %10d %10d %10d %7.2f%%  %s\n", id, action.eligible,
                          action.drawn, action.masked, 100 * action.MaskedShare(), Starver(action));
  }
  if (!check.readable) text += "parts of the log cannot be read; `fulcrum log verify` names them\n";
  return text;
}

std::string ToJson(const PlanCheck& check) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  Put(&json, "decisions", check.decisions);
  Put(&json, "replayed", check.replayed);
  PutSigned(&json, "start_us", check.start_us);
  PutSigned(&json, "end_us", check.end_us);
  PutSigned(&json, "bin_us", check.bin_us);
  json.Key("rows");
  json.StartObject();
  for (const auto& [id, row] : check.rows) {
    json.Key(id.c_str());
    PutRow(&json, row);
  }
  json.EndObject();
  json.Key("actions");
  json.StartObject();
  for (const auto& [id, action] : check.actions) {
    json.Key(id.c_str());
    PutAction(&json, action);
  }
  json.EndObject();
  json.EndObject();
  return buffer.GetString();
}

std::string ToSvg(const PlanCheck& check) {
  std::vector<std::pair<uint64_t, std::string>> order;  // most denied first, then by id
  for (const auto& [id, row] : check.rows) {
    if (!row.per_user && row.limit > 0) order.emplace_back(~row.denied, id);
  }
  std::sort(order.begin(), order.end());
  if (order.size() > kCurvesMax) order.resize(kCurvesMax);
  simulation::Chart chart{
      "Use of each limit", "hours since the first decision", "share of the limit", {}};
  for (const auto& [unused, id] : order) {
    const PlanRow& row = check.rows.at(id);
    simulation::Series series{Escaped(id), {0}, {0}, {}, {}};
    for (size_t bin = 0; bin < row.curve.size(); ++bin) {
      series.x.push_back(check.HoursAt(bin));
      series.y.push_back(row.curve[bin] / static_cast<double>(row.limit));
    }
    series.low = series.high = series.y;
    chart.series.push_back(std::move(series));
  }
  return simulation::ToSvg(chart);
}

}  // namespace fulcrum::apps
