// Trials and rewards per segment and arm, for the posteriors: counted plainly, without weights.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "scoring/posteriors.h"

namespace fulcrum::training {

// Not thread-safe.
class Counts {
 public:
  // One position that was shown and looked at with probability `examination`. `reward` in [0, 1].
  // Counts for the segment, unless it is empty, and for the arm over all segments.
  void Add(const std::string& segment, const std::string& action_id, double reward,
           double examination = 1);

  // As scoring::Posteriors::LoadCounts reads it, sorted: the sums over all segments stand under the
  // empty segment name.
  std::string ToCsv() const;

 private:
  std::map<std::pair<std::string, std::string>, scoring::ArmCounts> counts_;
};

}  // namespace fulcrum::training
