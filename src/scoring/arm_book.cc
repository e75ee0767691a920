#include "scoring/arm_book.h"

#include <algorithm>
#include <cmath>

namespace fulcrum::scoring {

const ArmCounts* ArmBook::Kept(std::string_view segment, std::string_view action_id) const {
  for (const std::string_view name : {segment, std::string_view()}) {
    const auto arms = arms_.find(name);
    if (arms == arms_.end()) continue;
    const auto found = arms->second->find(action_id);
    if (found != arms->second->end()) return &found->second;
  }
  return nullptr;
}

ArmCounts ArmBook::Find(std::string_view segment, std::string_view action_id) const {
  const ArmCounts* const kept = Kept(segment, action_id);
  if (kept == nullptr) return {};
  const double discount = decay_.Discount();
  return {kept->trials * discount, kept->successes * discount};
}

void ArmBook::Observe(std::string_view segment, std::string_view action_id, int64_t occurred_us,
                      double successes) {
  const double weight = decay_.Weight(occurred_us);
  // The segment first. An arm that is new to it starts from what was known of it over all segments:
  // so that with its first observation the posterior moves on from what Find said before, and does
  // not fall back to the prior.
  const auto add = [&](std::string_view name) {
    const ArmCounts* const kept = Kept(name, action_id);
    ArmCounts counts = kept == nullptr ? ArmCounts() : *kept;
    counts.trials += weight;
    counts.successes = std::min(counts.successes + weight * successes, counts.trials);
    Set(name, action_id, counts);
  };
  if (!segment.empty()) add(segment);
  add("");
}

bool ArmBook::Correct(std::string_view segment, std::string_view action_id, int64_t occurred_us,
                      double change) {
  const double weighed = decay_.Weight(occurred_us) * change;
  const auto correct = [&](std::string_view name) {
    const auto arms = arms_.find(name);
    if (arms == arms_.end() || !arms->second->contains(action_id)) return false;
    ArmCounts& counts = (*arms->second.Write())[action_id];
    // Rounding must not make counts that cannot be.
    counts.successes = std::clamp(counts.successes + weighed, 0.0, counts.trials);
    return true;
  };
  bool known = correct("");
  if (!segment.empty()) known &= correct(segment);
  return known;
}

bool ArmBook::AdvanceTo(int64_t now_us) {
  const Decay::Move move = decay_.AdvanceTo(now_us);
  if (move.halvings > 0) {
    for (auto& [segment, arms] : arms_) {
      for (auto& [action_id, counts] : *arms.Write()) {
        counts.trials = std::ldexp(counts.trials, -move.halvings);
        counts.successes = std::ldexp(counts.successes, -move.halvings);
      }
    }
  }
  return move.stepped && !arms_.empty();
}

void ArmBook::Set(std::string_view segment, std::string_view action_id, ArmCounts counts) {
  (*arms_[segment].Write())[action_id] = counts;
}

bool ArmBook::Add(std::string_view segment, std::string_view action_id, ArmCounts counts) {
  return arms_[segment].Write()->emplace(action_id, counts).second;
}

size_t ArmBook::size() const {
  size_t pairs = 0;
  for (const auto& [segment, arms] : arms_) pairs += arms->size();
  return pairs;
}

}  // namespace fulcrum::scoring
