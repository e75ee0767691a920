// What was seen of each arm, per segment.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/strings.h"
#include "scoring/copy_on_write.h"
#include "scoring/decay.h"

namespace fulcrum::scoring {

// What was seen of one arm in one segment: settled positions and what they earned.
struct ArmCounts {
  double trials = 0;     // each as likely as it was looked at
  double successes = 0;  // at least 0; beyond `trials` only by luck where few look
  double amount = 0;     // sum of rewards, where they are amounts; else 0
  double squares = 0;    // sum of their squares

  double Failures() const { return std::max(trials - successes, 0.0); }

  friend bool operator==(const ArmCounts&, const ArmCounts&) = default;
};

// Const use from any number of threads, or changes from one. Copies share what neither has changed
// since. The bits depend on the changes in their order alone.
//
// What is known of an arm over all segments is kept under the empty segment name; an arm that was
// never seen in a segment falls back to that.
class ArmBook {
 public:
  using Arms = base::StringMap<ArmCounts>;  // by action id

  ArmBook() = default;
  explicit ArmBook(const Decay& decay) : decay_(decay) {}

  // As it counts now. Zero if the arm was never seen.
  ArmCounts Find(std::string_view segment, std::string_view action_id) const;
  // One trial of that time, in its segment and over all.
  void Observe(std::string_view segment, std::string_view action_id, int64_t occurred_us,
               const ArmCounts& trial);
  // A trial of that time that was observed as `before` turned out to be `now`. False if the arm is
  // not known.
  bool Correct(std::string_view segment, std::string_view action_id, int64_t occurred_us,
               const ArmCounts& before, const ArmCounts& now);
  // See Decay. True if what is known counts less now.
  bool AdvanceTo(int64_t now_us);

  // As kept: Find without the discount.
  void Set(std::string_view segment, std::string_view action_id, ArmCounts counts);
  bool Add(std::string_view segment, std::string_view action_id, ArmCounts counts);  // if new
  // Takes the arms of `from` as evidence of now.
  void StartFrom(const ArmBook& from) { arms_ = from.arms_; }

  const Decay& decay() const { return decay_; }
  const base::StringMap<CopyOnWrite<Arms>>& segments() const { return arms_; }
  size_t size() const;  // (segment, arm) pairs

 private:
  const ArmCounts* Kept(std::string_view segment, std::string_view action_id) const;

  Decay decay_;
  base::StringMap<CopyOnWrite<Arms>> arms_;  // by segment
};

}  // namespace fulcrum::scoring
