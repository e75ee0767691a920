#include "scoring/arm_book.h"

#include <algorithm>
#include <cmath>

namespace fulcrum::scoring {
namespace {

// Rounding must not make counts that cannot be; nor must something be left of amounts when nothing
// is left that earned them.
void AddTo(ArmCounts* counts, const ArmCounts& change, double weight) {
  counts->trials += weight * change.trials;
  counts->successes = std::max(counts->successes + weight * change.successes, 0.0);
  const bool any = counts->successes > 0;
  counts->amount = any ? counts->amount + weight * change.amount : 0;
  counts->squares = any ? std::max(counts->squares + weight * change.squares, 0.0) : 0;
}

ArmCounts Times(const ArmCounts& counts, double factor) {
  return {counts.trials * factor, counts.successes * factor, counts.amount * factor,
          counts.squares * factor};
}

}  // namespace

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
  return kept == nullptr ? ArmCounts() : Times(*kept, decay_.Discount());
}

void ArmBook::Observe(std::string_view segment, std::string_view action_id, int64_t occurred_us,
                      const ArmCounts& trial) {
  const double weight = decay_.Weight(occurred_us);
  // The segment first. An arm that is new to it starts from what was known of it over all segments:
  // so that with its first observation the posterior moves on from what Find said before, and does
  // not fall back to the prior.
  const auto add = [&](std::string_view name) {
    const ArmCounts* const kept = Kept(name, action_id);
    ArmCounts counts = kept == nullptr ? ArmCounts() : *kept;
    AddTo(&counts, trial, weight);
    Set(name, action_id, counts);
  };
  if (!segment.empty()) add(segment);
  add("");
}

bool ArmBook::Correct(std::string_view segment, std::string_view action_id, int64_t occurred_us,
                      const ArmCounts& before, const ArmCounts& now) {
  const double weight = decay_.Weight(occurred_us);
  const ArmCounts change = {now.trials - before.trials, now.successes - before.successes,
                            now.amount - before.amount, now.squares - before.squares};
  const auto correct = [&](std::string_view name) {
    const auto arms = arms_.find(name);
    if (arms == arms_.end() || !arms->second->contains(action_id)) return false;
    AddTo(&(*arms->second.Write())[action_id], change, weight);
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
        counts = Times(counts, std::ldexp(1.0, -move.halvings));
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
