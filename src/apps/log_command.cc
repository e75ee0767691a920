#include "apps/log_command.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "apps/command_line.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "decision_log/event_json.h"
#include "decision_log/verify.h"
#include "fulcrum/decision_log_reader.h"

namespace fulcrum::apps {
namespace {

using decision_log::VerifyReport;

struct CatOptions {
  std::string directory;
  std::string decision;
  uint64_t limit = 0;
  bool json = false;
};

struct VerifyOptions {
  std::string directory;
  bool json = false;
};

std::string Rfc3339(int64_t micros) {
  return absl::FormatTime(absl::RFC3339_full, absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

std::string Describe(const DecisionRecord& record) {
  constexpr const char* kAnswers[] = {"full", "degraded", "editorial", "neutral"};
  std::string text =
      absl::StrCat("surface ", record.surface, ", ", kAnswers[static_cast<int>(record.answer)]);
  for (const PositionRecord& position : record.positions) {
    absl::StrAppend(&text, ", ", position.action_id);
    for (size_t i = 0; i < position.ticks.size(); ++i) {
      const bool neutral = i == record.candidates.size();
      const std::string& id = neutral ? kNeutralActionId : record.candidates[i].action_id;
      if (id == position.action_id) {
        absl::StrAppend(&text, absl::StrFormat(" p=%.6f", PropensityOf(position.ticks[i])));
        break;
      }
    }
    if (position.ticks.empty()) absl::StrAppend(&text, " not drawn");
    for (const Debit& debit : position.debits) {
      absl::StrAppend(&text, ", ", debit.row, " -", debit.amount);
    }
  }
  return text;
}

std::string Describe(const ExposureRecord& record) {
  return absl::StrCat("position ", record.position, " shown ", Rfc3339(record.occurred_us));
}

std::string Describe(const OutcomeRecord& record) {
  return absl::StrCat("position ", record.position, " ", record.kind, " ", record.value,
                      record.currency.empty() ? "" : " ", record.currency, " ",
                      Rfc3339(record.occurred_us));
}

std::string Describe(const SupersededRecord& record) {
  return absl::StrCat("LSN ", record.decision_lsn, " was not served, ", record.served_action_id,
                      " was; ", record.refunds.size(), " debits returned");
}

std::string Describe(const UnshownRecord& record) {
  return absl::StrCat("positions ", absl::StrJoin(record.positions, ","), " of LSN ",
                      record.decision_lsn, " not shown in time; ", record.refunds.size(),
                      " debits returned");
}

void PrintEntry(const LogEntry& entry, bool json) {
  const std::string id = decision_log::EventDecisionId(entry.event).ToString();
  const char* const type = decision_log::EventTypeName(entry.event);
  const std::string time = Rfc3339(entry.time_us);
  if (json) {
    std::printf(
        "{\"lsn\":%llu,\"time\":\"%s\",\"type\":\"%s\",\"decision_id\":\"%s\",\"event\":%s}\n",
        static_cast<unsigned long long>(entry.lsn), time.c_str(), type, id.c_str(),
        decision_log::EventToJson(entry.event).c_str());
    return;
  }
  const std::string what =
      std::visit([](const auto& event) { return Describe(event); }, entry.event);
  std::printf("%llu  %s  %-10s  %s  %s\n", static_cast<unsigned long long>(entry.lsn), time.c_str(),
              type, id.c_str(), what.c_str());
}

// Prints what can be read; the exit code tells of what cannot.
absl::StatusOr<int> Cat(const CatOptions& options) {
  std::optional<DecisionId> only;
  if (!options.decision.empty()) {
    FULCRUM_ASSIGN_OR_RETURN(only, DecisionId::Parse(options.decision));
  }
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<DecisionLogReader> reader,
                           DecisionLogReader::Open(options.directory));
  int exit_code = kExitOk;
  uint64_t printed = 0;
  while (options.limit == 0 || printed < options.limit) {
    LogEntry entry;
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
    if (found) {
      if (only.has_value() && decision_log::EventDecisionId(entry.event) != *only) continue;
      PrintEntry(entry, options.json);
      ++printed;
      continue;
    }
    if (reader->end() == LogEnd::kClean) break;
    const bool torn = reader->end() == LogEnd::kTornTail;
    std::fprintf(stderr, "fulcrum log cat: %s%s\n", torn ? "torn tail: " : "",
                 ToString(reader->damage()).c_str());
    exit_code = kExitFinding;
    reader->Resume();
  }
  return exit_code;
}

void PrintReport(const VerifyReport& report, const std::string& directory) {
  std::printf("%s: %llu records, %llu feature snapshots\n", directory.c_str(),
              static_cast<unsigned long long>(report.records),
              static_cast<unsigned long long>(report.snapshots));
  if (report.snapshots_lost != 0) {
    std::printf(
        "  %llu snapshots were lost or left over at a crash; replay of those decisions is "
        "limited to the selection\n",
        static_cast<unsigned long long>(report.snapshots_lost));
  }
  for (const decision_log::Invariant& one : report.invariants) {
    std::printf("  %-16s  %10llu checked  %6llu violated%s%s\n", one.name.c_str(),
                static_cast<unsigned long long>(one.checked),
                static_cast<unsigned long long>(one.violated),
                one.violated == 0 ? "" : "  first: ", one.first_violation.c_str());
  }
  for (const decision_log::CorruptPlace& place : report.corrupt) {
    std::printf("  corrupt: %s%s\n", decision_log::ToString(place.damage).c_str(),
                place.torn_tail ? " (torn tail: never synced, cut off at the next start)" : "");
  }
  if (report.corrupt_count > report.corrupt.size()) {
    std::printf("  ... %llu corrupt places in all\n",
                static_cast<unsigned long long>(report.corrupt_count));
  }
  std::printf("%s\n", report.clean() ? "clean" : "NOT CLEAN");
}

void PrintJson(const VerifyReport& report) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto text = [&](const char* key, const std::string& value) {
    writer.Key(key);
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  const auto number = [&](const char* key, uint64_t value) {
    writer.Key(key);
    writer.Uint64(value);
  };
  writer.StartObject();
  number("records", report.records);
  number("snapshots", report.snapshots);
  number("snapshots_lost", report.snapshots_lost);
  number("corrupt_count", report.corrupt_count);
  writer.Key("corrupt");
  writer.StartArray();
  for (const decision_log::CorruptPlace& place : report.corrupt) {
    writer.StartObject();
    text("stream", decision_log::StreamName(place.stream));
    text("segment", place.damage.segment);
    number("offset", place.damage.offset);
    number("lsn", place.damage.lsn);
    text("what", place.damage.what);
    writer.Key("torn_tail");
    writer.Bool(place.torn_tail);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("invariants");
  writer.StartArray();
  for (const decision_log::Invariant& one : report.invariants) {
    writer.StartObject();
    text("name", one.name);
    number("checked", one.checked);
    number("violated", one.violated);
    text("first_violation", one.first_violation);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  std::printf("%s\n", buffer.GetString());
}

absl::StatusOr<int> Verify(const VerifyOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const VerifyReport report,
                           decision_log::VerifyLog(base::PosixFileSystem(), options.directory));
  if (options.json) {
    PrintJson(report);
  } else {
    PrintReport(report, options.directory);
  }
  return report.clean() ? kExitOk : kExitFinding;
}

int Answered(const char* command, const absl::StatusOr<int>& answer) {
  return answer.ok() ? *answer : Fail(command, answer.status());
}

}  // namespace

void AddLogCommand(CLI::App& app, int* exit_code) {
  CLI::App* const log = app.add_subcommand("log", "Look into a decision log");
  log->require_subcommand(1);

  auto cat_options = std::make_shared<CatOptions>();
  CLI::App* const cat = log->add_subcommand("cat", "Print the events of a log in order");
  cat->add_option("log", cat_options->directory, "The log's directory")->required();
  cat->add_option("--decision", cat_options->decision, "Only what belongs to this decision id");
  cat->add_option("--limit", cat_options->limit, "At most so many events; 0 = all");
  cat->add_flag("--json", cat_options->json, "One JSON object per line");
  cat->callback(
      [cat_options, exit_code] { *exit_code = Answered("fulcrum log cat", Cat(*cat_options)); });

  auto verify_options = std::make_shared<VerifyOptions>();
  CLI::App* const verify = log->add_subcommand(
      "verify", "Check every byte and every invariant; exit 1 if one does not hold");
  verify->add_option("log", verify_options->directory, "The log's directory")->required();
  verify->add_flag("--json", verify_options->json, "One JSON object");
  verify->callback([verify_options, exit_code] {
    *exit_code = Answered("fulcrum log verify", Verify(*verify_options));
  });
}

}  // namespace fulcrum::apps
