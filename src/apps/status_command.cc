#include "apps/status_command.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "apps/command_line.h"
#include "apps/scrape.h"
#include "apps/service_status.h"
#include "base/status_macros.h"
#include "fulcrum/operator_client.h"

namespace fulcrum::apps {
namespace {

constexpr char kProgram[] = "fulcrum status";

struct Arguments {
  std::string metrics = "127.0.0.1:7172";
  std::string server = "127.0.0.1:7171";
  double timeout_s = 5;
  bool json = false;
};

absl::StatusOr<int> Run(const Arguments& arguments) {
  std::vector<telemetry::SeriesValue> values;
  FULCRUM_ASSIGN_OR_RETURN(values, Scrape(arguments.metrics, absl::Seconds(arguments.timeout_s)));
  ServiceStatus status = StatusOf(values);
  if (status.version.empty()) {
    return absl::DataLossError(
        absl::StrCat("http://", arguments.metrics, "/metrics is not a Fulcrum service's"));
  }
  if (!status.paused.empty()) {  // the metrics know how many, the service knows which
    auto switches =
        OperatorClient::Connect(arguments.server)->Paused(absl::Seconds(arguments.timeout_s));
    if (switches.ok()) {
      status.switches = *std::move(switches);
    } else {
      Fail(kProgram, absl::Status(switches.status().code(),
                                  absl::StrCat("what is paused was not told at ", arguments.server,
                                               " (--server): ", switches.status().message())));
    }
  }
  std::printf("%s%s", (arguments.json ? ToJson(status) : ToText(status)).c_str(),
              arguments.json ? "\n" : "");
  return status.alarms.empty() ? kExitOk : kExitFinding;
}

}  // namespace

void AddStatusCommand(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "status", "Show how a running service does: decisions, self-test, budgets, alarms");
  command->add_option("--metrics", arguments->metrics, "The service's server.metrics_listen")
      ->capture_default_str();
  command->add_option("--server", arguments->server, "Its server.listen, asked for what is paused")
      ->capture_default_str();
  command->add_option("--timeout", arguments->timeout_s, "Seconds to wait for it")
      ->check(CLI::Range(0.01, 600.0))
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Write one JSON object");
  command->callback([arguments, exit_code] { *exit_code = Answered(kProgram, Run(*arguments)); });
}

}  // namespace fulcrum::apps
