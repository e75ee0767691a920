// The C++ client for those who operate a service: pause, resume, see what is paused, set limits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/switch.h"

namespace fulcrum {

// Thread-safe. Calls wait; none outlives its deadline. Errors are those of the service
// (docs/operations.md), DEADLINE_EXCEEDED and UNAVAILABLE when the server cannot be reached.
class OperatorClient {
 public:
  // Connects lazily: the first call finds out. `address` is host:port or unix:path.
  static std::unique_ptr<OperatorClient> Connect(const std::string& address);
  ~OperatorClient();

  // For `span`, which may be infinite. Returns the LSN of the record that tells of it; what starts
  // afterwards sees it.
  absl::StatusOr<Lsn> Pause(const SwitchTarget& target, const std::string& reason,
                            absl::Duration span, absl::Duration timeout);
  absl::StatusOr<Lsn> Resume(const SwitchTarget& target, const std::string& reason,
                             absl::Duration timeout);
  // What is paused, by target.
  absl::StatusOr<std::vector<Switch>> Paused(absl::Duration timeout);
  // The limit of a row (a constraint's id) in its unit. Returns as Pause does.
  absl::StatusOr<Lsn> SetBudget(const std::string& row, int64_t limit, const std::string& reason,
                                absl::Duration timeout);

 private:
  struct Parts;
  explicit OperatorClient(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace fulcrum
