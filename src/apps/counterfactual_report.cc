#include "apps/counterfactual_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/json_put.h"

namespace fulcrum::apps {
namespace {

using replay::ChangedDecision;
using replay::CounterfactualReport;
using replay::RowShift;
using replay::Shift;

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string ShiftTable(const char* what, const std::map<std::string, Shift>& shifts) {
  std::string text = absl::StrFormat("  %-24s %10s %10s %12s %12s %12s\n", what, "logged", "drawn",
                                     "expected", "no room, was", "no room, is");
  for (const auto& [name, shift] : shifts) {
    absl::StrAppendFormat(&text, "  %-24s %10d %10d %12.1f %12d %12d\n", name, shift.logged,
                          shift.drawn, shift.expected, shift.logged_no_hold, shift.no_hold);
  }
  return text;
}

std::string RowTable(const std::map<std::string, RowShift>& rows) {
  std::string text = absl::StrFormat("  %-24s %14s %14s %14s %14s %10s\n", "row", "limit",
                                     "used, logged", "used, drawn", "expected", "binding");
  for (const auto& [name, row] : rows) {
    absl::StrAppendFormat(&text, "  %-24s %14d %14d %14d %14.0f %10d\n", name, row.limit,
                          row.logged, row.drawn, row.expected, row.decisions);
  }
  return text;
}

void PutShifts(Json* json, const char* name, const std::map<std::string, Shift>& shifts) {
  json->Key(name);
  json->StartObject();
  for (const auto& [id, shift] : shifts) {
    json->Key(id.c_str());
    json->StartObject();
    Put(json, "logged", shift.logged);
    Put(json, "drawn", shift.drawn);
    PutNumber(json, "expected", shift.expected);
    Put(json, "no_hold_logged", shift.logged_no_hold);
    Put(json, "no_hold", shift.no_hold);
    json->EndObject();
  }
  json->EndObject();
}

void PutRows(Json* json, const std::map<std::string, RowShift>& rows) {
  json->Key("rows");
  json->StartObject();
  for (const auto& [id, row] : rows) {
    json->Key(id.c_str());
    json->StartObject();
    PutSigned(json, "limit", row.limit);
    PutSigned(json, "used_logged", row.logged);
    PutSigned(json, "used_drawn", row.drawn);
    PutNumber(json, "used_expected", row.expected);
    Put(json, "binding_candidates", row.binding);
    Put(json, "binding_decisions", row.decisions);
    json->EndObject();
  }
  json->EndObject();
}

void PutTop(Json* json, const std::vector<ChangedDecision>& top) {
  json->Key("top_changed");
  json->StartArray();
  for (const ChangedDecision& one : top) {
    json->StartObject();
    Put(json, "lsn", one.lsn);
    Put(json, "decision_id", one.id.ToString());
    PutNumber(json, "total_variation", one.variation);
    Put(json, "logged", one.logged);
    Put(json, "drawn", one.drawn);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace

std::string ToText(const CounterfactualReport& report) {
  std::string text =
      absl::StrFormat("under bundle %016x, model %016x: %d decisions, %d replayed\n", report.bundle,
                      report.model, report.decisions, report.replayed);
  for (const auto& [reason, count] : report.not_replayed) {
    absl::StrAppendFormat(&text, "  %d keep what was logged: %s\n", count, reason);
  }
  absl::StrAppendFormat(&text, "  %d (%.2f %%) draw other actions, %d have other distributions\n",
                        report.changed, 100 * Share(report.changed, report.replayed),
                        report.changed_targets);
  absl::StrAppendFormat(&text,
                        "  total variation of the distributions: mean %.6f, largest %.6f, over %d "
                        "positions\n",
                        report.variation, report.variation_max, report.positions);
  if (report.held_by_others != 0) {
    absl::StrAppendFormat(
        &text, "  %d candidates stay masked: decisions in flight held their room in the log\n",
        report.held_by_others);
  }
  absl::StrAppend(&text, RowTable(report.rows), ShiftTable("campaign", report.campaigns),
                  ShiftTable("action", report.actions));
  for (const ChangedDecision& one : report.top) {
    absl::StrAppendFormat(&text, "  LSN %d, decision %s: total variation %.6f, %s -> %s\n", one.lsn,
                          one.id.ToString(), one.variation, one.logged, one.drawn);
  }
  if (report.torn_tail) text += "  the log ends in what was never synced\n";
  for (const std::string& gap : report.quarantined) absl::StrAppend(&text, "  ", gap, "\n");
  if (report.corrupt != 0) {
    absl::StrAppendFormat(&text, "  %d places cannot be read, first: %s\n", report.corrupt,
                          report.first_corrupt);
  }
  return text + (report.unchanged() ? "nothing changes\n" : "");
}

std::string ToJson(const CounterfactualReport& report) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  Put(&json, "bundle", absl::StrFormat("%016x", report.bundle));
  Put(&json, "model", absl::StrFormat("%016x", report.model));
  Put(&json, "decisions", report.decisions);
  Put(&json, "replayed", report.replayed);
  json.Key("not_replayed");
  json.StartObject();
  for (const auto& [reason, count] : report.not_replayed) Put(&json, reason.c_str(), count);
  json.EndObject();
  Put(&json, "changed", report.changed);
  PutNumber(&json, "changed_share", Share(report.changed, report.replayed));
  Put(&json, "changed_distributions", report.changed_targets);
  PutNumber(&json, "total_variation_mean", report.variation);
  PutNumber(&json, "total_variation_max", report.variation_max);
  Put(&json, "positions", report.positions);
  Put(&json, "not_comparable", report.not_comparable);
  Put(&json, "held_by_others", report.held_by_others);
  PutRows(&json, report.rows);
  PutShifts(&json, "campaigns", report.campaigns);
  PutShifts(&json, "actions", report.actions);
  PutTop(&json, report.top);
  Put(&json, "corrupt_places", report.corrupt);
  Put(&json, "first_corrupt", report.first_corrupt);
  json.Key("torn_tail");
  json.Bool(report.torn_tail);
  json.Key("quarantined");
  json.StartArray();
  for (const std::string& gap : report.quarantined) json.String(gap.c_str());
  json.EndArray();
  json.EndObject();
  return buffer.GetString();
}

}  // namespace fulcrum::apps
