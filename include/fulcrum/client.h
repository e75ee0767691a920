// The C++ client: ask for a decision, report what came of it.
//
//   auto client = fulcrum::DecisionClient::Connect("127.0.0.1:7171");
//   auto decision = client->Decide({.user_id = "u-17", .surface = "homepage"},
//   absl::Milliseconds(20)); if (decision.ok()) Show(decision->actions.front().action_id);
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fulcrum/decision_id.h"
#include "fulcrum/decision_record.h"

namespace fulcrum {

// What the caller would do by itself; read by surfaces in apprentice mode.
struct BaselineAction {
  std::string action_id;             // or kNeutralActionId
  std::optional<double> propensity;  // with which it was chosen, in (0, 1]; absent: unknown
};

struct DecisionRequest {
  std::string request_id;  // at most 64 bytes; may be empty. With one the request can be repeated
  std::string user_id;     // 1 to 256 bytes
  std::string surface;
  std::map<std::string, std::variant<double, std::string>> context;
  std::vector<std::string> candidates;  // action ids; empty = the surface's own
  uint32_t slate_size = 1;
  std::vector<BaselineAction> baseline_actions;  // first position first
  std::optional<absl::Time> occurred_at;         // only for servers that play recorded traffic
};

struct DecidedAction {
  std::string action_id;  // kNeutralActionId: show nothing
  // Propensity in units of 2^-32, given whether the user is held out; 0 for a baseline action whose
  // probability the caller did not tell.
  Ticks ticks = 0;
  double marginal_propensity = 0;  // whether or not the user is held out
  std::optional<double> score;
  std::optional<double> uplift;
};

struct Decision {
  DecisionId id;
  std::vector<DecidedAction> actions;  // by position, at least one
  double joint_propensity = 0;         // of the slate: the product of theirs
  Degradation degradation = Degradation::kNone;
  bool log_pending = false;
  // No action can be had before this time unless something is given back or changed; absent: not
  // known, or there was one.
  std::optional<absl::Time> defer_until;
  StageTimes times;
  int64_t total_us = 0;  // as the server measured it
};

// Thread-safe. Calls wait; none outlives its deadline. Errors are those of the service
// (docs/api.md), DEADLINE_EXCEEDED and UNAVAILABLE when the server cannot be reached.
class DecisionClient {
 public:
  // Connects lazily: the first call finds out. `address` is host:port or unix:path.
  static std::unique_ptr<DecisionClient> Connect(const std::string& address);
  ~DecisionClient();

  // Waits until the server says it serves.
  absl::Status WaitUntilServing(absl::Duration timeout);

  absl::StatusOr<Decision> Decide(const DecisionRequest& request, absl::Duration timeout);

  // `position` from 1. `occurred_at` defaults to the server's clock. Returns the record's LSN.
  absl::StatusOr<Lsn> ReportExposure(DecisionId decision, uint32_t position,
                                     std::optional<absl::Time> occurred_at, absl::Duration timeout);

  struct Outcome {
    DecisionId decision;
    uint32_t position = 0;   // 0 = the whole slate
    std::string outcome_id;  // unique per decision and position
    std::string kind;        // such as "click"
    double value = 1;
    std::string currency;  // empty: a plain number
    std::optional<absl::Time> occurred_at;
    // What it really cost, 0 to 10^12 micros of the campaign's currency; none: what was taken for
    // it.
    std::optional<int64_t> cost_micros;
  };
  absl::StatusOr<Lsn> ReportOutcome(const Outcome& outcome, absl::Duration timeout);

 private:
  struct Parts;
  explicit DecisionClient(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace fulcrum
