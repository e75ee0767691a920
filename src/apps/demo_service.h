// What the demos run on: a directory of their own with a copy of a bundle, and fulcrumd on it with
// the clock of the requests.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "apps/child_process.h"
#include "fulcrum/client.h"

namespace fulcrum::apps {

// Makes `work`, or empties it if an earlier demo made it, and copies the *.yaml files of `bundle`
// into its `config/`. FAILED_PRECONDITION if `work` holds something else, which is not touched.
absl::Status PrepareDemo(const std::string& work, const std::string& bundle);

// `config/` in `work`, where PrepareDemo put the bundle.
std::string DemoConfig(const std::string& work);

// Loads `csv` by `fulcrum load`; it is kept in `work` as `file`.
absl::Status LoadDemoRows(const std::string& work, const std::string& view, const std::string& file,
                          const std::string& csv);

// Not thread-safe. Gone with this process, or earlier.
class DemoService {
 public:
  // Starts fulcrumd, which must be beside this program, on any free port; its diagnostics go to
  // `work`/fulcrumd.txt.
  static absl::StatusOr<std::unique_ptr<DemoService>> Start(const std::string& work, uint64_t seed);

  DecisionClient& client() { return *client_; }
  // Ends it in order: everything that was answered is in the log afterwards. The client is gone.
  absl::Status Stop();

 private:
  DemoService(std::string log, ChildProcess process, std::unique_ptr<DecisionClient> client)
      : log_(std::move(log)), process_(std::move(process)), client_(std::move(client)) {}

  const std::string log_;  // of its diagnostics
  ChildProcess process_;
  std::unique_ptr<DecisionClient> client_;
};

}  // namespace fulcrum::apps
