#include "apps/train_command.h"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "apps/command_line.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "training/trainer.h"
#include "training/training_csv.h"

namespace fulcrum::apps {
namespace {

struct TrainFlags {
  std::vector<std::string> logs;
  std::string items;
  std::string out;
  training::TrainingOptions options;
};

absl::Status Train(const TrainFlags& flags) {
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_ASSIGN_OR_RETURN(
      std::vector<training::TrainingRow> rows,
      training::ReadTrainingCsv(files, flags.logs, flags.items, flags.options.segment_key));
  FULCRUM_ASSIGN_OR_RETURN(const training::TrainedModel model,
                           training::TrainModel(std::move(rows), flags.options));
  FULCRUM_RETURN_IF_ERROR(training::WriteModel(files, flags.out, model));
  std::fputs(training::ToText(model.report).c_str(), stdout);
  std::printf("wrote %s/manifest.yaml\n", flags.out.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddTrainCommand(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = app.add_subcommand("train", "Train a click model and counts from CSV logs");
  training::TrainingOptions& options = flags->options;
  command->add_option("--log", flags->logs, "CSV log; repeat for more")->required();
  command->add_option("--items", flags->items, "CSV of item features: id and features");
  command->add_option("--out", flags->out, "Directory of the model")->required();
  command->add_option("--seed", options.seed, "Seed of the training")->capture_default_str();
  command->add_option("--name", options.name, "Name in the manifest")->capture_default_str();
  command->add_option("--segment", options.segment_key,
                      "User feature whose text names the segment of the counts");
  command->add_option("--trained-on", options.trained_on, "What the logs are, in words");
  command->add_option("--schema-version", options.schema_version, "Feature schema version")
      ->capture_default_str();
  command->add_option("--rounds", options.rounds_max, "Most trees")->capture_default_str();
  command->add_option("--depth", options.depth_max, "Deepest tree")->capture_default_str();
  command->callback([flags, exit_code] {
    if (flags->options.trained_on.empty()) {
      flags->options.trained_on = absl::StrCat(flags->logs.size(), " CSV log files");
    }
    const absl::Status status = Train(*flags);
    *exit_code = status.ok() ? static_cast<int>(kExitOk) : Fail("fulcrum train", status);
  });
}

}  // namespace fulcrum::apps
