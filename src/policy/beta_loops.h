// The inner loops of the Beta quadrature: over arms, and over the nodes of a panel for every arm
// that has probability in it. Compiled once per vector width from one source
// (policy/beta_loops_kernel.h); all that is ever summed across a vector is summed in node order, so
// the width does not change a bit. Pure functions of what they are given; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/beta_density_kernel.h"

namespace fulcrum::policy {

// Plain pointers: the vectorised files include no library header whose inline functions the linker
// could give to other code. The loops over arms take kArmsAtOnce at a time and may read and write
// that many entries from the last one: what is there means nothing, but the counts are above 0.
inline constexpr size_t kArmsAtOnce = 8;

// Arrays with an entry per arm.
struct BetaColumns {
  double* alpha;
  double* beta;
  double* mode;  // logit of the mode, its rate and 1 - rate
  double* rate;
  double* complement;
  double* curvature;  // as in BetaShape, like the next two
  double* low;
  double* high;
  double* peak;      // density at the mode
  double* exponent;  // ln(density / peak) at the current panel's centre
  double* tail;      // probability right of the current panel
  double* probability;
  double* sum;         // alpha + beta
  double* floor_left;  // least curvature that panels left of the mode resolve, and right of it
  double* floor_right;
};

struct BetaPanel {
  const double* rate;            // change of ln x from the centre to each of kNodes nodes
  const double* complement;      // likewise of ln(1 - x)
  double half;                   // of the width
  const double* weights;         // of the nodes
  const double* right_integral;  // kNodes rows: kRightIntegral
  size_t arms;
  const uint32_t* members;  // how many equal arms an entry stands for, at least 1
  double* own;              // scratch, kNodes per arm, like the next two
  double* cdf;
  double* before;
};

struct BetaLoops {
  // From alpha and beta to mode, rate, complement, curvature, low and high.
  void (*shapes)(const BetaColumns& arms, size_t count, double drop);
  // From alpha and beta to peak.
  void (*peaks)(const BetaColumns& arms, size_t count);
  // The exponents of the arms from `begin` to `end` at the logit `centre`.
  void (*enter)(const BetaColumns& arms, size_t begin, size_t end, double centre);
  // What a panel ending at `right` must resolve of the first `count` arms: the largest
  // curvature of -ln f, where x (1 - x) <= variance.
  double (*curvature)(const BetaColumns& arms, size_t count, double right, double variance);
  // From the centre of a panel, a logit with its rate and 1 - rate, to BetaPanel's rate and
  // complement.
  void (*move)(const LogitPointOf<double>& centre, double half, const double* nodes, double* rate,
               double* complement);
  // Adds the panel's share of every arm's integral to its probability: of one member, own density
  // times the distribution functions of all others. Moves the tails to the panel's left end and
  // returns the product of the distribution functions there.
  double (*integrate)(const BetaColumns& arms, const BetaPanel& panel);
};

extern const BetaLoops kBetaLoopsSse2;
extern const BetaLoops kBetaLoopsAvx2;  // x86-64 only, like the next
extern const BetaLoops kBetaLoopsAvx512;

}  // namespace fulcrum::policy
