// What a demo's decision log says for itself: that it is sound, that it can be decided again, and
// what policies earn by it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evaluation/evaluate.h"

namespace fulcrum::apps {

struct LogProof {
  uint64_t records = 0;
  bool verified = false;
  std::string finding;    // in words
  bool replayed = false;  // every decision came out the same
  std::string replay_finding;
};

// `fulcrum log verify` and `fulcrum replay --verify`. NOT_FOUND if there is no log.
absl::StatusOr<LogProof> ProveLog(const std::string& directory);

// What a policy would have earned on the log, per action shown.
struct PolicyValue {
  std::string name;
  evaluation::Evaluation evaluation;
};

// The served policy first, then drawing blindly (`uniform`), then the best guess (`greedy`).
absl::StatusOr<std::vector<PolicyValue>> EvaluatePolicies(const std::string& directory,
                                                          uint64_t seed);

// Warnings and refused verdicts in words, each with the names of the policies it is about.
std::map<std::string, std::vector<std::string>> FindingsOf(
    const std::vector<PolicyValue>& policies);

}  // namespace fulcrum::apps
