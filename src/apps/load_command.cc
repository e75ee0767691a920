#include "apps/load_command.h"

#include <CLI/CLI.hpp>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "apps/command_line.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "config/bundle.h"
#include "config/loader.h"
#include "config/nearest.h"
#include "features/csv_loader.h"
#include "features/feature_store.h"

namespace fulcrum::apps {
namespace {

constexpr char kProgram[] = "fulcrum load";

struct Arguments {
  std::string config;
  std::string view;
  std::string file;
  std::string id_column = "id";
  std::string event_time_column = features::kDefaultEventTimeColumn;
  bool json = false;
};

// A line once per second, from the third second on.
class Progress {
 public:
  void operator()(uint64_t done, uint64_t total) {
    const absl::Time now = absl::Now();
    if (now < next_ || total == 0) return;
    next_ = now + absl::Seconds(1);
    std::fprintf(stderr, "%s: %.0f %% of %" PRIu64 " bytes\n", kProgram,
                 100.0 * static_cast<double>(done) / static_cast<double>(total), total);
  }

 private:
  absl::Time next_ = absl::Now() + absl::Seconds(2);
};

absl::StatusOr<config::FeatureView> ViewNamed(const config::Bundle& bundle,
                                              const std::string& name) {
  std::vector<std::string> names;
  for (const config::FeatureView& view : bundle.feature_views) {
    if (view.name == name) return view;
    names.push_back(view.name);
  }
  return absl::NotFoundError(absl::StrCat("the bundle has no feature view '", name, "'",
                                          config::NearestHint(name, names)));
}

absl::StatusOr<features::CsvLoadReport> Load(const Arguments& arguments) {
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_ASSIGN_OR_RETURN(const std::shared_ptr<const config::Bundle> bundle,
                           config::LoadBundle(files, arguments.config));
  FULCRUM_ASSIGN_OR_RETURN(const config::FeatureView view, ViewNamed(*bundle, arguments.view));
  features::FeatureStoreOptions store_options;
  store_options.directory = absl::StrCat(bundle->server.data_dir, "/features");
  store_options.files = files;
  store_options.durability = bundle->server.durability;
  store_options.views = bundle->feature_views;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<features::FeatureStore> store,
                           features::FeatureStore::Open(store_options));
  features::CsvLoadOptions options;
  options.path = arguments.file;
  options.id_column = arguments.id_column;
  options.event_time_column = arguments.event_time_column;
  options.schema_version = bundle->schema_version;
  options.now = absl::Now();
  options.progress = Progress();
  return features::LoadCsv(files, view, options, store.get());
}

void Print(const features::CsvLoadReport& report, const Arguments& arguments) {
  if (arguments.json) {
    absl::PrintF("{\"stored\": %d, \"older\": %d, \"complete\": %s}\n", report.stored, report.older,
                 report.status.ok() ? "true" : "false");
    return;
  }
  absl::PrintF("%d rows of view %s stored", report.stored, arguments.view);
  if (report.older > 0) {
    absl::PrintF("; %d left out, the store has later ones", report.older);
  }
  if (!report.has_event_time) absl::PrintF("; no event time in the file: they hold as of now");
  absl::PrintF("\n");
}

int RunLoad(const Arguments& arguments) {
  const absl::StatusOr<features::CsvLoadReport> report = Load(arguments);
  if (!report.ok()) return Fail(kProgram, report.status());
  Print(*report, arguments);
  if (report->status.ok()) return kExitOk;
  Fail(kProgram, report->status);
  return absl::IsInvalidArgument(report->status) ? kExitFinding : kExitFailure;
}

}  // namespace

void AddLoadCommand(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const load = app.add_subcommand("load", "Store feature rows from a CSV file");
  load->add_option("--config", arguments->config, "Directory of the bundle")->required();
  load->add_option("--view", arguments->view, "Feature view of the bundle")->required();
  load->add_option("--file", arguments->file, "CSV file; its header names the features")
      ->required();
  load->add_option("--id-column", arguments->id_column, "Column with the entity's id")
      ->capture_default_str();
  load->add_option("--event-time-column", arguments->event_time_column,
                   "Column with the time at which the values were true, RFC 3339")
      ->capture_default_str();
  load->add_flag("--json", arguments->json, "Print the counts as JSON");
  load->callback([arguments, exit_code] { *exit_code = RunLoad(*arguments); });
}

}  // namespace fulcrum::apps
