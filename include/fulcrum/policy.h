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
  kTopTwo,
  // In proportion to Share::weight, whatever is believed; the neutral action if all have none.
  kFixedShares
};

struct Policy {
  PolicyKind kind = PolicyKind::kThompson;
  double parameter = 0;  // as said above; 0 for those without one
  // gamma of u = m + gamma * s: what is compared is u, and a posterior moves by as much. Below 0 is
  // caution: what is little known is worth less [standard deviations, -10 to 10].
  double uncertainty = 0;

  friend bool operator==(const Policy&, const Policy&) = default;
};

// What is set for the probability of one action, the neutral one included.
struct Share {
  double weight = 0;  // at least 0; read by kFixedShares alone
  double min = 0;     // its probability is at least this, if it can be drawn,
  double max = 1;     // and at most this; 0 <= min <= max <= 1

  friend bool operator==(const Share&, const Share&) = default;
};

// The kind is one of the above, the parameter and the uncertainty in their ranges.
bool IsValid(const Policy& policy);
bool IsValid(const Share& share);

// "thompson", "greedy", "epsilon_greedy", "softmax", "upper_bound", "inverse_gap", "top_two",
// "fixed_shares".
const char* NameOf(PolicyKind kind);

// "softmax 0.05", "thompson, uncertainty -1"; without a parameter the name alone.
std::string ToText(const Policy& policy);

}  // namespace fulcrum
