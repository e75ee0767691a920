#include "apps/evaluate_command.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "apps/command_line.h"
#include "apps/json_put.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "evaluation/evaluate.h"
#include "evaluation/jsonl_rows.h"
#include "evaluation/log_rows.h"
#include "evaluation/open_bandit_rows.h"
#include "evaluation/record_targets.h"
#include "replay/counterfactual.h"
#include "replay/target_file.h"

namespace fulcrum::apps {
namespace {

using evaluation::Estimate;
using evaluation::Estimator;
using evaluation::Evaluation;
using evaluation::RowSet;
using evaluation::Target;

struct EvaluateFlags {
  std::string log;
  std::string format = "fulcrum";
  std::string target = "logged";
  std::string surface;
  std::vector<std::string> estimators = {"ips", "snips", "dm", "dr"};
  std::string reward_model = "shrunk";
  evaluation::EvaluateOptions options;
  bool json = false;
};

// A bundle's directory, or the file that `fulcrum replay --counterfactual --target` wrote.
bool IsPerRecord(const std::string& target) {
  return std::filesystem::is_directory(target) || target.ends_with(".jsonl");
}

void AddOutcome(const replay::Outcome& outcome, evaluation::RecordTargets* targets) {
  for (const std::vector<Ticks>& ticks : outcome.target) {
    std::vector<std::string> actions;
    std::vector<double> probabilities;
    for (size_t i = 0; i < ticks.size(); ++i) {
      if (ticks[i] == 0) continue;
      actions.push_back(i < outcome.candidates.size() ? outcome.candidates[i].action_id
                                                      : std::string(kNeutralActionId));
      probabilities.push_back(PropensityOf(ticks[i]));
    }
    targets->Add(outcome.id, actions, probabilities);
  }
}

absl::StatusOr<evaluation::RecordTargets> ReadRecordTargets(const EvaluateFlags& flags) {
  base::FileSystem* const files = base::PosixFileSystem();
  evaluation::RecordTargets targets;
  if (std::filesystem::is_directory(flags.target)) {
    FULCRUM_ASSIGN_OR_RETURN(const replay::OtherPolicy other,
                             replay::LoadPolicy(files, flags.target));
    replay::CounterfactualOptions how;
    how.on_decision = [&](const DecisionRecord&, const replay::Outcome& outcome) {
      AddOutcome(outcome, &targets);
    };
    FULCRUM_RETURN_IF_ERROR(
        replay::ReplayCounterfactual(files, flags.log, other, std::move(how)).status());
    return targets;
  }
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<replay::TargetReader> reader,
                           replay::TargetReader::Open(files, flags.target));
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const std::optional<replay::Outcome> outcome, reader->Next());
    if (!outcome.has_value()) return targets;
    AddOutcome(*outcome, &targets);
  }
}

absl::StatusOr<RowSet> ReadRows(const EvaluateFlags& flags) {
  base::FileSystem* const files = base::PosixFileSystem();
  if (flags.format != "fulcrum" && !flags.surface.empty()) {
    return absl::InvalidArgumentError("--surface goes with --format fulcrum only");
  }
  if (flags.format != "fulcrum" && IsPerRecord(flags.target)) {
    return absl::InvalidArgumentError(
        "--target: a bundle or a target by record goes with --format fulcrum only");
  }
  if (flags.format == "open-bandit") return evaluation::ReadOpenBanditRows(files, flags.log);
  if (flags.format == "jsonl") return evaluation::ReadJsonlRows(files, flags.log);
  if (!IsPerRecord(flags.target)) return evaluation::ReadLogRows(flags.log, {flags.surface});
  FULCRUM_ASSIGN_OR_RETURN(const evaluation::RecordTargets targets, ReadRecordTargets(flags));
  return evaluation::ReadLogRows(flags.log, {flags.surface, &targets});
}

absl::StatusOr<Target> ReadTarget(const std::string& target, RowSet* rows) {
  if (target == "logged") return Target::Logged();
  if (target == "uniform") return Target::Uniform();
  if (target == "greedy") return Target::Greedy();
  if (IsPerRecord(target)) return Target::PerRow();
  absl::StatusOr<Target> read = Target::ReadCsv(base::PosixFileSystem(), target, &rows->actions);
  if (absl::IsNotFound(read.status())) {
    return absl::NotFoundError(
        absl::StrCat("--target: ", read.status().message(),
                     "; give logged, uniform, greedy, a CSV file, a bundle's directory, or a "
                     ".jsonl file of `fulcrum replay --counterfactual`"));
  }
  return read;
}

std::string EstimatorWords() {
  return absl::StrJoin(evaluation::kEstimatorNames, ", ");
}

absl::StatusOr<std::vector<Estimator>> ParseEstimators(const std::vector<std::string>& names) {
  std::vector<Estimator> estimators;
  for (const std::string& name : names) {
    size_t i = 0;
    while (i < evaluation::kEstimators && name != evaluation::kEstimatorNames[i]) ++i;
    if (i == evaluation::kEstimators) {
      return absl::InvalidArgumentError(
          absl::StrCat("--estimator: there is no ", name, "; there are ", EstimatorWords()));
    }
    const auto estimator = static_cast<Estimator>(i);
    if (std::find(estimators.begin(), estimators.end(), estimator) == estimators.end()) {
      estimators.push_back(estimator);
    }
  }
  return estimators;
}

