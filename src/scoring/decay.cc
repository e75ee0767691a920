#include "scoring/decay.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/math.h"

namespace fulcrum::scoring {
namespace {

// More halvings than any double survives.
constexpr int64_t kHalvingsMax = 4096;

// Times come from a log; differences must not wrap whatever it says.
int64_t Difference(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return a < b ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

// 2^(whole + part / of), 0 <= part < of. The bits of two powers with the same fraction differ in
// their exponent only.
double PowerOfTwo(int64_t whole, int64_t part, int64_t of) {
  constexpr double kLn2 = 0.693147180559945309;
  const double fraction = static_cast<double>(part) / static_cast<double>(of);
  const int64_t exponent = std::clamp(whole, -kHalvingsMax, kHalvingsMax);
  return std::ldexp(base::Exp(fraction * kLn2), static_cast<int>(exponent));
}

}  // namespace

Decay::Decay(int64_t half_life_us) : half_life_us_(half_life_us) {
  FULCRUM_CHECK(half_life_us >= 0);
}

Decay::Decay(int64_t half_life_us, int64_t landmark_us, int64_t step)
    : half_life_us_(half_life_us), landmark_us_(landmark_us), step_(step) {
  if (IsPossible()) SetStep(step);
}

bool Decay::IsPossible() const {
  if (half_life_us_ < 0 || step_ < 0 || step_ >= kHalfLivesMax * kStepsPerHalfLife) return false;
  if (half_life_us_ == 0) return landmark_us_ == kNotStarted && step_ == 0;
  return landmark_us_ != kNotStarted || step_ == 0;
}

Decay::Move Decay::AdvanceTo(int64_t now_us) {
  if (half_life_us_ == 0) return {};
  if (landmark_us_ == kNotStarted) {
    landmark_us_ = std::max(now_us, kNotStarted + 1);
    return {};
  }
  Move move;
  int64_t since = std::max(Difference(now_us, landmark_us_), int64_t{0});
  if (const int64_t turns = since / half_life_us_ / kHalfLivesMax; turns > 0) {
    const int64_t halvings = turns * kHalfLivesMax;
    landmark_us_ += halvings * half_life_us_;  // at most now_us
    since -= halvings * half_life_us_;
    step_ = 0;
    move = {.stepped = true, .halvings = static_cast<int>(std::min(halvings, kHalvingsMax))};
  }
  const int64_t rest = since % half_life_us_;
  const auto step_of_rest = static_cast<int64_t>(static_cast<double>(rest) * kStepsPerHalfLife /
                                                 static_cast<double>(half_life_us_));
  const int64_t step =
      since / half_life_us_ * kStepsPerHalfLife + std::min(step_of_rest, kStepsPerHalfLife - 1);
  move.stepped = move.stepped || step > step_;
  SetStep(std::max(step_, step));
  return move;
}

double Decay::Weight(int64_t occurred_us) const {
  if (half_life_us_ == 0 || landmark_us_ == kNotStarted) return 1;
  const int64_t since = Difference(occurred_us, landmark_us_);
  int64_t whole = since / half_life_us_;
  int64_t rest = since % half_life_us_;
  if (rest < 0) {
    --whole;
    rest += half_life_us_;
  }
  // Later than any decision that this was told of: as much as a landmark can be behind.
  if (whole >= kHalfLivesMax) return std::ldexp(1.0, kHalfLivesMax);
  return PowerOfTwo(whole, rest, half_life_us_);
}

void Decay::SetStep(int64_t step) {
  step_ = step;
  const int64_t ahead = (kStepsPerHalfLife - step % kStepsPerHalfLife) % kStepsPerHalfLife;
  discount_ = PowerOfTwo(-((step + ahead) / kStepsPerHalfLife), ahead, kStepsPerHalfLife);
}

}  // namespace fulcrum::scoring
