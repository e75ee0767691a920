#include "simulation/faults.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "policy/position.h"

namespace fulcrum::simulation {
namespace {

constexpr double kRefused = 0.06;  // share of the draws

policy::Posterior PosteriorOf(double alpha, double beta, double mean, double sd) {
  if (sd > 0) return policy::GaussArm{mean, sd};
  return policy::BetaArm{alpha, beta};
}

size_t DrawnIn(const DecisionRecord& record) {
  size_t index = 0;
  while (index < record.candidates.size() &&
         record.candidates[index].action_id != record.positions[0].action_id) {
    ++index;
  }
  return index;
}

size_t LargestOf(const std::vector<Ticks>& ticks) {
  return static_cast<size_t>(std::max_element(ticks.begin(), ticks.end()) - ticks.begin());
}

void IgnoreMask(DecisionRecord* record) {
  std::vector<policy::Posterior> arms;
  arms.reserve(record->candidates.size());
  for (const CandidateRecord& arm : record->candidates) {
    arms.push_back(PosteriorOf(arm.alpha, arm.beta, arm.mean, arm.sd));
  }
  policy::Baseline baseline;
  if (record->neutral_known) baseline.known_value = record->neutral_value;
  baseline.posterior = PosteriorOf(record->neutral_alpha, record->neutral_beta,
                                   record->neutral_mean, record->neutral_sd);
  const auto all = std::make_unique<bool[]>(arms.size());
  std::fill_n(all.get(), arms.size(), true);
  record->positions[0].ticks =
      policy::DrawPosition(arms, absl::MakeConstSpan(all.get(), arms.size()), baseline,
                           {record->policy, record->exploration_floor, {}}, record->id,
                           record->positions[0].seed)
          .ticks;
}

void ShrinkLargest(DecisionRecord* record) {
  std::vector<Ticks>& ticks = record->positions[0].ticks;
  const size_t largest = LargestOf(ticks);
  const Ticks others = kTicksTotal - ticks[largest];
  if (others == 0) return;
  const Ticks smaller = ticks[largest] / 100 * 95;
  const double factor = PropensityOf(kTicksTotal - smaller) / PropensityOf(others);
  Ticks sum = smaller;
  for (size_t i = 0; i < ticks.size(); ++i) {
    if (i == largest) continue;
    ticks[i] = static_cast<Ticks>(static_cast<double>(ticks[i]) * factor);
    sum += ticks[i];
  }
  ticks[largest] = smaller + (kTicksTotal - sum);  // what rounding left over
}

// Refuses the likeliest arm so often that it comes to kRefused of all draws.
void Redraw(base::RandomStream* random, DecisionRecord* record) {
  const std::vector<Ticks>& ticks = record->positions[0].ticks;
  const size_t largest = LargestOf(ticks);
  if (DrawnIn(*record) != largest) return;
  if (random->NextUniform() >= kRefused / PropensityOf(ticks[largest])) return;
  double left = random->NextUniform() * PropensityOf(kTicksTotal - ticks[largest]);
  size_t drawn = largest;
  for (size_t i = 0; i < ticks.size() && left >= 0; ++i) {
    if (i == largest || ticks[i] == 0) continue;
    drawn = i;
    left -= PropensityOf(ticks[i]);
  }
  record->positions[0].action_id =
      drawn < record->candidates.size() ? record->candidates[drawn].action_id : kNeutralActionId;
}

}  // namespace

void Plant(Fault fault, base::RandomStream* random, DecisionRecord* record) {
  switch (fault) {
    case Fault::kNone:
      return;
    case Fault::kMaskIgnored:
      return IgnoreMask(record);
    case Fault::kLargestOff:
      return ShrinkLargest(record);
    case Fault::kRedrawn:
      return Redraw(random, record);
  }
}

}  // namespace fulcrum::simulation
