#include "simulation/visits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/math.h"

namespace fulcrum::simulation {
namespace {

// The log keeps microseconds.
absl::Duration ToMicros(absl::Duration span) {
  return absl::Trunc(span, absl::Microseconds(1));
}

absl::Duration Uniform(absl::Duration most, base::RandomStream* random) {
  return ToMicros(most * random->NextUniform());
}

// One of `among`, by the cells' shares.
size_t PickCell(const World& world, const std::vector<size_t>& among, double place) {
  double total = 0;
  for (const size_t cell : among) total += world.cells[cell].share;
  double sum = 0;
  for (const size_t cell : among) {
    sum += world.cells[cell].share / total;
    if (place < sum) return cell;
  }
  return among.back();
}

}  // namespace

absl::Duration Exponential(absl::Duration mean, base::RandomStream* random) {
  return ToMicros(mean * -base::Log1p(-random->NextUniform()));
}

Visits::Visits(const World& world, uint64_t seed, uint32_t users)
    : world_(world), salt_(absl::StrCat(world.name, " ", seed)), users_(users) {
  for (const std::string& segment : world.segments()) {
    std::vector<size_t>& cells = cells_of_segment_.emplace_back();
    for (size_t i = 0; i < world.cells.size(); ++i) {
      if (world.cells[i].segment == segment) cells.push_back(i);
    }
  }
}

Visit Visits::Next() {
  // A stream of its own per visit: what one visit uses up does not move the next one's luck.
  base::RandomStream random(base::MixKey(salt_, "visit", static_cast<uint32_t>(next_)));
  const Timing& timing = world_.timing;
  Visit visit;
  visit.number = next_++;
  time_ += std::max(Exponential(timing.visit_gap, &random), absl::Microseconds(1));
  visit.time = time_;
  visit.user = random.NextBelow(users_);
  visit.cell = PickCell(world_, cells_of_segment_[world_.SegmentOf(visit.user, users_)],
                        random.NextUniform());
  const double exposed = random.NextUniform();
  visit.shown = exposed < timing.shown;
  visit.shown_late = !visit.shown && exposed < timing.shown + timing.shown_late;
  visit.exposure_lag = Uniform(timing.exposure_lag_max, &random);
  if (visit.shown_late) visit.exposure_lag += 2 * timing.exposure_window;
  visit.luck = random.NextUniform();
  visit.outcome_delay = Exponential(timing.outcome_delay, &random);
  visit.outcome_lag = Uniform(timing.outcome_lag_max, &random);
  visit.exposure_repeated = random.NextUniform() < timing.repeated;
  visit.outcome_repeated = random.NextUniform() < timing.repeated;
  return visit;
}

}  // namespace fulcrum::simulation
