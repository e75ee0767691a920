// How much the actions of a slate are discounted for being like the ones before.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "config/bundle.h"

namespace fulcrum::orchestrator {

// How alike two actions are, 0 to 1: the cosine of their vectors if both have one, 0 if it is
// below; else the share of their categories that they have in common (Jaccard); 0 without any.
double Likeness(const config::Action& a, const config::Action& b);

// For each of `actions`, gamma times its largest likeness to one of `picked` (Carbonell and
// Goldstein, SIGIR 1998: maximal marginal relevance, with the relevance being the value). With
// `supply` actions left that can be drawn for `positions` to be filled, gamma is whole from
// `full_supply` for each, and falls evenly to nothing at one for each. Empty if nothing is
// discounted. All are indices into bundle.actions. Pure, thread-safe, the same bits everywhere.
std::vector<double> DiscountsOf(const config::Bundle& bundle, const config::Surface& surface,
                                absl::Span<const int32_t> actions, absl::Span<const int32_t> picked,
                                size_t supply, size_t positions);

}  // namespace fulcrum::orchestrator
