// Logs of decisions and reports for the tests of the join.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "decision_log/reward_join.h"

namespace fulcrum::decision_log {

inline constexpr int64_t kSecondUs = 1'000'000;
inline constexpr int64_t kStartUs = 1'574'553'600 * kSecondUs;

inline DecisionId JoinId(uint64_t number) {
  return {0x016ea0000000'7000 + (number << 20), number};
}

// Windows of 60 s each; exposure is required of odd numbers.
inline DecisionRecord JoinDecision(uint64_t number, int64_t second, size_t slate = 1,
                                   bool exposure_required = false) {
  DecisionRecord record;
  record.id = JoinId(number);
  record.surface = "page";
  record.segment = "new";
  record.user_ref[0] = static_cast<uint8_t>(number + 1);
  record.occurred_us = kStartUs + second * kSecondUs;
  record.exposure_required = exposure_required;
  record.exposure_window_us = exposure_required ? 60 * kSecondUs : 0;
  record.attribution_window_us = 60 * kSecondUs;
  record.reward_kind = "click";
  for (size_t i = 0; i < slate; ++i) {
    PositionRecord position;
    position.action_id = absl::StrCat("arm-", i);
    position.debits.push_back({.row = "day", .amount = static_cast<int64_t>(i + 1), .limit = 100});
    record.positions.push_back(position);
  }
  return record;
}

inline ExposureRecord JoinExposure(uint64_t number, uint32_t position = 1) {
  return {JoinId(number), position, kStartUs, "tester"};
}

// `second` counts from kStartUs.
inline OutcomeRecord JoinOutcome(uint64_t number, const std::string& id, double value,
                                 int64_t second, uint32_t position = 1) {
  return {JoinId(number), position, id, "click", value, "", kStartUs + second * kSecondUs,
          "tester"};
}

inline bool NothingReported(const DecisionId&, uint32_t) {
  return false;
}

// Folds events one after the other and keeps what the changes amount to.
class JoinRun {
 public:
  using Key = std::pair<DecisionId, size_t>;
  struct Reward {
    int settled = 0;      // how often
    int corrected = 0;    // how often
    double sum = 0;       // of the changes
    double now = 0;       // as last told
    bool broken = false;  // a change did not begin where the one before it had ended
  };

  void Apply(const LogEvent& event) {
    join_.Apply(join_.lsn() + 1, event, [this](const RewardChange& change) {
      Reward& reward = rewards_[{change.decision->id, change.position}];
      ++(change.settled ? reward.settled : reward.corrected);
      if (change.before != reward.now) reward.broken = true;
      reward.sum += change.now - change.before;
      reward.now = change.now;
      if (change.decision->positions[change.position].shown != Shown::kShown) ++unshown_settled_;
    });
  }
  void ApplyAll(const std::vector<LogEvent>& events) {
    for (const LogEvent& event : events) Apply(event);
  }
  // Goes on from what is serialised.
  absl::Status Restart() {
    auto parsed = RewardJoin::Parse(join_.Serialise());
    if (!parsed.ok()) return parsed.status();
    join_ = *std::move(parsed);
    return absl::OkStatus();
  }

  RewardJoin& join() { return join_; }
  const std::map<Key, Reward>& rewards() const { return rewards_; }
  int unshown_settled() const { return unshown_settled_; }  // positions settled that were not shown

 private:
  RewardJoin join_;
  std::map<Key, Reward> rewards_;
  int unshown_settled_ = 0;
};

}  // namespace fulcrum::decision_log
