#include "policy/bands.h"

#include <algorithm>
#include <cmath>

#include "absl/container/inlined_vector.h"
#include "base/check.h"

namespace fulcrum::policy {
namespace {

constexpr double kRounding = 1e-9;  // of sums of a bundle's decimals

// One action that can be drawn.
struct Entry {
  size_t index = 0;
  double wanted = 0;  // its probability without bands
  double low = 0;
  double high = 1;
  double probability = 0;
  bool fixed = false;  // at one of its bounds

  Ticks LowTicks() const {
    const auto low_ticks = static_cast<Ticks>(low * static_cast<double>(kTicksTotal));
    return high > 0 ? std::max(low_ticks, Ticks{1}) : 0;
  }
  Ticks HighTicks() const {
    const double ticks = std::ceil(high * static_cast<double>(kTicksTotal));
    return std::max(static_cast<Ticks>(std::min(ticks, static_cast<double>(kTicksTotal))),
                    LowTicks());
  }
};

using Entries = absl::InlinedVector<Entry, 64>;

Entries EntriesOf(absl::Span<const double> probabilities, absl::Span<const bool> feasible,
                  double floor, absl::Span<const Share> shares) {
  Entries entries;
  double mass = 0;
  for (size_t i = 0; i < feasible.size(); ++i) {
    if (!feasible[i]) continue;
    FULCRUM_CHECK(probabilities[i] >= 0 && std::isfinite(probabilities[i]));
    mass += probabilities[i];
    entries.push_back({.index = i, .low = shares[i].min, .high = shares[i].max});
  }
  const double uniform = 1 / static_cast<double>(entries.size());
  double most = 0;  // that the others may have
  for (Entry& entry : entries) {
    const double share = mass > 0 ? probabilities[entry.index] / mass : uniform;
    entry.wanted = (1 - floor) * share + floor * uniform;
    entry.low = std::max(entry.low, std::min(floor * uniform, entry.high));
    if (&entry != &entries.back()) most += entry.high;
  }
  entries.back().high = std::max(entries.back().high, 1 - most);
  return entries;
}

// Bitran and Hax, Management Science 27 (1981): scale those that are free, fix those on the side
// whose bounds are broken by more, and repeat.
void Scale(Entries* entries) {
  for (;;) {
    double wanted = 0, left = 1, free = 0;
    for (const Entry& entry : *entries) {
      left -= entry.fixed ? entry.probability : 0;
      wanted += entry.fixed ? 0 : entry.wanted;
      free += entry.fixed ? 0 : 1;
    }
    if (free == 0) return;
    double above = 0, below = 0;
    for (Entry& entry : *entries) {
      if (entry.fixed) continue;
      // Where nobody wanted anything, what is left is shared evenly.
      entry.probability = wanted > 0 ? left * (entry.wanted / wanted) : left / free;
      above += std::max(entry.probability - entry.high, 0.0);
      below += std::max(entry.low - entry.probability, 0.0);
    }
    if (above == 0 && below == 0) return;
    for (Entry& entry : *entries) {
      if (entry.fixed) continue;
      const double bound = above >= below ? entry.high : entry.low;
      entry.fixed = above >= below ? entry.probability >= bound : entry.probability <= bound;
      if (entry.fixed) entry.probability = bound;
    }
  }
}

// Gives what rounding left over, or takes it, where there is room: the largest first.
void Settle(const Entries& entries, std::vector<Ticks>* ticks) {
  absl::InlinedVector<const Entry*, 64> by_size;
  Ticks sum = 0;
  for (const Entry& entry : entries) {
    by_size.push_back(&entry);
    sum += (*ticks)[entry.index];
  }
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const Entry* a, const Entry* b) { return a->probability > b->probability; });
  for (const Entry* const entry : by_size) {
    Ticks& mine = (*ticks)[entry->index];
    const Ticks before = mine;
    if (sum < kTicksTotal) {
      mine += std::min(kTicksTotal - sum, entry->HighTicks() - mine);
    } else {
      mine -= std::min(sum - kTicksTotal, mine - entry->LowTicks());
    }
    sum += mine - before;  // modulo 2^64
  }
  // Bounds that sum to all there is leave no room for the rounding, and for the one tick of those
  // that have no share: the largest has.
  (*ticks)[by_size.front()->index] += kTicksTotal - sum;
}

}  // namespace

bool FitTogether(absl::Span<const Share> shares, double floor) {
  double least = floor;
  for (const Share& share : shares) least += share.min;
  return least <= 1 + kRounding;
}

std::vector<Ticks> ToTicksWithin(absl::Span<const double> probabilities,
                                 absl::Span<const bool> feasible, double floor,
                                 absl::Span<const Share> shares) {
  FULCRUM_CHECK(probabilities.size() == feasible.size() && shares.size() == feasible.size());
  FULCRUM_CHECK(!feasible.empty() && feasible.back() && feasible.size() < 65536);
  FULCRUM_CHECK(floor >= 0 && floor <= 1 && FitTogether(shares, floor));
  Entries entries = EntriesOf(probabilities, feasible, floor, shares);
  Scale(&entries);
  std::vector<Ticks> ticks(feasible.size(), 0);
  for (const Entry& entry : entries) {
    const double rounded = std::floor(entry.probability * static_cast<double>(kTicksTotal));
    ticks[entry.index] =
        std::clamp(static_cast<Ticks>(std::max(rounded, 0.0)), entry.LowTicks(), entry.HighTicks());
  }
  Settle(entries, &ticks);
  return ticks;
}

}  // namespace fulcrum::policy
