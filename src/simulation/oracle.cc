#include "simulation/oracle.h"

#include <algorithm>

namespace fulcrum::simulation {
namespace {

constexpr double kSame = 1e-12;  // rewards closer than this are equal

// Only the budgeted campaign's money is scarce.
double CostOf(const World& world, size_t arm) {
  if (arm == world.neutral() || world.arms[arm].campaign != world.budgeted) return 0;
  return static_cast<double>(world.arms[arm].cost_micros);
}

double Reduced(const World& world, size_t cell, size_t arm, double price) {
  return world.Credited(cell, arm) - price * CostOf(world, arm);
}

double Best(const World& world, size_t cell, double price) {
  double best = Reduced(world, cell, world.neutral(), price);
  for (size_t arm = 0; arm < world.arms.size(); ++arm) {
    best = std::max(best, Reduced(world, cell, arm, price));
  }
  return best;
}

// The prices at which two arms of one cell are worth the same, and 0.
std::vector<double> Prices(const World& world) {
  std::vector<double> prices = {0};
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    for (size_t a = 0; a <= world.arms.size(); ++a) {
      for (size_t b = 0; b <= world.arms.size(); ++b) {
        const double more = CostOf(world, a) - CostOf(world, b);
        if (more <= 0) continue;
        const double price = (world.Credited(cell, a) - world.Credited(cell, b)) / more;
        if (price > 0) prices.push_back(price);
      }
    }
  }
  return prices;
}

double Dual(const World& world, double price, double budget) {
  double value = price * budget;
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    value += world.cells[cell].share * Best(world, cell, price);
  }
  return value;
}

// The best arm at the price; of several, the dearest or the cheapest.
size_t BestArm(const World& world, size_t cell, double price, bool dearest) {
  const double best = Best(world, cell, price);
  size_t chosen = world.neutral();
  bool found = false;
  for (size_t arm = 0; arm <= world.arms.size(); ++arm) {
    if (Reduced(world, cell, arm, price) < best - kSame) continue;
    const double more = CostOf(world, arm) - CostOf(world, chosen);
    if (!found || (dearest ? more > 0 : more < 0)) chosen = arm;
    found = true;
  }
  return chosen;
}

}  // namespace

Oracle SolveOracle(const World& world, double budget_per_shown) {
  Oracle oracle;
  if (!world.budgeted.empty()) {
    for (const double price : Prices(world)) {
      if (Dual(world, price, budget_per_shown) <
          Dual(world, oracle.price, budget_per_shown) - kSame) {
        oracle.price = price;
      }
    }
  }
  double dear = 0;
  double cheap = 0;
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    const double share = world.cells[cell].share;
    dear += share * CostOf(world, BestArm(world, cell, oracle.price, true));
    cheap += share * CostOf(world, BestArm(world, cell, oracle.price, false));
  }
  // As much of the dear choice as the budget allows.
  const double left = budget_per_shown - cheap;
  const double mix = dear > cheap ? std::clamp(left / (dear - cheap), 0.0, 1.0) : 1;
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    oracle.best.push_back(Best(world, cell, oracle.price));
    std::vector<double>& choice = oracle.choice.emplace_back(world.arms.size() + 1, 0.0);
    choice[BestArm(world, cell, oracle.price, true)] += mix;
    choice[BestArm(world, cell, oracle.price, false)] += 1 - mix;
    for (size_t arm = 0; arm < choice.size(); ++arm) {
      const double share = world.cells[cell].share * choice[arm];
      oracle.value += share * world.Credited(cell, arm);
      oracle.spend += share * CostOf(world, arm);
    }
  }
  return oracle;
}

double RegretOf(const World& world, const Oracle& oracle, size_t cell, size_t arm) {
  return oracle.best[cell] - Reduced(world, cell, arm, oracle.price);
}

}  // namespace fulcrum::simulation
