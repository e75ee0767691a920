// A program started by this one, and gone with it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fulcrum::apps {

// Not thread-safe. Movable; the destructor kills the program if it still runs.
class ChildProcess {
 public:
  // Starts `arguments[0]` with its standard error appended to `log_path` (empty: ours). It gets
  // SIGKILL when this process dies.
  static absl::StatusOr<ChildProcess> Start(const std::vector<std::string>& arguments,
                                            const std::string& log_path,
                                            const std::vector<std::string>& extra_environment = {});
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // True once it has ended; then exit_code() is its code, or 128 + the signal that ended it.
  bool Ended();
  // Waits for it to end. DEADLINE_EXCEEDED after `timeout`: it still runs.
  absl::StatusOr<int> Wait(absl::Duration timeout);
  int exit_code() const { return exit_code_; }

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  pid_t pid_ = -1;  // -1: ended
  int exit_code_ = 0;
};

}  // namespace fulcrum::apps
