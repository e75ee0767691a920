// What the commands share: how an error is told and which exit code it gets.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fulcrum::apps {

enum ExitCode : int {
  kExitOk = 0,
  kExitFinding = 1,  // the command answered, and the answer is bad news (check, verify)
  kExitFailure = 2   // the command could not do its work
};

// Prints "<program>: <message>" to standard error; returns kExitFailure.
int Fail(const char* program, const absl::Status& status);

// The exit code that the command answered with, or Fail().
int Answered(const char* program, const absl::StatusOr<int>& answer);

}  // namespace fulcrum::apps
