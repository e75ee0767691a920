// What was learned about each arm, as of one log sequence number: Beta-Bernoulli counts per segment
// and arm, and for surfaces with `linear` or `logistic` a Bayesian regression per arm. Both kinds
// of surface are called linear here: what is linear is the reward, or the log odds of a success.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "fulcrum/decision_record.h"
#include "scoring/arm_book.h"
#include "scoring/copy_on_write.h"
#include "scoring/linear_posterior.h"
#include "scoring/value_posterior.h"

namespace fulcrum::scoring {

// One settled position of a decision.
struct Observation {
  std::string_view surface;
  std::string_view segment;        // may be empty
  std::string_view action_id;      // the neutral action included
  absl::Span<const double> basis;  // x of the arm; empty if its posterior was not linear
  double reward = 0;
  int64_t occurred_us = 0;  // when it was decided
  double examination = 1;   // how likely it was looked at, in (0, 1]
};

// Const use from any number of threads, or changes from one. A copy costs the segments and linear
// surfaces, not their arms: copies share what neither has changed since, so one thread may learn in
// its own object and publish copies.
//
// Counts are shared by all surfaces (but surfaces that forget at another rate weigh the same
// evidence in counts of their own); linear arms and amounts belong to one.
//
// The bits depend on what it started from and on the observations in their order, and on nothing
// else: not on when it was copied, or written and read again.
class Posteriors {
 public:
  // CSV with the header `segment,action_id,trials,successes`. Errors name file and line.
  static absl::StatusOr<Posteriors> LoadCounts(base::FileSystem* files, const std::string& path);

  // The durable form, data/snapshots/posterior-<LSN>: versioned, checksummed, sorted, the same
  // bytes for the same content, exact. Reads version 1 (counts alone) too. DATA_LOSS if damaged.
  static absl::StatusOr<Posteriors> Parse(std::string_view bytes);
  std::string Serialise() const;

  // Of which nothing is forgotten.
  ArmCounts Find(std::string_view segment, std::string_view action_id) const {
    return CountsOf(0).Find(segment, action_id);
  }
  void Set(std::string_view segment, std::string_view action_id, ArmCounts counts);
  size_t size() const { return CountsOf(0).size(); }  // (segment, arm) pairs

  // The counts with this half-life; those of which nothing is forgotten if SetSurfaces knew no
  // surface with it.
  const ArmBook& CountsOf(int64_t half_life_us) const;

  // Makes exactly the bundle's linear surfaces linear here and gives exactly those with `value`
  // amounts; others lose theirs. Begins counts for the half-lives of the rest: with the counts
  // there are, as if those were of the first moment that AdvanceTo hears of.
  void SetSurfaces(const config::Bundle& bundle, bool has_model);

  // Makes one surface linear. Under another noise or prior its arms are fitted anew from what they
  // have seen; under another number of terms or another half-life, or if either is of log odds,
  // they start over.
  void SetLinear(std::string_view surface, const LinearSpec& spec, int64_t half_life_us = 0);

  // Gives one surface amounts. Under another cap or half-life they start over.
  void SetValue(std::string_view surface, double cap, int64_t half_life_us = 0);

  // Sales and amounts; null if the surface has none.
  const ArmBook* FindValues(std::string_view surface) const;
  // Whether what the surface earns is learned as counts that all surfaces share.
  bool IsCounted(std::string_view surface) const;

  // Null if the surface is not linear.
  const LinearSpec* FindSpec(std::string_view surface) const;
  // Null if the arm has no observations: PriorBelief holds.
  const LinearArm* FindLinear(std::string_view surface, std::string_view action_id) const;
  size_t linear_size() const;  // (surface, arm) pairs with observations

  // A decision of this time has been logged: what is older counts less from here on, if it is to be
  // forgotten. `counts_too`: otherwise linear arms alone. True if a posterior has changed.
  bool AdvanceTo(int64_t now_us, bool counts_too = true);

  // Learns from a position that settled. Counts: as much of a trial as it was looked at and the
  // reward, limited to [0, 1], as successes, in the segment and over all segments. Amounts: the
  // same, any reward but 0 being a success, and the reward, limited to the cap, as its amount.
  void Observe(const Observation& observation);

  // `now.reward` takes the place of `before`, which Observe or Correct was told earlier.
  void Correct(const Observation& now, double before);

  // Rewards, also of corrections, that were beyond the cap.
  uint64_t capped() const { return capped_; }
  // Observations and corrections that changed nothing: the surface is linear and the basis has
  // another number of terms or would by itself ruin the condition, a number is not finite or the
  // reward is beyond 1e12, or a correction is of an arm that is not known.
  uint64_t ignored() const { return ignored_; }
  // Changes that a linear arm's factor could not follow (linear_posterior.h).
  uint64_t ill_conditioned() const { return ill_conditioned_; }
  // The worst condition among the factors in use; 1 if there are none.
  double Condition() const;

  Lsn lsn() const { return lsn_; }
  void set_lsn(Lsn lsn) { lsn_ = lsn; }

  // Which model's counts these started from; a snapshot of another model is not reused.
  uint64_t model() const { return model_; }
  void set_model(uint64_t model) { model_ = model; }

 private:
  friend class PosteriorsCodec;

  struct LinearSurface {
    LinearSpec spec;
    Decay decay;
    base::StringMap<std::shared_ptr<const LinearArm>> arms;  // by action id
  };

  struct Values {
    double cap = 0;
    ArmBook book;
  };

  ArmCounts Capped(const Values& values, double reward);
  void AddLinear(const Observation& observation, const double* before);

  Lsn lsn_ = 0;
  uint64_t model_ = 0;
  uint64_t ignored_ = 0;
  uint64_t ill_conditioned_ = 0;
  uint64_t capped_ = 0;
  std::map<int64_t, ArmBook> counts_ = {{0, {}}};       // by half-life; 0: nothing is forgotten
  base::StringMap<CopyOnWrite<LinearSurface>> linear_;  // by surface
  base::StringMap<Values> values_;                      // by surface
};

}  // namespace fulcrum::scoring
