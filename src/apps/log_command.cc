#include "apps/log_command.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "apps/command_line.h"
#include "apps/log_exchange_commands.h"
#include "apps/log_look_commands.h"
#include "apps/log_quarantine_command.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "decision_log/verify.h"

namespace fulcrum::apps {
namespace {

using decision_log::VerifyReport;

struct VerifyOptions {
  std::string directory;
  size_t threads = 1;
  bool json = false;
};

void PrintReport(const VerifyReport& report, const std::string& directory) {
  std::printf("%s: %llu records, %llu feature snapshots\n", directory.c_str(),
              static_cast<unsigned long long>(report.records),
              static_cast<unsigned long long>(report.snapshots));
  if (report.snapshots_lost != 0) {
    std::printf(
        "  %llu snapshots were lost or left over at a crash or by retention; replay of those "
        "decisions is "
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
                place.torn_tail   ? " (torn tail: never synced, cut off at the next start)"
                : place.lost_tail ? " (lost tail: the next start goes on here and tells of it)"
                                  : "");
  }
  for (const decision_log::Quarantine& gap : report.quarantined) {
    std::printf("  missing: %s\n", decision_log::ToString(gap).c_str());
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
    writer.Key("lost_tail");
    writer.Bool(place.lost_tail);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("quarantined");
  writer.StartArray();
  for (const decision_log::Quarantine& gap : report.quarantined) {
    writer.StartObject();
    text("stream", decision_log::StreamName(gap.stream));
    number("first_lsn", gap.first);
    number("last_lsn", gap.last);
    number("known_lsn", gap.known);
    text("readable", gap.readable);
    text("lost", gap.lost);
    text("reason", gap.reason);
    text("actor", gap.actor);
    writer.Key("at_us");
    writer.Int64(gap.at_us);
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
                           decision_log::VerifyLog(base::PosixFileSystem(), options.directory,
                                                   {.threads = options.threads}));
  if (options.json) {
    PrintJson(report);
  } else {
    PrintReport(report, options.directory);
  }
  return report.clean() ? kExitOk : kExitFinding;
}

}  // namespace

void AddLogCommand(CLI::App& app, int* exit_code) {
  CLI::App* const log = app.add_subcommand("log", "Look into a decision log");
  log->require_subcommand(1);

  AddLogLookCommands(*log, exit_code);
  AddLogExchangeCommands(*log, exit_code);
  AddLogQuarantineCommand(*log, exit_code);

  auto verify_options = std::make_shared<VerifyOptions>();
  CLI::App* const verify = log->add_subcommand(
      "verify", "Check every byte and every invariant; exit 1 if one does not hold");
  verify->add_option("log", verify_options->directory, "The log's directory")->required();
  verify->add_option("--threads", verify_options->threads, "Check on so many; the same report")
      ->check(CLI::Range(1, 1024));
  verify->add_flag("--json", verify_options->json, "One JSON object");
  verify->callback([verify_options, exit_code] {
    *exit_code = Answered("fulcrum log verify", Verify(*verify_options));
  });
}

}  // namespace fulcrum::apps
