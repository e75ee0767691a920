// The inner loop of the Gaussian quadrature: one panel for every arm that has probability in it.
// Compiled once per vector width from one source (policy/gauss_panel_kernel.h); nothing is ever
// summed across a vector, so the width does not change a bit. Pure functions of what they are
// given; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fulcrum::policy {

// Arrays of `arms` entries, or of kNodes per arm where so said. Plain pointers: the vectorised
// files include no library header whose inline functions the linker could give to other code.
struct GaussPanel {
  const double* nodes;   // kNodes positions, ascending
  const double* shares;  // kNodes weights, times half the panel's width
  size_t arms;
  const double* means;
  const double* inverse_sds;
  const uint32_t* members;  // how many equal arms an entry stands for, at least 1
  double* hazards;          // scratch, kNodes per arm
  double* sums;  // kNodes per arm: what a node contributes to the arm's integral is added
};

// With z = (node - mean) / sd of an arm, and F the normal distribution function to 3e-10 absolute:
// adds shares * (product over all arms of F^members) * exp(-z^2 / 2) / F to its sums. Returns the
// product at the first node. z >= -6 at every node of every arm.
using GaussPanelFunction = double (*)(const GaussPanel& panel);

double IntegrateGaussPanelSse2(const GaussPanel& panel);
double IntegrateGaussPanelAvx2(const GaussPanel& panel);  // x86-64 only, like the next
double IntegrateGaussPanelAvx512(const GaussPanel& panel);

}  // namespace fulcrum::policy
