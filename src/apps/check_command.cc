#include "apps/check_command.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/command_line.h"
#include "base/file.h"
#include "config/loader.h"
#include "masking/masker.h"

namespace fulcrum::apps {
namespace {

using config::Bundle;
using config::Problem;
using config::Problems;
using Json = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr size_t kLinesMax = 16;  // per list, so that a summary stays on one screen

struct Arguments {
  std::string directory;
  bool json = false;
};

std::string VersionText(const Bundle& bundle) {
  return absl::StrFormat("%016x", bundle.version);
}

void Put(Json* json, const char* name, const std::string& value) {
  json->Key(name);
  json->String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}
void Put(Json* json, const char* name, size_t value) {
  json->Key(name);
  json->Uint64(value);
}

void PrintJson(const std::string& directory, const Bundle* bundle, const Problems& problems) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  Put(&json, "directory", directory);
  json.Key("ok");
  json.Bool(bundle != nullptr);
  Put(&json, "problem_count", problems.count());
  json.Key("problems");
  json.StartArray();
  for (const Problem& problem : problems.kept()) {
    json.StartObject();
    Put(&json, "file", problem.place.file);
    Put(&json, "line", static_cast<size_t>(problem.place.line));
    Put(&json, "column", static_cast<size_t>(problem.place.column));
    Put(&json, "message", problem.message);
    json.EndObject();
  }
  json.EndArray();
  if (bundle != nullptr) {
    Put(&json, "version", VersionText(*bundle));
    Put(&json, "digest", bundle->digest);
    Put(&json, "schema_version", bundle->schema_version);
    Put(&json, "surfaces", bundle->surfaces.size());
    Put(&json, "campaigns", bundle->campaigns.size());
    Put(&json, "actions", bundle->actions.size());
    Put(&json, "constraints", bundle->constraints.size());
    Put(&json, "feature_views", bundle->feature_views.size());
    Put(&json, "context_keys", bundle->context_keys.size());
    Put(&json, "model", bundle->model_manifest);
  }
  json.EndObject();
  std::printf("%s\n", buffer.GetString());
}

void PrintProblems(const std::string& directory, const Problems& problems) {
  for (const Problem& problem : problems.kept()) {
    std::fprintf(stderr, "%s: error: %s\n", problem.place.ToString().c_str(),
                 problem.message.c_str());
  }
  const size_t kept = problems.kept().size();
  if (problems.count() > kept) {
    std::fprintf(stderr, "... and %zu more\n", problems.count() - kept);
  }
  std::fprintf(stderr, "%s: %zu error%s\n", directory.c_str(), problems.count(),
               problems.count() == 1 ? "" : "s");
}

// "homepage: 10ms, 5 actions of spring, winter_sale"
std::string Describe(const Bundle& bundle, const config::Surface& surface) {
  std::string text = absl::StrFormat(
      "%s: %s, %d action%s of", surface.id, absl::FormatDuration(surface.latency_budget),
      surface.actions.size(), surface.actions.size() == 1 ? "" : "s");
  const char* separator = " ";
  for (const int32_t campaign : surface.campaigns) {
    absl::StrAppend(&text, separator, bundle.campaigns[static_cast<size_t>(campaign)].id);
    separator = ", ";
  }
  return text;
}

// "50.00 EUR", "3 exposures"
std::string LimitText(const Bundle& bundle, const config::Constraint& row) {
  const double millions = static_cast<double>(row.limit) / 1e6;
  switch (row.resource) {
    case config::Resource::kCost: {
      const auto& action = bundle.actions[static_cast<size_t>(row.actions.front())];
      return absl::StrFormat("%.2f %s", millions,
                             bundle.campaigns[static_cast<size_t>(action.campaign)].currency);
    }
    case config::Resource::kExposures:
      return absl::StrFormat("%d exposure%s", row.limit, row.limit == 1 ? "" : "s");
    case config::Resource::kAttribute:
      break;
  }
  return absl::StrFormat("%.6g of %s", millions, row.attribute);
}

std::string WindowText(const config::Constraint& row) {
  switch (row.window) {
    case config::Window::kDay:
      return "a day";
    case config::Window::kHour:
      return "an hour";
    case config::Window::kRolling:
      return absl::StrCat("in any ", absl::FormatDuration(absl::Microseconds(row.span_us)));
    case config::Window::kTotal:
      break;
  }
  return "in all";
}

// "spring-day: at most 50.00 EUR a day for 12 actions"
std::string Describe(const Bundle& bundle, const config::Constraint& row) {
  if (row.limit == config::kNoLimit) {
    return absl::StrFormat("%s: counts what users were shown %s", row.id, WindowText(row));
  }
  return absl::StrFormat("%s: at most %s%s %s for %d action%s%s", row.id, LimitText(bundle, row),
                         row.per_user ? " per user" : "", WindowText(row), row.actions.size(),
                         row.actions.size() == 1 ? "" : "s",
                         row.IsHard() ? "" : absl::StrFormat(", soft (class %d)", row.relaxation));
}

// "deals: rates of 12 actions by region at least 0.80 of one another"
std::string Describe(const Bundle& /*bundle*/, const config::Parity& parity) {
  return absl::StrFormat("%s: rates of %d action%s by %s at least %.2f of one another", parity.id,
                         parity.actions.size(), parity.actions.size() == 1 ? "" : "s",
                         parity.by == config::ParityBy::kRegion ? "region" : "segment",
                         parity.ratio_min);
}

template <typename T>
void PrintList(const char* title, const Bundle& bundle, const std::vector<T>& values) {
  std::printf("  %-11s %zu\n", title, values.size());
  for (size_t i = 0; i < std::min(values.size(), kLinesMax); ++i) {
    std::printf("    %s\n", Describe(bundle, values[i]).c_str());
  }
  if (values.size() > kLinesMax) std::printf("    ... and %zu more\n", values.size() - kLinesMax);
}

void PrintSummary(const std::string& directory, const Bundle& bundle) {
  std::printf("%s: good, version %s\n", directory.c_str(), VersionText(bundle).c_str());
  PrintList("surfaces", bundle, bundle.surfaces);
  std::printf("  %-11s %zu\n", "campaigns", bundle.campaigns.size());
  std::printf("  %-11s %zu\n", "actions", bundle.actions.size());
  PrintList("constraints", bundle, bundle.constraints);
  if (!bundle.parity.empty()) PrintList("parity", bundle, bundle.parity);
  std::printf("  %-11s %s\n", "model",
              bundle.model_manifest.empty() ? "none: the counts alone shape the choice"
                                            : bundle.model_manifest.c_str());
}

// The bundle, with what the service would also read at its start.
absl::StatusOr<std::shared_ptr<const Bundle>> Load(const std::string& directory,
                                                   Problems* problems) {
  auto bundle = config::LoadBundle(base::PosixFileSystem(), directory, problems);
  if (!bundle.ok()) return bundle;
  const config::Masking& masking = (*bundle)->log.masking;
  const absl::Status salt = masking::ReadSalt(base::PosixFileSystem(), masking).status();
  if (salt.ok()) return bundle;
  problems->Add({masking.salt_file, 0, 0}, std::string(salt.message()));
  return salt;
}

int Check(const Arguments& arguments) {
  Problems problems;
  const absl::StatusOr<std::shared_ptr<const Bundle>> bundle = Load(arguments.directory, &problems);
  if (!bundle.ok() && problems.empty()) return Fail("fulcrum check", bundle.status());
  if (arguments.json) {
    PrintJson(arguments.directory, bundle.ok() ? bundle->get() : nullptr, problems);
  } else if (bundle.ok()) {
    PrintSummary(arguments.directory, **bundle);
  } else {
    PrintProblems(arguments.directory, problems);
  }
  return bundle.ok() ? kExitOk : kExitFinding;
}

}  // namespace

void AddCheckCommand(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("check", "Say whether a configuration bundle is good");
  command->add_option("DIR", arguments->directory, "Directory with the bundle's *.yaml files")
      ->required();
  command->add_flag("--json", arguments->json, "Print one JSON object instead of text");
  command->callback([arguments, exit_code] { *exit_code = Check(*arguments); });
}

}  // namespace fulcrum::apps
