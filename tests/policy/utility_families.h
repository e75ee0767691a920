// The families of gauss_families.h and beta_families.h with a value and a price for every arm, and
// still all of them in the running: rates are moved such that utilities are in the proportions that
// the rates had.
#pragma once

#include <vector>

#include "tests/policy/beta_families.h"
#include "tests/policy/gauss_families.h"

namespace fulcrum::policy::testing {

// One is worth up to twice what another is; `highest_price` is to a value of 1.
struct Offer {
  double value;
  double price;
};

inline Offer MakeOffer(base::RandomStream& random, double highest_price) {
  const double value = 1 + random.NextUniform();
  return {value, highest_price * random.NextUniform()};
}

inline std::vector<LogitArm> MakeLogitArms(GaussFamily family, size_t size, uint64_t round = 0) {
  base::RandomStream random(77 + 1000 * round + size);
  std::vector<LogitArm> arms;
  for (const GaussArm& arm : MakeGaussArms(family, size, round)) {
    const Offer offer = MakeOffer(random, 0.3);
    const double before = base::Sigmoid(arm.mean - 1);
    const double rate = (0.6 * before + offer.price) / offer.value;
    const double narrower = 0.6 * before * (1 - before) / (offer.value * rate * (1 - rate));
    arms.push_back({base::Logit(rate), arm.sd * narrower, offer.value, offer.price});
  }
  return arms;
}

inline std::vector<BetaArm> MakeValuedBetaArms(BetaFamily family, size_t size, uint64_t round = 0) {
  base::RandomStream random(78 + 1000 * round + size);
  std::vector<BetaArm> arms;
  for (const BetaArm& arm : MakeBetaArms(family, size, round)) {
    const Offer offer = MakeOffer(random, 0.01);
    const double trials = arm.alpha + arm.beta;
    const bool moved = trials > 40;  // the rate of fewer is anywhere
    const double rate = (0.9 * arm.alpha / trials + offer.price) / offer.value;
    arms.push_back({moved ? trials * rate : arm.alpha, moved ? trials * (1 - rate) : arm.beta,
                    offer.value, offer.price});
  }
  return arms;
}

}  // namespace fulcrum::policy::testing
