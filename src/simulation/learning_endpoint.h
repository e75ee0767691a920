// A policy that learns as the service does, in this process: decisions by the real path, taught by
// the real fold over the same events. Thompson sampling and uniform are the service's own policy
// under two exploration floors; greedy and epsilon-greedy, which the service does not offer,
// replace the drawn action by one of their own, chosen from the same posteriors.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/random.h"
#include "learning/outcome_fold.h"
#include "simulation/in_process.h"
#include "simulation/traffic.h"

namespace fulcrum::simulation {

enum class PolicyKind : uint8_t { kThompson, kUniform, kGreedy, kEpsilonGreedy };

inline constexpr PolicyKind kPolicyKinds[] = {PolicyKind::kThompson, PolicyKind::kUniform,
                                              PolicyKind::kGreedy, PolicyKind::kEpsilonGreedy};
inline constexpr double kEpsilon = 0.05;  // of epsilon-greedy

// "thompson", "uniform", "greedy", "epsilon-greedy". INVALID_ARGUMENT names them.
const char* ToWord(PolicyKind policy);
absl::StatusOr<PolicyKind> PolicyNamed(const std::string& word);

// What the service does; the others need this process.
bool IsServed(PolicyKind policy);
double FloorOf(PolicyKind policy);  // the exploration floor of its bundle

class LearningEndpoint final : public Endpoint {
 public:
  // `path` outlives this and is used by nobody else. A replaced action is not what the ledger was
  // debited for, so greedy policies are for bundles without constraints.
  LearningEndpoint(InProcess* path, PolicyKind policy, uint64_t seed);

  absl::StatusOr<Answer> Decide(const Visit& visit) override;
  absl::Status ReportExposure(DecisionId id, absl::Time occurred) override;
  absl::Status ReportOutcome(DecisionId id, absl::Time occurred) override;

  const learning::OutcomeFold& fold() const { return fold_; }

 private:
  void Log(const LogEvent& event);
  // What the windows that ended by `now` have settled.
  void Settle(absl::Time now);
  std::string ReplacementFor(const DecisionRecord& record);

  InProcess* const path_;
  const PolicyKind policy_;
  base::RandomStream coins_;
  learning::OutcomeFold fold_;
  std::shared_ptr<const scoring::Posteriors> published_;
  uint64_t published_changes_ = 0;
  Lsn lsn_ = 0;
};

}  // namespace fulcrum::simulation
