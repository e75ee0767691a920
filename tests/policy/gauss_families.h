// Normal posteriors as the world may bring them: the eight families that accuracy, bits and time of
// the Gaussian quadrature are stated for. The same arms on every machine.
#pragma once

#include <cstddef>
#include <vector>

#include "base/math.h"
#include "base/random.h"
#include "policy/choice.h"

namespace fulcrum::policy::testing {

enum class GaussFamily {
  kComparable,  // sds within a factor of 3
  kThreeDecades,
  kSixDecades,
  kIdentical,
  kNewcomer,  // one diffuse arm among converged ones
  kSpike,     // one arm a millionth as wide as the others
  kNearTies,
  kRates,  // conversion rates near 3 % after 50 to 50,000 trials
};

inline constexpr const char* kGaussFamilyNames[] = {"comparable", "three_decades", "six_decades",
                                                    "identical",  "newcomer",      "spike",
                                                    "near_ties",  "rates"};
inline constexpr int kGaussFamilies = 8;
inline constexpr size_t kGaussSizes[] = {2, 5, 20, 50, 200};

// Nearly normal, by twelve uniforms: needs no logarithm.
inline double NextNormal(base::RandomStream& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.NextUniform();
  return sum;
}

inline double NextLogUniform(base::RandomStream& random, double low, double high) {
  return low * base::Exp(random.NextUniform() * base::Log(high / low));
}

inline GaussArm MakeGaussArm(GaussFamily family, size_t index, base::RandomStream& random) {
  const double normal = NextNormal(random);
  switch (family) {
    case GaussFamily::kComparable:
      return {normal, NextLogUniform(random, 0.5, 1.5)};
    case GaussFamily::kThreeDecades:
    case GaussFamily::kSixDecades: {
      const bool three = family == GaussFamily::kThreeDecades;
      const double sd = NextLogUniform(random, three ? 1e-3 : 1e-6, 1);
      return {normal * sd, sd};  // all of them have a chance
    }
    case GaussFamily::kIdentical:
      return {0.3, 0.7};
    case GaussFamily::kNewcomer:
      return index == 0 ? GaussArm{0.5, 0.5} : GaussArm{1 + 0.002 * normal, 0.001};
    case GaussFamily::kSpike:
      return index == 0 ? GaussArm{1.5, 1e-6} : GaussArm{normal, NextLogUniform(random, 0.5, 1.5)};
    case GaussFamily::kNearTies:
      return {0.02 + 1e-5 * normal, 1e-4};
    case GaussFamily::kRates: {
      const double trials = NextLogUniform(random, 50, 50000);
      const double rate = 0.03 * (1 + 0.2 * NextNormal(random));
      const double sd = base::Exp(0.5 * base::Log(0.03 * 0.97 / trials));
      return {rate + normal * sd, sd};
    }
  }
  return {};
}

// `round` tells apart several draws of the same family and size.
inline std::vector<GaussArm> MakeGaussArms(GaussFamily family, size_t size, uint64_t round = 0) {
  base::RandomStream random(1000 * round + 10 * size + static_cast<uint64_t>(family));
  std::vector<GaussArm> arms;
  for (size_t i = 0; i < size; ++i) arms.push_back(MakeGaussArm(family, i, random));
  return arms;
}

// None, and values that some arms exceed and some do not, from low to high.
inline std::vector<double> KnownValuesFor(const std::vector<GaussArm>& arms) {
  double most = arms[0].mean;
  double sd = arms[0].sd;
  for (const GaussArm& arm : arms) {
    if (arm.mean > most) sd = arm.sd;
    if (arm.mean > most) most = arm.mean;
  }
  return {-1e9, most - sd, most, most + 2 * sd};
}

}  // namespace fulcrum::policy::testing
