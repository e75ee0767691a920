#include "apps/train_command.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "apps/command_line.h"
#include "apps/train_report.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "config/loader.h"
#include "config/nearest.h"
#include "training/log_rows.h"
#include "training/trainer.h"
#include "training/training_csv.h"

namespace fulcrum::apps {
namespace {

struct TrainFlags {
  std::vector<std::string> csv;
  std::string items;
  std::string log;
  std::string config;
  std::string surface;
  std::string out;
  bool json = false;
  bool name_given = false;
  training::TrainingOptions options;
};

absl::Status CheckFlags(const TrainFlags& flags) {
  if (flags.log.empty() == flags.csv.empty()) {
    return absl::InvalidArgumentError(
        "say what to learn from: either --log DIR with --config BUNDLE, or --csv FILE");
  }
  if (!flags.log.empty()) {
    if (flags.config.empty()) {
      return absl::InvalidArgumentError("--log needs --config, the bundle that the service runs");
    }
    if (!flags.items.empty() || !flags.options.segment_key.empty()) {
      return absl::InvalidArgumentError(
          "--items and --segment are for --csv: a log holds the model's inputs and the segments");
    }
    if (std::filesystem::is_regular_file(flags.log)) {
      return absl::InvalidArgumentError(absl::StrCat(
          flags.log, " is a file: --log takes the directory of a decision log, --csv takes files"));
    }
    return absl::OkStatus();
  }
  if (!flags.config.empty() || !flags.surface.empty()) {
    return absl::InvalidArgumentError("--config and --surface are for --log");
  }
  return absl::OkStatus();
}

absl::Status CheckSurface(const config::Bundle& bundle, const std::string& surface) {
  if (surface.empty() || bundle.FindSurface(surface) != nullptr) return absl::OkStatus();
  std::vector<std::string> ids;
  ids.reserve(bundle.surfaces.size());
  for (const config::Surface& one : bundle.surfaces) ids.push_back(one.id);
  return absl::InvalidArgumentError(absl::StrCat("--surface: the bundle has no surface '", surface,
                                                 "'", config::NearestHint(surface, ids)));
}

// Which user feature the log's segments are: the model's, or the one that all surfaces name.
std::string SegmentKey(const config::Bundle& bundle, const config::ModelManifest& manifest) {
  if (!manifest.segment_key.empty()) return manifest.segment_key;
  std::string key;
  for (const config::Surface& surface : bundle.surfaces) {
    if (surface.segment_feature.empty() || surface.segment_feature == key) continue;
    if (!key.empty()) return "";
    key = surface.segment_feature;
  }
  return key;
}

// The model that the bundle names: its columns are those of the log's inputs.
absl::StatusOr<config::ModelManifest> ServedModel(base::FileSystem* files, const TrainFlags& flags,
                                                  const config::Bundle& bundle) {
  if (bundle.model_manifest.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        flags.config,
        ": the bundle names no model, and without one a log has no inputs to learn "
        "from; train a first model from CSV (`fulcrum train --csv`), name it by model.manifest "
        "and let the service run with it"));
  }
  FULCRUM_ASSIGN_OR_RETURN(config::ModelManifest manifest,
                           config::LoadManifest(files, bundle.model_manifest));
  std::error_code none;
  if (std::filesystem::equivalent(manifest.directory, flags.out, none)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--out ", flags.out,
                     " is the model that the bundle names, and a service that starts meanwhile "
                     "would find half of it: write elsewhere and then name that in the bundle"));
  }
  return manifest;
}

absl::StatusOr<training::TrainedModel> TrainFromLog(base::FileSystem* files, TrainFlags* flags,
                                                    TrainOutcome* outcome) {
  FULCRUM_ASSIGN_OR_RETURN(const auto bundle, config::LoadBundle(files, flags->config));
  FULCRUM_RETURN_IF_ERROR(CheckSurface(*bundle, flags->surface));
  FULCRUM_ASSIGN_OR_RETURN(const config::ModelManifest served, ServedModel(files, *flags, *bundle));
  training::LogSource source = {flags->log, flags->surface, served.columns, {}, {}, {}};
  for (config::ManifestColumn& column : source.columns) column.summary.reset();
  for (const config::Surface& surface : bundle->surfaces) {
    if (!surface.IsCounted()) source.uncounted.push_back(surface.id);
    source.position_effects.emplace(surface.id, surface.position_effects);
  }
  FULCRUM_ASSIGN_OR_RETURN(source.models, training::ModelsWithColumnsOf(files, flags->log, served));
  FULCRUM_ASSIGN_OR_RETURN(training::LogRows rows, training::ReadLogRows(source));
  outcome->log = rows.tally;
  training::TrainingOptions& options = flags->options;
  if (!flags->name_given) options.name = served.name;
  options.segment_key = SegmentKey(*bundle, served);
  options.schema_version = bundle->schema_version;
  if (options.trained_on.empty()) {
    options.trained_on = absl::StrCat("decision log up to LSN ", rows.tally.lsn,
                                      flags->surface.empty() ? "" : ", surface ", flags->surface);
  }
  return training::TrainOnDataSet(rows.data, std::move(rows.counts_csv), rows.tally.lsn, options);
}

