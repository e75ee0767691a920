#include "evaluation/rows.h"

#include <algorithm>

#include "absl/hash/hash.h"

namespace fulcrum::evaluation {
namespace {

size_t Find(absl::Span<const uint32_t> actions, uint32_t action) {
  return static_cast<size_t>(std::find(actions.begin(), actions.end(), action) - actions.begin());
}

}  // namespace

uint32_t ActionTable::Intern(std::string_view name) {
  const auto found = numbers_.find(name);
  if (found != numbers_.end()) return found->second;
  const auto number = static_cast<uint32_t>(names_.size());
  numbers_.emplace(std::string(name), number);
  names_.emplace_back(name);
  return number;
}

double Distribution::Probability(uint32_t action) const {
  const size_t place = Find(actions, action);
  return place < probabilities.size() ? probabilities[place] : 0;
}

bool Distribution::Has(uint32_t action) const {
  return Find(actions, action) < actions.size();
}

uint32_t Distributions::Add(absl::Span<const uint32_t> actions,
                            absl::Span<const double> probabilities) {
  const uint64_t hash =
      absl::Hash<std::pair<absl::Span<const uint32_t>, absl::Span<const double>>>()(
          {actions, probabilities});
  const auto number = static_cast<uint32_t>(ranges_.size());
  const auto [head, is_new] = by_hash_.emplace(hash, number);
  if (!is_new) {
    for (uint32_t i = head->second; i != kNoDistribution; i = ranges_[i].same_hash) {
      const Distribution known = Get(i);
      if (known.actions == actions && known.probabilities == probabilities) return i;
    }
  }
  Range range;
  range.first_action = actions_.size();
  range.first_probability = probabilities_.size();
  range.actions = static_cast<uint32_t>(actions.size());
  range.known = !probabilities.empty();
  if (!is_new) range.same_hash = head->second;
  head->second = number;
  actions_.insert(actions_.end(), actions.begin(), actions.end());
  probabilities_.insert(probabilities_.end(), probabilities.begin(), probabilities.end());
  ranges_.push_back(range);
  return number;
}

Distribution Distributions::Get(uint32_t index) const {
  const Range& range = ranges_[index];
  Distribution distribution;
  distribution.actions = absl::MakeConstSpan(actions_).subspan(range.first_action, range.actions);
  if (range.known) {
    distribution.probabilities =
        absl::MakeConstSpan(probabilities_).subspan(range.first_probability, range.actions);
  }
  return distribution;
}

}  // namespace fulcrum::evaluation
