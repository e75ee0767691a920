#include "apps/demo_report.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "fulcrum/decision_log_reader.h"

namespace fulcrum::apps {
namespace {

constexpr double kMicrosPerUnit = 1e6;
constexpr const char* kStages[] = {"edge", "features", "scoring", "orchestration",
                                   "log",  "total",    "client"};

int64_t Percentile(std::vector<int64_t> values, double share) {
  if (values.empty()) return 0;
  const auto place = static_cast<size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(place), values.end());
  return values[place];
}

// What one more decision takes from the row, at the least.
int64_t SmallestUse(const config::Bundle& bundle, const config::Constraint& row) {
  if (row.resource == config::Resource::kExposures) return 1;
  int64_t smallest = std::numeric_limits<int64_t>::max();
  for (const config::Action& action : bundle.actions) {
    if (action.campaign == row.campaign && action.cost_micros > 0) {
      smallest = std::min(smallest, action.cost_micros);
    }
  }
  return smallest;
}

std::string Amount(const config::Constraint& row, int64_t amount) {
  if (row.resource == config::Resource::kExposures) return absl::StrCat(amount);
  return absl::StrFormat("%.0f", static_cast<double>(amount) / kMicrosPerUnit);
}

std::string Conclusion(const evaluation::ReplayEstimate& replay) {
  if (std::isnan(replay.click_rate)) return "Nothing was served that can be compared.";
  if (replay.difference_low > 0) {
    return "The served policy's click rate is higher than the logged one's: the interval of the "
           "difference lies above 0.";
  }
  if (replay.difference_high < 0) {
    return "The served policy's click rate is lower than the logged one's: the interval of the "
           "difference lies below 0.";
  }
  return absl::StrFormat(
      "No conclusion: %d clicks are too few. The interval of the difference, %+.3f %% to %+.3f %%, "
      "holds 0, so chance alone explains it.",
      replay.clicks, 100 * replay.difference_low, 100 * replay.difference_high);
}

std::string Line(const std::string& label, const std::string& text) {
  return absl::StrFormat("  %-26s%s\n", label, text);
}

std::string OfAll(uint64_t part, uint64_t whole) {
  return absl::StrFormat(
      "%d (%.1f %%)", part,
      whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string TrafficTable(const DemoReport& report) {
  const TrafficResult& traffic = report.traffic;
  const evaluation::ReplayEstimate& replay = report.replay;
  std::string text = "Answers\n";
  absl::StrAppend(&text, Line("decisions", absl::StrCat(traffic.decisions)),
                  Line("  an item", OfAll(traffic.items, traffic.decisions)),
                  Line("  the neutral action", OfAll(traffic.neutral, traffic.decisions)),
                  Line("  fallback, not drawn", OfAll(traffic.fallbacks, traffic.decisions)),
                  Line("reported", absl::StrCat(traffic.exposures, " exposures, ", traffic.outcomes,
                                                " clicks")));
  for (const auto& [reason, count] : traffic.degraded) {
    absl::StrAppend(&text, Line("degraded: " + reason, OfAll(count, traffic.decisions)));
  }
  absl::StrAppend(
      &text,
      "\nClick rate per item shown (replay method: rows where the served item is the logged one)\n",
      Line("matches", OfAll(replay.matches, replay.rows)),
      Line("clicks", absl::StrCat(replay.clicks)),
      Line("click rate, served",
           absl::StrFormat("%.3f %%  [%.3f, %.3f]", 100 * replay.click_rate,
                           100 * replay.click_rate_low, 100 * replay.click_rate_high)),
      Line("click rate, logged",
           absl::StrFormat("%.3f %%  (uniform-random policy)", 100 * replay.logged_click_rate)),
      "  ", Conclusion(replay), "\n");
  return text;
}

std::string LatencyTable(const TrafficResult& traffic) {
  std::string text = absl::StrFormat("\n%-28s%10s%10s\n", "Latency, microseconds", "p50", "p99");
  for (const char* stage : kStages) {
    const auto found = traffic.latencies.find(stage);
    if (found == traffic.latencies.end()) continue;
    const std::string label = std::string(stage) == "total"    ? "total, in the server"
                              : std::string(stage) == "client" ? "total, at the client"
                                                               : stage;
    absl::StrAppendFormat(&text, "  %-26s%10d%10d\n", label, Percentile(found->second, 0.5),
                          Percentile(found->second, 0.99));
  }
  return text;
}

std::string RowTable(const std::vector<RowUse>& rows) {
  std::string text = absl::StrFormat("\n%-28s%12s%14s%14s  %s\n", "Hard rows", "limit", "fullest",
                                     "all windows", "windows full");
  for (const RowUse& use : rows) {
    absl::StrAppendFormat(&text, "  %-26s%12s%14s%14s  %d of %d\n", use.row->id,
                          Amount(*use.row, use.limit), Amount(*use.row, use.spent_max),
                          Amount(*use.row, use.spent_total), use.windows_full, use.windows);
  }
  absl::StrAppend(&text,
                  "  Costs in currency units, caps in exposures per user; a full window has no "
                  "room for one more.\n");
  return text;
}

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
  writer.String(use.row->id.c_str());
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
      const bool total = use.campaign == campaign && !use.row->per_user &&
                         use.row->window == config::Window::kTotal;
      if (!total) continue;
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

absl::StatusOr<std::vector<RowUse>> FoldRows(const config::Bundle& bundle,
                                             const std::string& log_directory) {
  using Key = std::tuple<std::string, int64_t, UserRef>;  // row, window, user
  std::map<Key, int64_t> spent;
  FULCRUM_ASSIGN_OR_RETURN(const auto reader, DecisionLogReader::Open(log_directory));
  const auto add = [&spent](const Debit& debit, const UserRef& user, int64_t sign) {
    spent[{debit.row, debit.window_start_us, debit.per_user ? user : UserRef{}}] +=
        sign * debit.amount;
  };
  LogEntry entry;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, reader->Next(&entry));
    if (!more) break;
    if (const auto* decision = std::get_if<DecisionRecord>(&entry.event)) {
      for (const PositionRecord& position : decision->positions) {
        for (const Debit& debit : position.debits) add(debit, decision->user_ref, 1);
      }
    } else if (const auto* superseded = std::get_if<SupersededRecord>(&entry.event)) {
      for (const Debit& debit : superseded->refunds) add(debit, superseded->user_ref, -1);
    } else if (const auto* unshown = std::get_if<UnshownRecord>(&entry.event)) {
      for (const Debit& debit : unshown->refunds) add(debit, unshown->user_ref, -1);
    }
  }
  if (reader->end() != LogEnd::kClean) return absl::DataLossError(ToString(reader->damage()));
  std::vector<RowUse> uses;
  for (const config::Constraint& row : bundle.constraints) {
    RowUse use;
    use.row = &row;
    use.campaign = bundle.campaigns[static_cast<size_t>(row.campaign)].id;
    use.limit = row.limit;
    const int64_t least = SmallestUse(bundle, row);
    for (auto use_of = spent.lower_bound({row.id, std::numeric_limits<int64_t>::min(), UserRef{}});
         use_of != spent.end() && std::get<0>(use_of->first) == row.id; ++use_of) {
      ++use.windows;
      use.spent_total += use_of->second;
      use.spent_max = std::max(use.spent_max, use_of->second);
      if (row.limit - use_of->second < least) ++use.windows_full;
    }
    uses.push_back(use);
  }
  return uses;
}

std::string ToTable(const DemoReport& report) {
  std::string text = TrafficTable(report);
  absl::StrAppend(&text, LatencyTable(report.traffic), RowTable(report.rows), "\nDecision log\n",
                  Line("records", absl::StrCat(report.log_records)),
                  Line("verified", report.log_finding), Line("kept in", report.log_directory));
  for (const std::string& warning : report.warnings) absl::StrAppend(&text, "\nWarning: ", warning);
  if (!report.warnings.empty()) text.push_back('\n');
  return text;
}

std::string ToJson(const DemoReport& report) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.SetIndent(' ', 2);
  writer.StartObject();
  WriteCounts(writer, report.traffic);
  WriteReplay(writer, report.replay);
  WriteLatencies(writer, report.traffic);
  WriteBudgets(writer, report);
  writer.Key("log");
  writer.String(report.log_directory.c_str());
  writer.Key("log_records");
  writer.Uint64(report.log_records);
  writer.Key("log_verify");
  writer.String(report.log_finding.c_str());
  writer.Key("warnings");
  writer.StartArray();
  for (const std::string& warning : report.warnings) writer.String(warning.c_str());
  writer.EndArray();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace fulcrum::apps
