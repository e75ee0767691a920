#include "apps/operator_commands.h"

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "apps/command_line.h"
#include "base/status_macros.h"
#include "fulcrum/operator_client.h"

namespace fulcrum::apps {
namespace {

struct Arguments {
  std::string target;
  std::string reason;
  std::string span;  // empty: until it is resumed
  std::string row;
  int64_t limit = 0;
  std::string server = "127.0.0.1:7171";
  double timeout_s = 5;
};

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::StatusOr<absl::Duration> SpanOf(const std::string& text) {
  if (text.empty()) return absl::InfiniteDuration();
  absl::Duration span;
  if (absl::ParseDuration(text, &span) && span > absl::ZeroDuration()) return span;
  return absl::InvalidArgumentError(
      absl::StrCat("--for '", text, "': expected a time above 0, such as 90s, 30m or 12h"));
}

// The command was told what to do either way; what failed is the way there.
absl::Status WithRemedy(const absl::Status& status, const Arguments& arguments) {
  if (!absl::IsUnavailable(status)) return status;
  return absl::UnavailableError(absl::StrCat("no service at ", arguments.server,
                                             "; name it with --server (", status.message(), ")"));
}

absl::StatusOr<int> Pause(const Arguments& arguments) {
  FULCRUM_ASSIGN_OR_RETURN(const SwitchTarget target, ParseSwitchTarget(arguments.target));
  FULCRUM_ASSIGN_OR_RETURN(const absl::Duration span, SpanOf(arguments.span));
  const auto client = OperatorClient::Connect(arguments.server);
  const auto lsn =
      client->Pause(target, arguments.reason, span, absl::Seconds(arguments.timeout_s));
  if (!lsn.ok()) return WithRemedy(lsn.status(), arguments);
  std::printf("paused %s%s%s (LSN %llu)\n", ToText(target).c_str(),
              arguments.span.empty() ? " until it is resumed" : " for ", arguments.span.c_str(),
              static_cast<unsigned long long>(*lsn));
  return kExitOk;
}

absl::StatusOr<int> Resume(const Arguments& arguments) {
  FULCRUM_ASSIGN_OR_RETURN(const SwitchTarget target, ParseSwitchTarget(arguments.target));
  const auto client = OperatorClient::Connect(arguments.server);
  const auto lsn = client->Resume(target, arguments.reason, absl::Seconds(arguments.timeout_s));
  if (!lsn.ok()) return WithRemedy(lsn.status(), arguments);
  std::printf("resumed %s (LSN %llu)\n", ToText(target).c_str(),
              static_cast<unsigned long long>(*lsn));
  return kExitOk;
}

absl::StatusOr<int> SetBudget(const Arguments& arguments) {
  const auto client = OperatorClient::Connect(arguments.server);
  const auto lsn = client->SetBudget(arguments.row, arguments.limit, arguments.reason,
                                     absl::Seconds(arguments.timeout_s));
  if (!lsn.ok()) return WithRemedy(lsn.status(), arguments);
  std::printf("the limit of %s is %lld (LSN %llu)\n", arguments.row.c_str(),
              static_cast<long long>(arguments.limit), static_cast<unsigned long long>(*lsn));
  return kExitOk;
}

void AddTarget(CLI::App* command, Arguments* arguments) {
  command
      ->add_option("target", arguments->target,
                   "all, surface:ID, campaign:ID, action:ID, creative:ID, model, "
                   "feature:user.NAME or feature:item.NAME")
      ->required();
}

void AddCommon(CLI::App* command, Arguments* arguments) {
  command->add_option("--reason", arguments->reason, "Why, for those who read the log")->required();
  command->add_option("--server", arguments->server, "host:port or unix:path")
      ->capture_default_str();
  command->add_option("--timeout", arguments->timeout_s, "Seconds to wait for it")
      ->check(CLI::Range(0.01, 600.0))
      ->capture_default_str();
}

}  // namespace

std::string InWords(const Switch& one) {
  const bool ends = one.until != absl::InfiniteFuture();
  return absl::StrCat(ToText(one.target), ", paused by ", one.paused_by, " since ",
                      TimeText(one.paused_at), ends ? " until " : "",
                      ends ? TimeText(one.until) : "", " (LSN ", one.lsn, "): ", one.reason);
}

void AddOperatorCommands(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* pause =
      app.add_subcommand("pause", "Stop a running service from showing something, at once");
  AddTarget(pause, arguments.get());
  AddCommon(pause, arguments.get());
  pause->add_option("--for", arguments->span, "How long, such as 30m (default: until resumed)");
  pause->callback(
      [arguments, exit_code] { *exit_code = Answered("fulcrum pause", Pause(*arguments)); });
  CLI::App* resume = app.add_subcommand("resume", "End a pause");
  AddTarget(resume, arguments.get());
  AddCommon(resume, arguments.get());
  resume->callback(
      [arguments, exit_code] { *exit_code = Answered("fulcrum resume", Resume(*arguments)); });
  CLI::App* budget = app.add_subcommand("budget", "Set the limit of a row of a running service");
  budget->add_option("row", arguments->row, "Id of a constraint of the bundle")->required();
  budget->add_option("limit", arguments->limit, "In the unit of the bundle's `limit`")
      ->required()
      ->check(CLI::NonNegativeNumber);
  AddCommon(budget, arguments.get());
  budget->callback(
      [arguments, exit_code] { *exit_code = Answered("fulcrum budget", SetBudget(*arguments)); });
}

}  // namespace fulcrum::apps
