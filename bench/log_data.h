// Decisions and their feature snapshots as a shop would log them, made up: ten candidates out of
// 500 items, 64 features each (30 of the item, 24 of the user, 10 of both), Beta posteriors, one or
// two debits. Item features are an item's own and come again with it; a user's come again within a
// session; those of both are mostly small counts, one in five is new each time. Whether a payload
// compresses is thus neither given away nor ruled out. Stateless.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "fulcrum/decision_record.h"
#include "policy/position.h"

namespace fulcrum::bench {

struct LoggedDecision {
  DecisionRecord record;
  FeatureSnapshot snapshot;
};

class LogData {
 public:
  static constexpr size_t kArms = 10;
  static constexpr size_t kColumns = 64;

  LogData() {
    for (auto& item : items_) {
      for (double& value : item) value = Value();
    }
  }

  // The same sequence for every new LogData.
  LoggedDecision Next() {
    if (visits_left_-- == 0) NewSession();
    LoggedDecision one;
    DecisionRecord& record = one.record;
    const uint64_t high = random_.Next64();
    now_us_ += 1 + random_.NextBelow(1000);
    record.id =
        DecisionId::FromTimeAndRandom(absl::FromUnixMicros(now_us_), high, random_.Next64());
    record.request_id = absl::StrCat("r-", absl::Hex(random_.Next64(), absl::kZeroPad16));
    record.principal = "shop";
    record.surface = "home";
    record.user_ref = user_ref_;
    record.occurred_us = now_us_;
    record.context_hash = random_.Next64();
    record.segment = "returning";
    record.versions = {.bundle = 0x1234567890abcdef,
                       .model = kModel,
                       .schema = 3,
                       .posterior_lsn = static_cast<uint64_t>(now_us_ / 1'000'000)};
    record.neutral_known = true;
    record.neutral_value = 0.01;
    record.exploration_floor = 0.02;
    record.times = {40 + random_.NextBelow(30), 20 + random_.NextBelow(30),
                    30 + random_.NextBelow(30), 60 + random_.NextBelow(60), 0};
    record.latency_budget_us = 10'000;
    record.replayable = Replayable::kFull;
    record.attribution_window_us = 3'600'000'000;
    record.reward_kind = "purchase";
    AddCandidates(&one);
    Draw(&record);
    return one;
  }

 private:
  static constexpr uint64_t kModel = 0xfedcba0987654321;
  static constexpr size_t kItems = 500;
  static constexpr size_t kOfItem = 30;
  static constexpr size_t kOfUser = 24;

  double Value() {
    switch (random_.NextBelow(4)) {
      case 0:
        return random_.NextBelow(2);
      case 1:
        return random_.NextBelow(50);
      case 2:
        return std::nan("");
      default:
        return random_.NextUniform();
    }
  }

  void NewSession() {
    visits_left_ = static_cast<int>(random_.NextBelow(8));
    for (double& value : user_) value = Value();
    for (auto& byte : user_ref_) byte = static_cast<uint8_t>(random_.NextBelow(256));
  }

  void AddCandidates(LoggedDecision* one) {
    one->snapshot.decision_id = one->record.id;
    one->snapshot.model = kModel;
    one->snapshot.columns = kColumns;
    const size_t first = random_.NextBelow(kItems - kArms);
    for (size_t i = 0; i < kArms; ++i) {
      const size_t item = first + i;
      auto& values = one->snapshot.values;
      values.insert(values.end(), items_[item], items_[item] + kOfItem);
      values.insert(values.end(), user_, user_ + kOfUser);
      while (values.size() < (i + 1) * kColumns) {
        values.push_back(random_.NextBelow(5) == 0 ? random_.NextUniform() : random_.NextBelow(4));
      }
      const double score = 0.01 + 0.05 * random_.NextUniform();
      one->record.candidates.push_back({.action_id = absl::StrCat("item-", 10000 + item),
                                        .campaign_id = item % 3 == 0 ? "spring" : "always",
                                        .score = score,
                                        .alpha = 1 + 30 * score,
                                        .beta = 1 + 30 * (1 - score)});
    }
  }

  static void Draw(DecisionRecord* record) {
    std::vector<policy::Posterior> arms;
    absl::InlinedVector<bool, 16> left(kArms, true);
    for (const CandidateRecord& one : record->candidates) {
      arms.push_back(policy::BetaArm{one.alpha, one.beta});
    }
    policy::Baseline baseline;
    baseline.known_value = record->neutral_value;
    PositionRecord position;
    position.seed = policy::DrawSeed("bench", 1);
    policy::PositionDraw draw =
        policy::DrawPosition(arms, left, baseline, {record->policy, record->exploration_floor, {}},
                             record->id, position.seed);
    position.ticks = std::move(draw.ticks);
    const bool neutral = draw.drawn == kArms;
    position.action_id = neutral ? kNeutralActionId : record->candidates[draw.drawn].action_id;
    if (!neutral) {
      position.debits = {{"budget-day", 1574553600000000, 1000, INT64_MAX, false},
                         {"cap-user", 1574553600000000, 1, 1'000'000, true}};
    }
    record->positions = {std::move(position)};
  }

  base::RandomStream random_{7};
  double items_[kItems][kOfItem] = {};
  double user_[kOfUser] = {};
  UserRef user_ref_{};
  int visits_left_ = 0;
  int64_t now_us_ = 1574553600000000;
};

}  // namespace fulcrum::bench
