#include "apps/log_join_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "apps/command_line.h"
#include "apps/json_put.h"
#include "base/csv.h"
#include "base/status_macros.h"
#include "decision_log/joined_rows.h"
#include "fulcrum/decision_log_reader.h"

namespace fulcrum::apps {
namespace {

using decision_log::JoinedRow;
using decision_log::JoinStats;
using decision_log::RowState;

struct JoinFlags {
  std::string directory;
  std::string surface;
  std::string view = "all";
  bool json = false;
};

std::string Rfc3339(int64_t micros) {
  return absl::FormatTime(absl::RFC3339_full, absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

std::string Number(double value) {
  return std::isnan(value) ? "" : base::ShortestDouble(value);
}

std::string Field(const std::string& text) {
  std::string field;
  base::AppendCsvField(text, &field);
  return field;
}

constexpr char kHeader[] =
    "lsn,decision_id,time,surface,segment,position,action_id,propensity,exposure,state,"
    "reward_kind,reward\n";

void PrintCsv(const JoinedRow& row) {
  std::printf("%s\n", absl::StrCat(row.lsn, ",", row.id.ToString(), ",", Rfc3339(row.occurred_us),
                                   ",", Field(row.surface), ",", Field(row.segment), ",",
                                   row.position, ",", Field(row.action_id), ",",
                                   row.drawn == 0 ? "" : Number(PropensityOf(row.drawn)), ",",
                                   NameOf(row.exposure), ",", NameOf(row.state), ",",
                                   Field(row.reward_kind), ",", Number(row.reward))
                          .c_str());
}

void PrintJson(const JoinedRow& row) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  Put(&json, "lsn", row.lsn);
  Put(&json, "decision_id", row.id.ToString());
  Put(&json, "time", Rfc3339(row.occurred_us));
  Put(&json, "surface", row.surface);
  Put(&json, "segment", row.segment);
  Put(&json, "position", static_cast<uint64_t>(row.position));
  Put(&json, "action_id", row.action_id);
  PutNumber(&json, "propensity", row.drawn == 0 ? std::nan("") : PropensityOf(row.drawn));
  Put(&json, "exposure", std::string(NameOf(row.exposure)));
  Put(&json, "state", std::string(NameOf(row.state)));
  Put(&json, "reward_kind", row.reward_kind);
  PutNumber(&json, "reward", row.reward);
  json.EndObject();
  std::printf("%s\n", buffer.GetString());
}

bool IsWanted(const JoinFlags& flags, const JoinedRow& row) {
  if (!flags.surface.empty() && row.surface != flags.surface) return false;
  if (flags.view == "all") return true;
  return row.state == (flags.view == "final" ? RowState::kFinal : RowState::kInterim);
}

// What happened to the reports, for people; the table goes elsewhere.
void PrintStats(const JoinStats& stats, uint64_t repeated) {
  const auto count = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::fprintf(stderr,
               "fulcrum log join: %llu decisions to learn from, %llu logged again; exposures: %llu "
               "in time, %llu late, %llu repeated, %llu positions not shown; outcomes: %llu "
               "credited, %llu late, %llu repeated or overridden, %llu of another kind or of no "
               "single position; %llu reports of unknown decisions; %llu rewards corrected\n",
               count(stats.decisions), count(repeated), count(stats.exposures),
               count(stats.exposures_late), count(stats.exposures_repeated), count(stats.unshown),
               count(stats.outcomes), count(stats.outcomes_late), count(stats.outcomes_repeated),
               count(stats.outcomes_other), count(stats.unknown), count(stats.corrected));
}

absl::StatusOr<int> Join(const JoinFlags& flags) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<DecisionLogReader> reader,
                           DecisionLogReader::Open(flags.directory));
  decision_log::JoinedRows rows;
  const auto print = [&flags](const JoinedRow& row) {
    if (!IsWanted(flags, row)) return;
    flags.json ? PrintJson(row) : PrintCsv(row);
  };
  if (!flags.json) std::fputs(kHeader, stdout);
  int exit_code = kExitOk;
  LogEntry entry;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
    if (found) {
      rows.Apply(entry.lsn, entry.event, print);
      continue;
    }
    if (reader->end() == LogEnd::kClean) break;
    const bool torn = reader->end() == LogEnd::kTornTail;
    std::fprintf(stderr, "fulcrum log join: %s%s\n", torn ? "torn tail: " : "",
                 ToString(reader->damage()).c_str());
    exit_code = kExitFinding;
    reader->Resume();
  }
  rows.Finish(print);
  PrintStats(rows.stats(), rows.repeated());
  return exit_code;
}

}  // namespace

void AddLogJoinCommand(CLI::App& log, int* exit_code) {
  auto flags = std::make_shared<JoinFlags>();
  CLI::App* const join = log.add_subcommand(
      "join", "Print a row for each decided position, with its exposure and its reward");
  join->add_option("log", flags->directory, "The log's directory")->required();
  join->add_option("--surface", flags->surface, "Only decisions of this surface");
  join->add_option("--view", flags->view,
                   "final: what is settled; interim: what is still open, with its reward so far")
      ->check(CLI::IsMember({"all", "final", "interim"}));
  join->add_flag("--json", flags->json, "One JSON object per line instead of CSV");
  join->callback([flags, exit_code] { *exit_code = Answered("fulcrum log join", Join(*flags)); });
}

}  // namespace fulcrum::apps
