// Small worlds with known truth: who visits, what can be shown, and how likely each is to convert
// whom. The service sees the bundle (bundle_text.h), requests and reports; the numbers here stay on
// this side.
//
// Visits are of finitely many kinds ("cells": a segment and a context value), rates change at
// finitely many times, and what a user has been shown is counted, so every expectation is a sum and
// the truth is exact. Rewards are 0 or 1 per position.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fulcrum::simulation {

struct Arm {
  std::string id;
  std::string campaign;
  int64_t cost_micros = 0;  // per exposure
  // Mean, from decision to conversion; zero: the world's.
  absl::Duration outcome_delay = absl::ZeroDuration();
};

// One kind of visit.
struct Cell {
  std::string segment;
  double x = 0;      // the request's context value `x`; not sent by worlds without context
  double share = 0;  // of the visits; all cells sum to 1
};

// When things happen after a decision. Lags are uniform up to their bound, delays exponential.
struct Timing {
  absl::Duration visit_gap = absl::Seconds(1);  // mean, exponential
  absl::Duration exposure_window = absl::Minutes(1);
  absl::Duration exposure_lag_max = absl::Seconds(20);
  absl::Duration attribution_window = absl::Minutes(10);
  absl::Duration outcome_delay = absl::Minutes(2);     // mean, from decision to conversion
  absl::Duration outcome_lag_max = absl::Seconds(90);  // from conversion to report: out of order
  double shown = 0.9;                                  // probability, of a slate as a whole
  double shown_late = 0.01;  // reported after the window: counts as not shown
  double repeated = 0.05;    // a report is sent twice
};

// By cell, then by arm; the neutral action last.
using Rates = std::vector<std::vector<double>>;

// Rates that hold from an instant on, until the next change.
struct Change {
  absl::Duration from;  // since the world's start or, in a world with a period, the period's
  Rates conversion;
  double x = 0;  // with a period: the context value of every request in this part of it
};

// How an arm is shown, as far as its rate depends on it.
struct Showing {
  size_t position = 0;  // from 0
  uint32_t seen = 0;    // how often this user has been shown this arm before
};

struct World {
  std::string name;
  std::string what;       // one sentence for people
  std::vector<Arm> arms;  // sorted by id
  std::vector<Cell> cells;
  // P(a conversion follows, however late | shown first, at the start, to a user who does not know
  // it). Whatever else has a say is below.
  Rates conversion;
  std::vector<Change> changes;                   // ascending; empty: rates stay
  absl::Duration period = absl::ZeroDuration();  // after which `changes` start over; zero: never
  double fatigue = 1;  // factor on an arm's rate for each time the user has been shown it
  std::vector<double> positions = {1};  // factor on all rates, by position: the slate's size
  Timing timing;
  bool has_context = false;  // requests carry `x`
  bool linear = false;       // the surface has linear posteriors; else Beta
  std::string budgeted;      // campaign with a budget in all; empty: none
  double budget_share = 0;   // what the budget buys, as a share of all decisions
  // Campaign that is active only in the second half of each run; empty: none. A mask that the
  // service knows and the truth follows.
  std::string late_campaign;

  size_t neutral() const { return arms.size(); }  // index of the neutral action
  std::vector<std::string> segments() const;      // distinct, in order of first appearance
  // Index of an arm by id, the neutral action included; arms.size() + 1 if there is none.
  size_t IndexOf(const std::string& action_id) const;
  // Each visit can be judged alone, by its cell: one position and rates that stay.
  bool IsStatic() const { return changes.empty() && fatigue == 1 && positions.size() == 1; }
  // The rates at an instant, and what a request of `cell` sends as `x`.
  const Rates& RatesAt(absl::Time time) const;
  double ContextAt(absl::Time time, size_t cell) const;
  // P(a conversion follows, however late | shown).
  double Conversion(absl::Time time, size_t cell, size_t arm, Showing showing = {}) const;
  // P(a conversion comes within the attribution window | it comes).
  double InTime(size_t arm) const;
  // P(a conversion is credited | shown): it also has to come within the attribution window.
  double Credited(absl::Time time, size_t cell, size_t arm, Showing showing = {}) const;
  double Credited(size_t cell, size_t arm) const;  // in a static world
  absl::Duration OutcomeDelay(size_t arm) const;   // mean
  // Whether an arm can be shown in the second half (`late`) or the first of a run.
  bool IsActive(size_t arm, bool late) const;
  // Segment index of user number `user` of `users`: the first users belong to the first segment,
  // in number by share.
  size_t SegmentOf(uint32_t user, uint32_t users) const;

 private:
  const Change* ChangeAt(absl::Time time) const;  // null: none yet
};

// All worlds by name, and one of them (worlds.cc). NOT_FOUND names those that exist.
std::vector<std::string> WorldNames();
absl::StatusOr<World> FindWorld(const std::string& name);

inline constexpr char kSurface[] = "page";
inline constexpr char kSegmentFeature[] = "segment";
inline constexpr char kContextKey[] = "x";
inline constexpr char kRewardKind[] = "purchase";
inline constexpr char kOutcomeId[] = "order";
inline constexpr uint32_t kUsersDefault = 1000;

// Of the linear posteriors in the bundle.
inline constexpr double kLinearNoiseSd = 0.4;
inline constexpr double kLinearPriorSd = 0.5;

// Where every world's time begins: 2020-01-01 00:00 UTC, long past on every machine.
absl::Time WorldStart();
std::string UserIdOf(uint32_t user);

}  // namespace fulcrum::simulation
