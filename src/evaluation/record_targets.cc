#include "evaluation/record_targets.h"

namespace fulcrum::evaluation {

void RecordTargets::Add(const DecisionId& id, const std::vector<std::string>& actions,
                        const std::vector<double>& probabilities) {
  std::vector<uint32_t> numbers;
  numbers.reserve(actions.size());
  for (const std::string& action : actions) numbers.push_back(actions_.Intern(action));
  by_decision_[id].push_back(numbers.empty() ? kNoDistribution
                                             : distributions_.Add(numbers, probabilities));
}

uint32_t RecordTargets::Find(const DecisionId& id, size_t index, ActionTable* actions,
                             Distributions* distributions) const {
  const auto found = by_decision_.find(id);
  if (found == by_decision_.end() || index >= found->second.size()) return kNoDistribution;
  const uint32_t number = found->second[index];
  if (number == kNoDistribution) return kNoDistribution;
  const Distribution distribution = distributions_.Get(number);
  std::vector<uint32_t> numbers;
  numbers.reserve(distribution.actions.size());
  for (const uint32_t action : distribution.actions) {
    numbers.push_back(actions->Intern(actions_.Name(action)));
  }
  return distributions->Add(numbers, distribution.probabilities);
}

}  // namespace fulcrum::evaluation