absl::StatusOr<training::TrainedModel> TrainFromCsv(base::FileSystem* files, TrainFlags* flags) {
  training::TrainingOptions& options = flags->options;
  if (options.trained_on.empty()) {
    options.trained_on = absl::StrCat(flags->csv.size(), " CSV log files");
  }
  FULCRUM_ASSIGN_OR_RETURN(
      std::vector<training::TrainingRow> rows,
      training::ReadTrainingCsv(files, flags->csv, flags->items, options.segment_key));
  return training::TrainModel(std::move(rows), options);
}

absl::Status Train(TrainFlags* flags) {
  FULCRUM_RETURN_IF_ERROR(CheckFlags(*flags));
  FULCRUM_RETURN_IF_ERROR(training::CheckOptions(flags->options));
  base::FileSystem* const files = base::PosixFileSystem();
  TrainOutcome outcome;
  absl::StatusOr<training::TrainedModel> model =
      flags->log.empty() ? TrainFromCsv(files, flags) : TrainFromLog(files, flags, &outcome);
  if (!model.ok()) {
    // What was found explains why it is too little.
    if (outcome.log) std::fputs(training::ToText(*outcome.log).c_str(), stderr);
    return model.status();
  }
  FULCRUM_RETURN_IF_ERROR(training::WriteModel(files, flags->out, *model));
  outcome.model = &*model;
  outcome.manifest = absl::StrCat(flags->out, "/manifest.yaml");
  std::fputs((flags->json ? TrainJson(outcome) : TrainText(outcome)).c_str(), stdout);
  return absl::OkStatus();
}

void AddTrainingOptions(CLI::App* command, training::TrainingOptions* options) {
  const auto add = [command](const char* name, auto& value, const char* what) {
    command->add_option(name, value, what)->capture_default_str();
  };
  add("--seed", options->seed, "Seed of the training");
  add("--validation-share", options->validation_share,
      "Share of the rows, the latest, that is held back; 0 = none");
  add("--rounds-max", options->rounds_max, "Most rounds of boosting");
  add("--early-stopping", options->rounds_patience,
      "Stop after so many rounds without a better loss on the rows held back");
  add("--depth", options->depth_max, "Deepest tree");
  add("--learning-rate", options->learning_rate, "What each round adds, of what it learned");
  add("--weight-cut", options->weight_cut, "Largest weight, in multiples of the mean weight");
  command->add_option("--trained-on", options->trained_on, "What the rows are, in words");
}

}  // namespace

void AddTrainCommand(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = app.add_subcommand("train", "Train a click model and counts from a log");
  training::TrainingOptions& options = flags->options;
  command->add_option("--log", flags->log, "Directory of a decision log");
  command->add_option("--config", flags->config, "With --log: the bundle of the service");
  command->add_option("--surface", flags->surface,
                      "With --log: only rows of this surface are for the trees");
  command->add_option("--csv", flags->csv, "CSV log; repeat for more");
  command->add_option("--items", flags->items, "With --csv: item features, id and features");
  command->add_option("--segment", options.segment_key,
                      "With --csv: user feature whose text names the segment of the counts");
  command
      ->add_option("--schema-version", options.schema_version, "With --csv: feature schema version")
      ->capture_default_str();
  command->add_option("--out", flags->out, "Directory of the model")->required();
  CLI::Option* const name = command->add_option(
      "--name", options.name, "Name in the manifest; with --log by default the served model's");
  AddTrainingOptions(command, &options);
  command->add_flag("--json", flags->json, "Print one JSON object instead of text");
  command->callback([flags, name, exit_code] {
    flags->name_given = name->count() != 0;
    const absl::Status status = Train(flags.get());
    *exit_code = status.ok() ? static_cast<int>(kExitOk) : Fail("fulcrum train", status);
  });
}

}  // namespace fulcrum::apps
