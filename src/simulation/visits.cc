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

// Exponential, in means.
double Delay(base::RandomStream* random) {
  return -base::Log1p(-random->NextUniform());
}

}  // namespace

bool Visit::Converts(const World& world, size_t arm, Showing showing) const {
  return positions[showing.position].luck < world.Conversion(time, cell, arm, showing);
}

bool Visit::Earns(const World& world, size_t arm, Showing showing) const {
  return shown && Converts(world, arm, showing) &&
         OutcomeDelay(world, arm, showing.position) <= world.timing.attribution_window;
}

absl::Duration Visit::OutcomeDelay(const World& world, size_t arm, size_t position) const {
  return ToMicros(world.OutcomeDelay(arm) * positions[position].delay);
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
  time_ += std::max(ToMicros(timing.visit_gap * Delay(&random)), absl::Microseconds(1));
  visit.time = time_;
  visit.user = random.NextBelow(users_);
  visit.cell = PickCell(world_, cells_of_segment_[world_.SegmentOf(visit.user, users_)],
                        random.NextUniform());
  const double exposed = random.NextUniform();
  visit.shown = exposed < timing.shown;
  visit.shown_late = !visit.shown && exposed < timing.shown + timing.shown_late;
  visit.exposure_lag = Uniform(timing.exposure_lag_max, &random);
  if (visit.shown_late) visit.exposure_lag += 2 * timing.exposure_window;
  for (size_t position = 0; position < world_.positions.size(); ++position) {
    Luck& luck = visit.positions.emplace_back();
    luck.luck = random.NextUniform();
    luck.delay = Delay(&random);
    luck.outcome_lag = Uniform(timing.outcome_lag_max, &random);
    if (position == 0) visit.exposure_repeated = random.NextUniform() < timing.repeated;
    luck.outcome_repeated = random.NextUniform() < timing.repeated;
  }
  return visit;
}

}  // namespace fulcrum::simulation
