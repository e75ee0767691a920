#include "apps/explain_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "apps/command_line.h"
#include "apps/explanation.h"

namespace fulcrum::apps {
namespace {

struct ExplainOptions {
  std::string decision;
  std::string directory;
  bool json = false;
};

int Run(const ExplainOptions& options) {
  constexpr char kCommand[] = "fulcrum explain";
  const auto id = DecisionId::Parse(options.decision);
  if (!id.ok()) return Fail(kCommand, id.status());
  std::string missing;
  const auto found = ExplainDecision(options.directory, *id, &missing);
  if (!found.ok()) return Fail(kCommand, found.status());
  if (!found->has_value()) {
    std::fprintf(stderr, "%s: %s\n", kCommand, missing.c_str());
    return kExitFinding;
  }
  const Explanation& explanation = **found;
  const std::string text =
      options.json ? ExplainInJson(explanation) + "\n" : ExplainInWords(explanation);
  std::fputs(text.c_str(), stdout);
  return explanation.damaged ? kExitFinding : kExitOk;
}

}  // namespace

void AddExplainCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* const explain = app.add_subcommand(
      "explain", "Tell why a decision came out as it did, and what became of it");
  explain->add_option("decision", options->decision, "The decision's id")->required();
  explain->add_option("--log", options->directory, "The log's directory")->required();
  explain->add_flag("--json", options->json, "One JSON object");
  explain->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace fulcrum::apps
