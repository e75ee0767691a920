#include "apps/replay_command.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/command_line.h"
#include "apps/counterfactual_report.h"
#include "base/file.h"
#include "base/simd.h"
#include "base/status_macros.h"
#include "replay/counterfactual.h"
#include "replay/opening_csv.h"
#include "replay/verify.h"

namespace fulcrum::apps {
namespace {

using replay::Reasons;
using replay::ReplayReport;

struct Options {
  std::string directory;
  std::string counterfactual;  // instead of `directory`, like those behind it
  std::string bundle;
  std::string target;
  std::string ledger;
  bool rescore = false;
  std::string simd = "auto";
  std::string level = "full";
  size_t threads = 1;
  bool json = false;
};

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 1 : static_cast<double>(part) / static_cast<double>(whole);
}

class JsonReport {
 public:
  std::string Write(const ReplayReport& report) {
    writer_.StartObject();
    Number("decisions", report.decisions);
    Number("selection_identical", report.selection_identical);
    Number("full_identical", report.full_identical);
    Number("different", report.different);
    writer_.Key("first_difference");
    Write(report.first_difference);
    writer_.Key("not_replayed");
    writer_.StartObject();
    Write("selection", report.selection_not_replayed);
    Write("full", report.full_not_replayed);
    writer_.EndObject();
    writer_.Key("replayable");
    writer_.StartObject();
    Number("full", report.says_full);
    Number("selection", report.says_selection);
    Number("none", report.says_none);
    writer_.EndObject();
    Number("undegraded", report.undegraded);
    Number("undegraded_replayable_full", report.undegraded_full);
    Number("undegraded_full_identical", report.undegraded_identical);
    Real("selection_identical_share", Share(report.selection_identical, report.decisions));
    Real("full_identical_share", Share(report.full_identical, report.decisions));
    Real("undegraded_replayable_full_share", Share(report.undegraded_full, report.undegraded));
    Real("undegraded_full_identical_share", Share(report.undegraded_identical, report.undegraded));
    Number("corrupt_places", report.corrupt);
    Text("first_corrupt", report.first_corrupt);
    writer_.Key("torn_tail");
    writer_.Bool(report.torn_tail);
    writer_.Key("quarantined");
    writer_.StartArray();
    for (const std::string& gap : report.quarantined) writer_.String(gap.c_str());
    writer_.EndArray();
    Text("simd", base::SimdLevelName(base::ActiveSimdLevel()));
    writer_.EndObject();
    return buffer_.GetString();
  }

