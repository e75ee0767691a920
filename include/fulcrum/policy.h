// The map from what is believed about the actions to a distribution over them.
#pragma once

#include <cstdint>
#include <string>

namespace fulcrum {

// Each compares the actions by the posteriors of their value, the neutral action among them. `m` is
// a posterior's mean and `s` its standard deviation (0 for a known value); the parameter's unit
// and range are in brackets. Ties share evenly.
enum class PolicyKind : uint8_t {
  kThompson,  // the probability to be best; Thompson, Biometrika 25 (1933)
  kGreedy,    // the largest m
  // The largest m, and a share for all alike [probability, 0 to 1].
  kEpsilonGreedy,
  // In proportion to exp(m / temperature) [value, above 0].
  kSoftmax,
  // The largest m + width * s [standard deviations, at least 0]; Auer et al., Machine Learning 47
  // (2002), with the posterior's width in place of a confidence bound.
  kUpperBound,
  // 1 / (K + gamma * (largest m - m)) of K actions, the rest to the best [1 / value, at least 0];
  // Foster and Rakhlin, ICML 2020, algorithm 1.
  kInverseGap,
  // The best of a Thompson draw with probability beta, else the best other one
  // [probability, 0 to 1]; Russo, Operations Research 68 (2020), section 3.
  kTopTwo
};

struct Policy {
  PolicyKind kind = PolicyKind::kThompson;
  double parameter = 0;  // as said above; 0 for those without one

  friend bool operator==(const Policy&, const Policy&) = default;
};

// The kind is one of the above and the parameter in its range.
bool IsValid(const Policy& policy);

// "thompson", "greedy", "epsilon_greedy", "softmax", "upper_bound", "inverse_gap", "top_two".
const char* NameOf(PolicyKind kind);

// "softmax 0.05"; without a parameter the name alone.
std::string ToText(const Policy& policy);

}  // namespace fulcrum
