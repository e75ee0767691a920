#include "simulation/judge.h"

#include <algorithm>

namespace fulcrum::simulation {

Judge::Judge(const World& world, const Oracle& oracle, uint32_t users)
    : world_(world), oracle_(oracle) {
  if (world.fatigue == 1) return;
  shown_.assign(users * world.arms.size(), 0);
  shown_by_oracle_ = shown_;
}

uint32_t Judge::Seen(const Counts& counts, const Visit& visit, size_t arm) const {
  if (counts.empty() || arm == world_.neutral()) return 0;
  return counts[visit.user * world_.arms.size() + arm];
}

Showing Judge::At(const Visit& visit, size_t arm, size_t position) const {
  return {position, Seen(shown_, visit, arm)};
}

std::vector<size_t> Judge::Best(const Visit& visit) const {
  std::vector<double> worth;
  std::vector<size_t> order;
  for (size_t arm = 0; arm <= world_.neutral(); ++arm) {
    worth.push_back(
        world_.Credited(visit.time, visit.cell, arm, {0, Seen(shown_by_oracle_, visit, arm)}));
    if (arm != world_.neutral()) order.push_back(arm);
  }
  const size_t size = std::min(world_.positions.size(), order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<ptrdiff_t>(size), order.end(),
      [&worth](size_t a, size_t b) { return worth[a] != worth[b] ? worth[a] > worth[b] : a < b; });
  order.resize(size);
  // Nothing follows the neutral action: it pays instead of all that is left.
  std::vector<size_t> best = order;
  double best_value = ValueOf(shown_by_oracle_, visit, best);
  while (!order.empty()) {
    order.back() = world_.neutral();
    const double value = ValueOf(shown_by_oracle_, visit, order);
    if (value > best_value) {
      best_value = value;
      best = order;
    }
    order.pop_back();
  }
  return best;
}

double Judge::ValueOf(const Counts& counts, const Visit& visit,
                      const std::vector<size_t>& slate) const {
  double value = 0;
  for (size_t position = 0; position < slate.size(); ++position) {
    const size_t arm = slate[position];
    value += world_.Credited(visit.time, visit.cell, arm, {position, Seen(counts, visit, arm)});
  }
  return value;
}

void Judge::Count(const Visit& visit, const std::vector<size_t>& slate, Counts* counts) const {
  if (counts->empty()) return;
  for (const size_t arm : slate) {
    if (arm != world_.neutral()) ++(*counts)[visit.user * world_.arms.size() + arm];
  }
}

Judge::Verdict Judge::OfStatic(const Visit& visit, size_t arm) const {
  Verdict verdict;
  verdict.expected = world_.Credited(visit.cell, arm);
  verdict.regret = RegretOf(world_, oracle_, visit.cell, arm);
  for (size_t i = 0; i < oracle_.choice[visit.cell].size(); ++i) {
    const double probability = oracle_.choice[visit.cell][i];
    if (probability > 0) verdict.oracle += probability * world_.Credited(visit.cell, i);
  }
  return verdict;
}

Judge::Verdict Judge::Show(const Visit& visit, const std::vector<size_t>& slate) {
  if (world_.IsStatic()) return OfStatic(visit, slate[0]);
  const std::vector<size_t> best = Best(visit);
  Verdict verdict;
  verdict.expected = ValueOf(shown_, visit, slate);
  verdict.oracle = ValueOf(shown_by_oracle_, visit, best);
  verdict.regret = verdict.oracle - verdict.expected;
  Count(visit, slate, &shown_);
  Count(visit, best, &shown_by_oracle_);
  return verdict;
}

}  // namespace fulcrum::simulation
