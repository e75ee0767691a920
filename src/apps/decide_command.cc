#include "apps/decide_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/command_line.h"
#include "apps/explanation.h"
#include "base/csv.h"
#include "fulcrum/client.h"
#include "telemetry/metrics.h"

namespace fulcrum::apps {
namespace {

constexpr char kProgram[] = "fulcrum decide";

struct Arguments {
  std::string server = "127.0.0.1:7171";
  DecisionRequest request;
  std::vector<std::string> context;   // key=value
  std::vector<std::string> baseline;  // action or action=propensity
};

absl::Status AddContext(const std::vector<std::string>& entries, DecisionRequest* request) {
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--context '", entry, "': expected key=value"));
    }
    const std::string value = entry.substr(equals + 1);
    double number = 0;
    if (base::ParseFiniteDouble(value, &number)) {
      request->context[entry.substr(0, equals)] = number;
    } else {
      request->context[entry.substr(0, equals)] = value;
    }
  }
  return absl::OkStatus();
}

absl::Status AddBaseline(const std::vector<std::string>& entries, DecisionRequest* request) {
  for (const std::string& entry : entries) {
    BaselineAction& action = request->baseline_actions.emplace_back();
    const size_t equals = entry.find('=');
    action.action_id = entry.substr(0, equals);
    if (equals == std::string::npos) continue;
    double propensity = 0;
    if (!base::ParseFiniteDouble(entry.substr(equals + 1), &propensity)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--baseline '", entry, "': expected ACTION or ACTION=PROPENSITY"));
    }
    action.propensity = propensity;
  }
  return absl::OkStatus();
}

void Print(const Decision& decision) {
  std::printf("decision  %s\n", decision.id.ToString().c_str());
  for (size_t i = 0; i < decision.actions.size(); ++i) {
    const DecidedAction& action = decision.actions[i];
    std::printf("%zu         %s  propensity %.6f", i + 1, action.action_id.c_str(),
                PropensityOf(action.ticks));
    if (action.marginal_propensity != PropensityOf(action.ticks)) {
      std::printf("  marginal %.6f", action.marginal_propensity);
    }
    if (action.score) std::printf("  score %.6f", *action.score);
    if (action.uplift) std::printf("  uplift %+.6f", *action.uplift);
    std::printf("\n");
  }
  const std::string reason(telemetry::ToWord(decision.degradation));
  std::printf("degraded  %s%s\n", reason.c_str(),
              decision.log_pending ? " (not yet in the log)" : "");
  if (decision.defer_until) {
    std::printf("defer     until %s\n",
                TimeText(absl::ToUnixMicros(*decision.defer_until)).c_str());
  }
  const StageTimes& times = decision.times;
  std::printf(
      "time      %lld us: edge %lld, features %lld, scoring %lld, orchestration %lld, "
      "log %lld\n",
      static_cast<long long>(decision.total_us), static_cast<long long>(times.edge_us),
      static_cast<long long>(times.features_us), static_cast<long long>(times.scoring_us),
      static_cast<long long>(times.orchestration_us), static_cast<long long>(times.log_us));
}

int Run(Arguments arguments) {
  absl::Status status = AddContext(arguments.context, &arguments.request);
  if (status.ok()) status = AddBaseline(arguments.baseline, &arguments.request);
  if (!status.ok()) return Fail(kProgram, status);
  const auto client = DecisionClient::Connect(arguments.server);
  if (absl::Status up = client->WaitUntilServing(absl::Seconds(5)); !up.ok()) {
    return Fail(kProgram, absl::UnavailableError(absl::StrCat(
                              "no service at ", arguments.server,
                              "; start one with `fulcrumd --config configs/example`")));
  }
  const auto decision = client->Decide(arguments.request, absl::Seconds(5));
  if (!decision.ok()) return Fail(kProgram, decision.status());
  Print(*decision);
  return kExitOk;
}

}  // namespace

void AddDecideCommand(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("decide", "Ask a running service for one decision");
  command->add_option("--server", arguments->server, "host:port or unix:path")
      ->capture_default_str();
  command->add_option("--surface", arguments->request.surface, "Surface id")->required();
  command->add_option("--user", arguments->request.user_id, "User id")->required();
  command->add_option("--context", arguments->context, "Context entries as key=value");
  command->add_option("--candidate", arguments->request.candidates,
                      "Action ids to choose among (default: the surface's own)");
  command->add_option("--slate", arguments->request.slate_size, "Positions to fill")
      ->capture_default_str();
  command->add_option("--baseline", arguments->baseline,
                      "What you would do yourself, as ACTION or ACTION=PROPENSITY by position");
  command->callback([arguments, exit_code] { *exit_code = Run(*arguments); });
}

}  // namespace fulcrum::apps
