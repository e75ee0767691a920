#include "simulation/faults.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "base/math.h"
#include "policy/policies.h"
#include "policy/position.h"
#include "policy/recorded.h"

namespace fulcrum::simulation {
namespace {

constexpr double kRefused = 0.06;  // share of the draws

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
    arms.push_back(policy::PosteriorOf(arm, record->log_odds));
  }
  policy::Baseline baseline;
  if (record->neutral_known) baseline.known_value = record->neutral_value;
  baseline.posterior = policy::NeutralPosteriorOf(*record);
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

size_t DrawFrom(const std::vector<double>& probabilities, base::RandomStream* random) {
  double left = random->NextUniform();
  size_t drawn = 0;
  for (size_t i = 0; i < probabilities.size() && left >= 0; ++i) {
    if (probabilities[i] == 0) continue;
    drawn = i;
    left -= probabilities[i];
  }
  return drawn;
}

void Play(size_t index, DecisionRecord* record) {
  record->positions[0].action_id =
      index < record->candidates.size() ? record->candidates[index].action_id : kNeutralActionId;
}

std::vector<double> Logged(const DecisionRecord& record) {
  std::vector<double> probabilities;
  for (const Ticks ticks : record.positions[0].ticks) {
    probabilities.push_back(PropensityOf(ticks));
  }
  return probabilities;
}

// Probabilities that need not sum to 1: what a fault makes of them is logged as it is.
void Log(const std::vector<double>& probabilities, DecisionRecord* record) {
  for (size_t i = 0; i < probabilities.size(); ++i) {
    record->positions[0].ticks[i] =
        static_cast<Ticks>(probabilities[i] * static_cast<double>(kTicksTotal));
  }
}

// Refuses the likeliest arm so often that it comes to kRefused of all draws.
void Redraw(bool log_the_last, base::RandomStream* random, DecisionRecord* record) {
  const size_t largest = LargestOf(record->positions[0].ticks);
  std::vector<double> left = Logged(*record);
  if (DrawnIn(*record) != largest) return;
  if (random->NextUniform() >= kRefused / left[largest]) return;
  const double others = 1 - std::exchange(left[largest], 0);
  for (double& probability : left) probability /= others;
  Play(DrawFrom(left, random), record);
  if (log_the_last) Log(left, record);
}

void LogEven(DecisionRecord* record) {
  std::vector<double> even = Logged(*record);
  const auto drawable = std::count_if(even.begin(), even.end(), [](double p) { return p > 0; });
  for (double& probability : even) {
    if (probability > 0) probability = 1 / static_cast<double>(drawable);
  }
  Log(even, record);
}

// Shares of `draws`; of those drawn anew or, if `played_counts`, with the one that is played among
// them. What was never drawn has a share of one draw or of none.
void LogShares(int draws, bool played_counts, base::RandomStream* random, DecisionRecord* record) {
  const std::vector<double> exact = Logged(*record);
  std::vector<double> counts(exact.size());
  if (played_counts) counts[DrawnIn(*record)] += 1;
  for (int i = played_counts ? 1 : 0; i < draws; ++i) counts[DrawFrom(exact, random)] += 1;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (!played_counts && exact[i] > 0) counts[i] = std::max(counts[i], 1.0);
    counts[i] /= draws;
  }
  Log(counts, record);
}

void PlayTheBestScore(DecisionRecord* record) {
  std::vector<double> weights = Logged(*record);
  size_t best = weights.size();
  double best_score = 0;
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    const bool neutral = i == record->candidates.size();
    const double score =
        policy::BoundOf(neutral ? policy::NeutralPosteriorOf(*record)
                                : policy::PosteriorOf(record->candidates[i], record->log_odds),
                        /*width=*/1);
    if (best == weights.size() || score > best_score) {
      best = i;
      best_score = score;
    }
    sum += weights[i] = base::Exp(score);
  }
  for (double& weight : weights) weight /= sum;
  Play(best, record);
  Log(weights, record);
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
      return Redraw(/*log_the_last=*/false, random, record);
    case Fault::kRedrawnLast:
      return Redraw(/*log_the_last=*/true, random, record);
    case Fault::kEven:
      return LogEven(record);
    case Fault::kSampled100:
      return LogShares(100, /*played_counts=*/false, random, record);
    case Fault::kSampled1000:
      return LogShares(1000, /*played_counts=*/false, random, record);
    case Fault::kCountedIn8:
      return LogShares(8, /*played_counts=*/true, random, record);
    case Fault::kCountedIn64:
      return LogShares(64, /*played_counts=*/true, random, record);
    case Fault::kSoftmaxOfScores:
      return PlayTheBestScore(record);
  }
}

}  // namespace fulcrum::simulation
