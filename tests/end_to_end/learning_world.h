// A bundle that learns from what was shown, and the offline fold of what its service logged.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>

#include "config/loader.h"
#include "fulcrum/decision_log_reader.h"
#include "learning/outcome_fold.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_bundle.h"

namespace fulcrum::testing {

// Surfaces `page` (Beta) and `lined` (linear), both of which require exposure; windows of a minute.
inline TestBundle LearningBundleText() {
  TestBundle options;
  const std::string windows =
      "    exposure: required\n    exposure_window: 60s\n    attribution_window: 60s\n";
  options.page_fields = windows +
                        "  - id: lined\n    campaigns: [paid, free]\n    latency_budget: 1s\n"
                        "    slate_size_max: 2\n    exploration_floor: 0.1\n"
                        "    linear: {context_keys: [hour]}\n" +
                        windows;
  return options;
}

// The state after the whole log, from nothing: what a service's last checkpoint must be.
inline std::string OfflineFold(const std::string& bundle_directory,
                               decision_log::JoinStats* stats) {
  const auto bundle = config::LoadBundle(base::PosixFileSystem(), bundle_directory);
  EXPECT_THAT(bundle, IsOk());
  if (!bundle.ok()) return "";
  learning::OutcomeFold fold(learning::StartOf(**bundle, scoring::Posteriors(), nullptr));
  const auto reader = DecisionLogReader::Open(bundle_directory + "/data/log");
  EXPECT_THAT(reader, IsOk());
  LogEntry entry;
  while (reader.ok() && *(*reader)->Next(&entry)) fold.Apply(entry.lsn, entry.event);
  *stats = fold.join().stats();
  return fold.Serialise();
}

// The newest checkpoint of the service's data.
inline std::string NewestSnapshot(const std::string& bundle_directory) {
  const std::string directory = bundle_directory + "/data/snapshots";
  auto names = base::PosixFileSystem()->List(directory);
  EXPECT_THAT(names, IsOk());
  if (!names.ok() || names->empty()) return "";
  const std::string newest = *std::max_element(names->begin(), names->end());
  const auto bytes =
      base::ReadWholeFile(base::PosixFileSystem(), directory + "/" + newest, 1 << 30);
  EXPECT_THAT(bytes, IsOk());
  return bytes.value_or("");
}

}  // namespace fulcrum::testing
