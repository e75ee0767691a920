// The service as a process of its own.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "apps/child_process.h"
#include "fulcrum/client.h"
#include "tests/support/test_bundle.h"

namespace fulcrum::testing {

// fulcrumd as a process of its own.
struct Daemon {
  apps::ChildProcess process;
  std::string address;
};

inline std::string BinaryPath(const std::string& name) {
  return (std::filesystem::path(FULCRUM_BINARY_DIR) / "bin" / name).string();
}

// Starts fulcrumd on the bundle in `directory`, its clock that of the requests. Waits until it
// answers. Fails if it ends before, which it does when a kill point of the start is armed.
inline absl::StatusOr<Daemon> StartDaemon(const std::string& directory, uint64_t seed,
                                          const std::vector<std::string>& environment = {}) {
  const std::string ready = directory + "/ready";
  std::filesystem::remove(ready);
  auto process =
      apps::ChildProcess::Start({BinaryPath("fulcrumd"), "--config", directory, "--clock",
                                 "request", "--seed", absl::StrCat(seed), "--ready-file", ready},
                                directory + "/fulcrumd.txt", environment);
  if (!process.ok()) return process.status();
  for (int i = 0; i < 60000; ++i) {
    if (std::filesystem::exists(ready)) {
      std::ifstream file(ready);
      int port = 0;
      file >> port;
      return Daemon{*std::move(process), absl::StrCat("127.0.0.1:", port)};
    }
    if (process->Ended()) {
      return absl::AbortedError(absl::StrCat("fulcrumd ended with code ", process->exit_code()));
    }
    usleep(1000);
  }
  return absl::DeadlineExceededError("fulcrumd did not get ready");
}

}  // namespace fulcrum::testing