void PutEstimates(Json* json, const std::vector<Estimate>& estimates) {
  json->Key("estimators");
  json->StartObject();
  for (const Estimate& one : estimates) {
    json->Key(evaluation::kEstimatorNames[static_cast<size_t>(one.estimator)]);
    json->StartObject();
    PutNumber(json, "value", one.value);
    PutNumber(json, "se", one.se);
    PutNumber(json, "ci_low", one.ci_low);
    PutNumber(json, "ci_high", one.ci_high);
    json->EndObject();
  }
  json->EndObject();
}

void PutSlates(Json* json, const evaluation::SlateWeights& weights) {
  json->Key("slate_weights");
  json->StartObject();
  Put(json, "slates", weights.slates);
  Put(json, "broken", weights.broken);
  PutNumber(json, "effective_sample_size", weights.effective_sample_size);
  PutNumber(json, "mean", weights.mean);
  PutNumber(json, "mean_se", weights.mean_se);
  PutNumber(json, "max", weights.max);
  json->EndObject();
}

void PutFindings(Json* json, const Evaluation& evaluation) {
  json->Key("warnings");
  json->StartArray();
  for (const evaluation::Warning& warning : evaluation.warnings) {
    json->StartObject();
    Put(json, "code", warning.code);
    Put(json, "message", warning.message);
    json->EndObject();
  }
  json->EndArray();
  json->Key("verdict");
  json->StartObject();
  Put(json, "status", evaluation.verdict.ok ? "ok" : "refused");
  Put(json, "reason", evaluation.verdict.reason);
  json->EndObject();
}

void PrintJson(const EvaluateFlags& flags, const Evaluation& evaluation) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  Put(&json, "log", flags.log);
  Put(&json, "format", flags.format);
  Put(&json, "target", flags.target);
  Put(&json, "reward_model", flags.reward_model);
  Put(&json, "seed", flags.options.seed);
  Put(&json, "resamples", static_cast<uint64_t>(flags.options.resamples));
  PutNumber(&json, "level", flags.options.level);
  PutEstimates(&json, evaluation.estimates);
  Put(&json, "rows", evaluation.rows);
  json.Key("excluded");
  json.StartObject();
  for (const auto& [reason, count] : evaluation.excluded) Put(&json, reason.c_str(), count);
  json.EndObject();
  PutNumber(&json, "mean_reward", evaluation.mean_reward);
  PutNumber(&json, "effective_sample_size", evaluation.effective_sample_size);
  PutNumber(&json, "max_weight", evaluation.max_weight);
  PutNumber(&json, "mean_weight", evaluation.mean_weight);
  PutNumber(&json, "mean_weight_se", evaluation.mean_weight_se);
  if (evaluation.AsksOfSlates()) PutSlates(&json, evaluation.slate_weights);
  PutNumber(&json, "unsupported_share", evaluation.unsupported_share);
  PutNumber(&json, "fallback_share", evaluation.fallback_share);
  PutFindings(&json, evaluation);
  json.EndObject();
  std::printf("%s\n", buffer.GetString());
}

absl::StatusOr<int> Evaluate(EvaluateFlags flags) {
  FULCRUM_ASSIGN_OR_RETURN(flags.options.estimators, ParseEstimators(flags.estimators));
  FULCRUM_ASSIGN_OR_RETURN(RowSet rows, ReadRows(flags));
  FULCRUM_ASSIGN_OR_RETURN(const Target target, ReadTarget(flags.target, &rows));
  FULCRUM_ASSIGN_OR_RETURN(const Evaluation evaluation,
                           evaluation::Evaluate(rows, target, flags.options));
  if (flags.json) {
    PrintJson(flags, evaluation);
  } else {
    std::printf("%s, target %s\n%s", flags.log.c_str(), flags.target.c_str(),
                evaluation::ToText(evaluation).c_str());
  }
  return evaluation.verdict.ok ? kExitOk : kExitFinding;
}

}  // namespace

void AddEvaluateCommand(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* command = app.add_subcommand(
      "evaluate", "Estimate what a policy would have earned; exit 1 if that cannot be believed");
  command->add_option("LOG", flags->log, "Directory of a decision log, a CSV or a JSONL file")
      ->required();
  command->add_option("--format", flags->format, "What LOG is")
      ->check(CLI::IsMember({"fulcrum", "open-bandit", "jsonl"}))
      ->capture_default_str();
  command
      ->add_option("--target", flags->target,
                   "The policy: logged, uniform, greedy, a CSV file of probabilities, a bundle's "
                   "directory, or a target file of `fulcrum replay --counterfactual`")
      ->capture_default_str();
  command->add_option("--surface", flags->surface, "Only decisions of this surface");
  command->add_option("--estimator", flags->estimators, "Of " + EstimatorWords())
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--reward-model", flags->reward_model, "What dm and dr predict with")
      ->check(CLI::IsMember({"shrunk"}))
      ->capture_default_str();
  command->add_option("--seed", flags->options.seed, "Seed of the resampling")
      ->capture_default_str();
  command->add_option("--resamples", flags->options.resamples, "Resamples behind the intervals")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--level", flags->options.level, "Level of the intervals")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Print one JSON object instead of text");
  command->callback(
      [flags, exit_code] { *exit_code = Answered("fulcrum evaluate", Evaluate(*flags)); });
}

}  // namespace fulcrum::apps
