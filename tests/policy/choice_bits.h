// Hashes over many choice probabilities, and what they are: one number for every compiler, build
// type, processor and vector width. Without a test framework, so that scripts/other_bits.sh can ask
// on processors that have none.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "base/math.h"
#include "base/random.h"
#include "policy/gauss_quadrature.h"
#include "policy/logit_moments.h"
#include "tests/policy/beta_choice.h"
#include "tests/policy/gauss_families.h"
#include "tests/policy/utility_families.h"

namespace fulcrum::policy::testing {

inline constexpr uint64_t kGaussBits = 18419903101908843499ULL;
inline constexpr uint64_t kBetaBits = 4871261183093392249ULL;
inline constexpr uint64_t kUtilityBits = 10855651507707980442ULL;

// FNV-1a over words.
class WordHash {
 public:
  void Add(uint64_t word) { hash_ = (hash_ ^ word) * 0x100000001b3ULL; }
  void Add(double value) { Add(std::bit_cast<uint64_t>(value)); }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325ULL;
};

// Every probability and tick of 8 families x 5 sizes x 4 known values x 3 settings.
inline uint64_t HashOfGaussChoices() {
  WordHash hash;
  const GaussSettings all_settings[] = {{}, {.reach = 5, .panel_sds = 4, .crowd = 0}, {.crowd = 1}};
  std::array<bool, 201> feasible;
  feasible.fill(true);
  for (const GaussSettings& settings : all_settings) {
    GaussQuadrature quadrature(settings);
    for (int family = 0; family < kGaussFamilies; ++family) {
      for (const size_t size : kGaussSizes) {
        const auto arms = MakeGaussArms(static_cast<GaussFamily>(family), size);
        for (const double known : KnownValuesFor(arms)) {
          std::vector<double> p(size + 1);
          const auto report = quadrature.Compute(arms, known, absl::MakeSpan(p.data(), size));
          p.back() = report.known_wins;
          for (const double each : p) hash.Add(each);
          for (const Ticks each :
               ToTicks(p, absl::MakeConstSpan(feasible.data(), p.size()), 0.02)) {
            hash.Add(each);
          }
        }
      }
    }
  }
  return hash.value();
}

// 4,000 choices of up to 25 arms, of ordinary counts and of absurd ones.
inline uint64_t HashOfBetaChoices() {
  WordHash hash;
  base::RandomStream random(99);
  for (int round = 0; round < 4000; ++round) {
    std::vector<BetaArm> arms(1 + random.NextBelow(25));
    const double width = round % 3 == 0 ? 40 : 12;
    for (BetaArm& arm : arms) {
      arm.alpha = base::Exp(width * (random.NextUniform() - 0.2));
      arm.beta = base::Exp(width * (random.NextUniform() - 0.2));
    }
    Baseline baseline;
    if (round % 2 == 0) baseline.known_value = random.NextUniform();
    for (const double p : BetaChoice(arms, baseline)) hash.Add(p);
  }
  return hash.value();
}

template <typename Arm>
void AddUtilityChoice(const std::vector<Arm>& arms, WordHash* hash) {
  for (const bool known : {false, true}) {
    Baseline baseline;
    baseline.posterior = arms.front();
    if (known) baseline.known_value = 0.3;
    const std::vector<Posterior> posteriors(arms.begin(), arms.end());
    for (const double p : ChoiceProbabilities(posteriors, baseline)) hash->Add(p);
  }
}

// Both kinds of posterior with values and prices: 14 families x 5 sizes x 2 baselines, and the
// moments that other policies take.
inline uint64_t HashOfUtilityChoices() {
  WordHash hash;
  for (const size_t size : kGaussSizes) {
    for (int family = 0; family < kGaussFamilies; ++family) {
      const auto arms = MakeLogitArms(static_cast<GaussFamily>(family), size);
      AddUtilityChoice(arms, &hash);
      hash.Add(MomentsOfRate(arms[0]).mean);
      hash.Add(MomentsOfRate(arms[0]).sd);
    }
    for (int family = 0; family < kBetaFamilies; ++family) {
      AddUtilityChoice(MakeValuedBetaArms(static_cast<BetaFamily>(family), size), &hash);
    }
  }
  return hash.value();
}

}  // namespace fulcrum::policy::testing
