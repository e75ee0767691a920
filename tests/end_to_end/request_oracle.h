// What clients asked of a service and heard from it, kept outside of it, so that no kill can touch
// it; and what its log says of the same requests.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "fulcrum/client.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::testing {

// All of an answer but for its timing.
inline bool SameAnswer(const Decision& a, const Decision& b) {
  const auto same = [](const DecidedAction& one, const DecidedAction& other) {
    return one.action_id == other.action_id && one.ticks == other.ticks &&
           one.marginal_propensity == other.marginal_propensity && one.score == other.score &&
           one.uplift == other.uplift;
  };
  return a.id == b.id && a.joint_propensity == b.joint_propensity &&
         a.degradation == b.degradation &&
         std::equal(a.actions.begin(), a.actions.end(), b.actions.begin(), b.actions.end(), same);
}

// Thread-safe, but for what it is asked when the clients have ended.
class RequestOracle {
 public:
  void Asked(const DecisionRequest& request) {
    const base::MutexLock lock(&mutex_);
    asked_.emplace(request.request_id, request);
  }
  // False if it had been answered otherwise.
  bool Heard(const std::string& request_id, const Decision& decision) {
    if (decision.log_pending) return true;  // says of itself that it may not last
    const base::MutexLock lock(&mutex_);
    return SameAnswer(heard_.emplace(request_id, decision).first->second, decision);
  }
  bool HasHeard(const std::string& request_id) {
    const base::MutexLock lock(&mutex_);
    return heard_.count(request_id) != 0;
  }
  // By request id.
  const std::map<std::string, DecisionRequest>& asked() const { return asked_; }
  const std::map<std::string, Decision>& heard() const { return heard_; }

 private:
  base::Mutex mutex_;
  std::map<std::string, DecisionRequest> asked_;
  std::map<std::string, Decision> heard_;
};

// All decisions of a log by the request that they answer.
inline std::map<std::string, std::vector<DecisionRecord>> RecordsByRequest(const std::string& log) {
  std::map<std::string, std::vector<DecisionRecord>> records;
  const auto reader = DecisionLogReader::Open(log);
  EXPECT_THAT(reader, IsOk());
  LogEntry entry;
  while (reader.ok() && *(*reader)->Next(&entry)) {
    if (const auto* record = std::get_if<DecisionRecord>(&entry.event)) {
      records[record->request_id].push_back(*record);
    }
  }
  return records;
}

}  // namespace fulcrum::testing