 private:
  void Write(const std::optional<ReplayReport::Place>& place) {
    if (!place.has_value()) {
      writer_.Null();
      return;
    }
    writer_.StartObject();
    Number("lsn", place->lsn);
    Text("decision_id", place->decision_id.ToString());
    Number("position", place->difference.position);
    Text("what", place->difference.what);
    Text("recorded", place->difference.recorded);
    Text("recomputed", place->difference.recomputed);
    writer_.EndObject();
  }
  void Write(const char* key, const Reasons& reasons) {
    writer_.Key(key);
    writer_.StartObject();
    for (const auto& [reason, count] : reasons) Number(reason, count);
    writer_.EndObject();
  }
  void Key(std::string_view key) {
    writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()), /*copy=*/true);
  }
  void Number(std::string_view key, uint64_t value) {
    Key(key);
    writer_.Uint64(value);
  }
  void Real(std::string_view key, double value) {
    Key(key);
    writer_.Double(value);
  }
  void Text(std::string_view key, std::string_view value) {
    Key(key);
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

void PrintReasons(const char* level, const Reasons& reasons) {
  for (const auto& [reason, count] : reasons) {
    std::printf("  %s: %llu not replayed: %s\n", level, static_cast<unsigned long long>(count),
                reason.c_str());
  }
}

void PrintReport(const ReplayReport& report, const std::string& directory) {
  const auto count = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("%s: %llu decisions\n", directory.c_str(), count(report.decisions));
  std::printf("  %llu were drawn again from their records: the same ticks and actions\n",
              count(report.selection_identical));
  std::printf("  %llu were decided again from their inputs: the same bits\n",
              count(report.full_identical));
  PrintReasons("selection", report.selection_not_replayed);
  PrintReasons("full", report.full_not_replayed);
  std::printf("  of %llu answered in full, %.2f %% say `replayable: full`, %.2f %% are identical\n",
              count(report.undegraded), 100 * Share(report.undegraded_full, report.undegraded),
              100 * Share(report.undegraded_identical, report.undegraded));
  if (report.first_difference.has_value()) {
    const ReplayReport::Place& place = *report.first_difference;
    const std::string position = place.difference.position == 0
                                     ? std::string("before the draw")
                                     : absl::StrCat("position ", place.difference.position);
    std::printf("  %llu DIFFER, first LSN %llu, decision %s, %s: %s is %s, again %s\n",
                count(report.different), count(place.lsn), place.decision_id.ToString().c_str(),
                position.c_str(), place.difference.what.c_str(), place.difference.recorded.c_str(),
                place.difference.recomputed.c_str());
  }
  if (report.torn_tail) {
    std::printf("  the log ends in what was never synced; the next start cuts it off\n");
  }
  for (const std::string& gap : report.quarantined) std::printf("  %s\n", gap.c_str());
  if (report.corrupt != 0) {
    std::printf("  %llu places cannot be read, first: %s\n", count(report.corrupt),
                report.first_corrupt.c_str());
  }
  std::printf("%s\n", report.clean() ? "identical" : "NOT IDENTICAL");
}

absl::StatusOr<int> ReplayUnder(const Options& options) {
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_ASSIGN_OR_RETURN(const replay::OtherPolicy other,
                           replay::LoadPolicy(files, options.bundle));
  replay::CounterfactualOptions how;
  how.threads = options.threads;
  how.target_path = options.target;
  how.rescore = options.rescore;
  if (!options.ledger.empty()) {
    FULCRUM_ASSIGN_OR_RETURN(how.opening,
                             replay::ReadOpening(files, options.ledger, *other.bundle));
  }
  FULCRUM_ASSIGN_OR_RETURN(
      const replay::CounterfactualReport report,
      replay::ReplayCounterfactual(files, options.counterfactual, other, std::move(how)));
  std::printf("%s", options.json ? (ToJson(report) + "\n").c_str() : ToText(report).c_str());
  return report.corrupt == 0 ? kExitOk : kExitFinding;
}

absl::StatusOr<int> Replay(const Options& options) {
  FULCRUM_ASSIGN_OR_RETURN(const base::SimdLevel level, base::ParseSimdLevel(options.simd));
  FULCRUM_RETURN_IF_ERROR(base::ForceSimdLevel(level));
  if (options.directory.empty() == options.counterfactual.empty()) {
    return absl::InvalidArgumentError("give --verify LOG, or --counterfactual LOG --bundle BUNDLE");
  }
  if (!options.counterfactual.empty()) return ReplayUnder(options);
  FULCRUM_ASSIGN_OR_RETURN(
      const ReplayReport report,
      replay::VerifyReplay(
          base::PosixFileSystem(), options.directory,
          {.threads = options.threads,
           .level = options.level == "full" ? replay::Level::kFull : replay::Level::kSelection}));
  if (options.json) {
    std::printf("%s\n", JsonReport().Write(report).c_str());
  } else {
    PrintReport(report, options.directory);
  }
  return report.clean() ? kExitOk : kExitFinding;
}

void AddCounterfactualOptions(CLI::App* replay, Options* options) {
  CLI::Option* const log = replay->add_option(
      "--counterfactual", options->counterfactual,
      "The log's directory: decide it under another bundle and tell what would have changed");
  CLI::Option* const bundle =
      replay->add_option("--bundle", options->bundle, "Directory of that bundle");
  log->needs(bundle);
  bundle->needs(log);
  replay
      ->add_option("--target", options->target,
                   "File for a line per decision: what `fulcrum evaluate --target` reads. One that "
                   "a replay left unfinished is continued")
      ->needs(log);
  replay
      ->add_option("--ledger", options->ledger,
                   "CSV of what was spent before the log begins: row,window,spent; else nothing")
      ->needs(log);
  replay
      ->add_flag("--rescore", options->rescore,
                 "Score again also where the record's own posteriors hold")
      ->needs(log);
}

}  // namespace

void AddReplayCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* const replay = app.add_subcommand("replay", "Decide a log's decisions again");
  replay->add_option("--verify", options->directory,
                     "The log's directory: compare every decision with its record, bit for bit; "
                     "exit 1 if one differs");
  AddCounterfactualOptions(replay, options.get());
  replay->add_option("--simd", options->simd,
                     "Instructions to compute with: auto, sse2, avx2 or avx512; the same bits");
  replay
      ->add_option("--level", options->level,
                   "full, or selection: from the records alone, without features and models")
      ->check(CLI::IsMember({"selection", "full"}));
  replay->add_option("--threads", options->threads, "Work on so many; the same result")
      ->check(CLI::Range(1, 1024));
  replay->add_flag("--json", options->json, "One JSON object");
  replay->callback(
      [options, exit_code] { *exit_code = Answered("fulcrum replay", Replay(*options)); });
}

}  // namespace fulcrum::apps
