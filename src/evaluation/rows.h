// What every estimator reads: one row per logged position, with the probability of what was done,
// the reward, and what else could have been done there. Rows are of one size; names are interned
// and distributions that repeat are kept once, so that a long log fits.
//
// Plain data; not thread-safe while it is filled, thread-safe to read.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "base/strings.h"

namespace fulcrum::evaluation {

// Action ids as numbers, in the order in which they were first met.
class ActionTable {
 public:
  uint32_t Intern(std::string_view name);
  const std::string& Name(uint32_t action) const { return names_[action]; }
  size_t size() const { return names_.size(); }

 private:
  base::StringMap<uint32_t> numbers_;
  std::vector<std::string> names_;
};

// What could be drawn at one position. `probabilities` is empty if only the actions are known;
// otherwise it has one positive probability for each of them.
struct Distribution {
  absl::Span<const uint32_t> actions;
  absl::Span<const double> probabilities;

  double Probability(uint32_t action) const;  // 0 if it is not among them, or nothing is known
  bool Has(uint32_t action) const;
};

// Distributions by number; one that was added before gets its number again.
class Distributions {
 public:
  uint32_t Add(absl::Span<const uint32_t> actions, absl::Span<const double> probabilities);
  Distribution Get(uint32_t index) const;
  size_t size() const { return ranges_.size(); }

 private:
  struct Range {
    size_t first_action = 0;
    size_t first_probability = 0;
    uint32_t actions = 0;
    bool known = false;
    uint32_t same_hash = std::numeric_limits<uint32_t>::max();  // the next one with that hash
  };
  std::vector<uint32_t> actions_;
  std::vector<double> probabilities_;
  std::vector<Range> ranges_;
  absl::flat_hash_map<uint64_t, uint32_t> by_hash_;
};

inline constexpr uint32_t kNoDistribution = std::numeric_limits<uint32_t>::max();
inline constexpr uint32_t kNoDecision = std::numeric_limits<uint32_t>::max();
inline constexpr uint32_t kNoAction = std::numeric_limits<uint32_t>::max();
inline constexpr uint32_t kPositionMax = 1000;  // readers refuse what is beyond

// One position of one decision, conditional on the positions before it.
struct Row {
  double reward = 0;      // finite
  double propensity = 0;  // of `action` at this position, in (0, 1]
  uint32_t action = 0;    // in RowSet::actions
  uint32_t position = 1;  // from 1 to kPositionMax
  // What could be drawn, in RowSet::distributions. kNoDistribution: any action of the log.
  uint32_t logged = kNoDistribution;
  // What the target does here, for Target::PerRow(); with probabilities.
  uint32_t target = kNoDistribution;
  // Which decision this is a position of: rows that follow each other with the same number are
  // drawn together in the bootstrap, because they share a user and a moment. kNoDecision: one of
  // its own.
  uint32_t decision = kNoDecision;
  // The action that could be drawn whose posterior mean was largest, if that is known.
  uint32_t greedy = kNoAction;
  // Probability with which `logged`, `greedy` and `target`, the row's detail, were kept, in (0, 1].
  // 0: they were not, and all else is known all the same.
  double kept = 1;
};

// A finding in words: `code` for programs, `message` for people, with the remedy.
struct Warning {
  std::string code;
  std::string message;

  friend bool operator==(const Warning&, const Warning&) = default;
};

struct RowSet {
  ActionTable actions;
  Distributions distributions;
  std::vector<Row> rows;  // in the order of time: the folds of the reward model depend on it

  // Positions that are no rows, by reason.
  std::map<std::string, uint64_t> excluded;
  // Of all positions of the log, those answered without a draw. Leaving them out is not random.
  uint64_t fallbacks = 0;
  uint64_t positions = 0;
  // Rows whose detail was not left out by chance, but withheld or never known.
  uint64_t withheld = 0;
  std::vector<Warning> warnings;  // found while reading
  bool damaged = false;           // part of the log could not be read: no verdict
};

}  // namespace fulcrum::evaluation
