// Exponential forgetting by the log's time.
//
// Evidence of time t weighs 2^((t - now) / half-life). What is kept is the sum of 2^((t - landmark)
// / half-life), to which evidence can be added whatever its age and in any order; what it counts is
// that times 2^((landmark - now) / half-life), one factor for all (forward decay: Cormode,
// Shkapenyuk, Srivastava and Xu, ICDE 2009).
//
// "Now" is the time of the latest decision of the log, in steps of a 32nd of the half-life: so
// posteriors change with records alone, and a count is at most 2.2 % above what its age allows. The
// landmark moves by whole half-lives, which multiplies sums by powers of two: exactly, so that no
// bit depends on when it moved.
#pragma once

#include <cstdint>

namespace fulcrum::scoring {

// A value; const use is thread-safe.
class Decay {
 public:
  static constexpr int64_t kStepsPerHalfLife = 32;
  static constexpr int64_t kHalfLivesMax = 64;  // from the landmark to now

  Decay() = default;                     // nothing is forgotten
  explicit Decay(int64_t half_life_us);  // >= 0; 0: nothing is forgotten
  // From its durable form. Check with IsPossible.
  Decay(int64_t half_life_us, int64_t landmark_us, int64_t step);
  bool IsPossible() const;

  struct Move {
    bool stepped = false;  // what is kept counts less now
    int halvings = 0;      // the landmark moved by these: what is kept times 2^-halvings
  };
  // `now_us` is the time of the latest decision so far; the first one is the landmark. Earlier ones
  // change nothing.
  Move AdvanceTo(int64_t now_us);

  // What evidence of that time adds to what is kept. 1 if nothing is forgotten.
  double Weight(int64_t occurred_us) const;
  // What is kept counts this times as much; in (0, 1].
  double Discount() const { return discount_; }

  int64_t half_life_us() const { return half_life_us_; }
  int64_t landmark_us() const { return landmark_us_; }
  int64_t step() const { return step_; }

  friend bool operator==(const Decay&, const Decay&) = default;

 private:
  static constexpr int64_t kNotStarted = INT64_MIN;

  void SetStep(int64_t step);

  int64_t half_life_us_ = 0;
  int64_t landmark_us_ = kNotStarted;
  int64_t step_ = 0;  // from the landmark to now
  double discount_ = 1;
};

}  // namespace fulcrum::scoring
