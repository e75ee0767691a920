#include "apps/demo_log.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "decision_log/verify.h"
#include "evaluation/log_rows.h"
#include "replay/verify.h"

namespace fulcrum::apps {
namespace {

absl::Status Verify(const std::string& directory, LogProof* proof) {
  FULCRUM_ASSIGN_OR_RETURN(const decision_log::VerifyReport verified,
                           decision_log::VerifyLog(base::PosixFileSystem(), directory));
  proof->records = verified.records;
  proof->verified = verified.clean();
  uint64_t checks = 0;
  for (const auto& invariant : verified.invariants) checks += invariant.checked;
  proof->finding = proof->verified ? absl::StrCat("ok: ", verified.invariants.size(),
                                                  " invariants, ", checks, " checks")
                                   : "FAILED: run `fulcrum log verify` on it";
  return absl::OkStatus();
}

absl::Status Replay(const std::string& directory, LogProof* proof) {
  FULCRUM_ASSIGN_OR_RETURN(const replay::ReplayReport replayed,
                           replay::VerifyReplay(base::PosixFileSystem(), directory));
  proof->replayed = replayed.different == 0;
  proof->replay_finding =
      proof->replayed
          ? absl::StrCat("identical: ", replayed.selection_identical, " of ", replayed.decisions,
                         " selections, ", replayed.full_identical, " whole decisions")
          : absl::StrCat("FAILED: ", replayed.different,
                         " decisions differ; run `fulcrum replay --verify` on it");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LogProof> ProveLog(const std::string& directory) {
  LogProof proof;
  FULCRUM_RETURN_IF_ERROR(Verify(directory, &proof));
  FULCRUM_RETURN_IF_ERROR(Replay(directory, &proof));
  return proof;
}

absl::StatusOr<std::vector<PolicyValue>> EvaluatePolicies(const std::string& directory,
                                                          uint64_t seed) {
  FULCRUM_ASSIGN_OR_RETURN(const evaluation::RowSet rows, evaluation::ReadLogRows(directory, {}));
  evaluation::EvaluateOptions options;
  options.seed = seed;
  const std::pair<const char*, evaluation::Target> kPolicies[] = {
      {"served", evaluation::Target::Logged()},
      {"uniform", evaluation::Target::Uniform()},
      {"greedy", evaluation::Target::Greedy()}};
  std::vector<PolicyValue> policies;
  policies.reserve(std::size(kPolicies));
  for (const auto& [name, target] : kPolicies) {
    FULCRUM_ASSIGN_OR_RETURN(evaluation::Evaluation evaluated,
                             evaluation::Evaluate(rows, target, options));
    policies.push_back({name, std::move(evaluated)});
  }
  return policies;
}

std::map<std::string, std::vector<std::string>> FindingsOf(
    const std::vector<PolicyValue>& policies) {
  std::map<std::string, std::vector<std::string>> findings;
  for (const PolicyValue& policy : policies) {
    const evaluation::Evaluation& of = policy.evaluation;
    for (const evaluation::Warning& warning : of.warnings) {
      findings[warning.message].push_back(policy.name);
    }
    if (!of.verdict.ok) findings["no verdict: " + of.verdict.reason].push_back(policy.name);
  }
  return findings;
}

}  // namespace fulcrum::apps
