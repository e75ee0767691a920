// Runs a subcommand of `fulcrum` in this process and keeps what it printed.
#pragma once

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

namespace fulcrum::testing {

struct CommandRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// `add` adds the subcommand `name` to an app.
inline CommandRun RunCommand(void (*add)(CLI::App& app, int* exit_code), const char* name,
                             const std::vector<std::string>& arguments) {
  CLI::App app;
  CommandRun result;
  add(app, &result.exit_code);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  reversed.emplace_back(name);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  app.parse(reversed);
  std::fflush(stdout);
  result.out = ::testing::internal::GetCapturedStdout();
  result.err = ::testing::internal::GetCapturedStderr();
  return result;
}

}  // namespace fulcrum::testing
