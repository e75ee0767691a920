// Choice probabilities of independent Beta posteriors by composite Gauss quadrature on the logit
// scale (docs/choice_probabilities.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "policy/beta_density.h"
#include "policy/beta_loops.h"
#include "policy/choice.h"
#include "policy/gauss_table.h"
#include "policy/quadrature_report.h"

namespace fulcrum::policy {

inline constexpr double kNoKnownLogit = -std::numeric_limits<double>::infinity();

// Buffers are kept between calls: one object per thread, no allocation once it has grown. The same
// bits at every base::SimdLevel, and a permutation of the arms permutes them.
class BetaQuadrature {
 public:
  // Posteriors of ordinary sizes need at most about 25 panels, absurd ones 50.
  // `loops` are the inner loops to use, by default those of base::ActiveSimdLevel().
  explicit BetaQuadrature(int most_panels = 64, const BetaLoops* loops = nullptr)
      : most_panels_(most_panels), given_loops_(loops) {}

  // Writes to probabilities[i] the probability that arms[i] has the largest rate and exceeds the
  // known one, whose logit is `known_logit` (kNoKnownLogit if there is none). At least one arm.
  QuadratureReport Compute(absl::Span<const BetaArm> arms, double known_logit,
                           absl::Span<double> probabilities);

 private:
  // Entries per arm, one array after the other.
  struct Table {
    std::vector<double> entries;
    BetaColumns columns{};
    void Resize(size_t arms);
  };

  // Equal arms that follow each other; the arms given are a sequence of runs.
  struct Run {
    double high = 0;
    uint32_t first = 0, end = 0;  // of the arms given
    uint32_t index = 0;           // of its entry in given_
  };

  struct alignas(64) AlignedRow {  // a cache line, in which no vector straddles two
    double at_node[kNodes];
  };

  struct Panel {
    LogitPoint centre;
    double half = 0;
    std::array<double, kNodes> rate, complement;  // LogChange from the centre to each node
  };

  void Place(absl::Span<const BetaArm> arms);
  double KeepLiveRuns(double known_logit);
  void GroupEqualRuns();
  void Prepare();
  size_t Entered(double left, size_t from) const;
  double ChooseWidth(double right, double lower, size_t active) const;
  void MovePanel(double left, double right);
  void Advance(const LogitPoint& previous, size_t active);
  double Integrate(size_t active);
  void Spread(double total, absl::Span<double> probabilities) const;

  int most_panels_;
  const BetaLoops* given_loops_;
  const BetaLoops* loops_ = nullptr;  // of the current call
  Table given_;                       // an entry per run
  std::vector<Run> runs_;             // of arms that can win; by upper support end, falling
  // Equal runs are one group: exact symmetry, and a crowd of newcomers costs one arm. Those that
  // reach into a panel are a prefix.
  Table groups_;
  std::vector<uint32_t> members_;               // how many arms a group has
  std::vector<uint32_t> first_;                 // of runs_, where those of a group stand together
  std::vector<AlignedRow> own_, cdf_, before_;  // of the panel, a row per group
  Panel panel_;
  double panel_scales_ = 0;  // widest panel, in local standard deviations
};

}  // namespace fulcrum::policy
