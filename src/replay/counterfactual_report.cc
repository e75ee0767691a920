#include "replay/counterfactual_report.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace fulcrum::replay {
namespace {

constexpr size_t kTop = 10;

std::string NamesOf(const std::vector<std::string>& actions) {
  std::string names;
  for (const std::string& action : actions) names += (names.empty() ? "" : ",") + action;
  return names;
}

class Comparer {
 public:
  Comparer(const DecisionRecord& record, const Outcome& outcome, const config::Bundle& bundle,
           CounterfactualReport* report)
      : record_(record), outcome_(outcome), bundle_(bundle), report_(*report) {}

  void Run() {
    ++report_.decisions;
    logged_.reserve(record_.positions.size());
    drawn_.reserve(outcome_.slate.size());
    for (const PositionRecord& position : record_.positions) logged_.push_back(position.action_id);
    for (const OutcomePosition& position : outcome_.slate) drawn_.push_back(position.action_id);
    for (const std::string& action : logged_) Add(action, &Shift::logged, 1);
    for (const std::string& action : drawn_) Add(action, &Shift::drawn, 1);
    if (!outcome_.not_replayed.empty()) {
      ++report_.not_replayed[outcome_.not_replayed];
      for (const std::string& action : drawn_) Add(action, &Shift::expected, 1);
      return;
    }
    ++report_.replayed;
    AddExpected();
    AddMasks();
    AddVariation();
  }

 private:
  // Of an action and, if it has one, its campaign.
  template <typename T, typename V>
  void Add(const std::string& action, T Shift::*member, V value) {
    report_.actions[action].*member += value;
    const std::string campaign = CampaignOf(action);
    if (!campaign.empty()) report_.campaigns[campaign].*member += value;
  }

  std::string CampaignOf(const std::string& action) const {
    const auto found = bundle_.action_index.find(action);
    if (found != bundle_.action_index.end()) {
      const int32_t campaign = bundle_.actions[static_cast<size_t>(found->second)].campaign;
      return bundle_.campaigns[static_cast<size_t>(campaign)].id;
    }
    for (const CandidateRecord& candidate : record_.candidates) {
      if (candidate.action_id == action) return candidate.campaign_id;
    }
    return "";
  }

  std::string NameAt(size_t index) const {
    return index < outcome_.candidates.size() ? outcome_.candidates[index].action_id
                                              : kNeutralActionId;
  }

  void AddExpected() {
    for (const OutcomePosition& position : outcome_.slate) {
      for (size_t i = 0; i < position.ticks.size(); ++i) {
        if (position.ticks[i] == 0) continue;
        Add(NameAt(i), &Shift::expected, PropensityOf(position.ticks[i]));
      }
    }
  }

  void AddMasks() {
    for (const CandidateRecord& candidate : record_.candidates) {
      if (candidate.mask == MaskReason::kNoHold)
        Add(candidate.action_id, &Shift::logged_no_hold, 1);
    }
    std::set<std::string> rows;
    for (const OutcomeCandidate& candidate : outcome_.candidates) {
      if (candidate.mask != MaskReason::kNoHold) continue;
      Add(candidate.action_id, &Shift::no_hold, 1);
      if (candidate.row.empty()) {
        ++report_.held_by_others;
      } else {
        ++report_.rows[candidate.row].binding;
        rows.insert(candidate.row);
      }
    }
    for (const std::string& row : rows) ++report_.rows[row].decisions;
  }

  // Half the sum of the differences, exactly: in ticks.
  Ticks Variation(const PositionRecord& position, const std::vector<Ticks>& target) const {
    std::map<std::string, int64_t> difference;
    for (size_t i = 0; i < position.ticks.size(); ++i) {
      const bool neutral = i >= record_.candidates.size();
      difference[neutral ? kNeutralActionId : record_.candidates[i].action_id] +=
          static_cast<int64_t>(position.ticks[i]);
    }
    for (size_t i = 0; i < target.size(); ++i) {
      difference[NameAt(i)] -= static_cast<int64_t>(target[i]);
    }
    Ticks more = 0;
    for (const auto& [action, ticks] : difference)
      more += ticks > 0 ? static_cast<Ticks>(ticks) : 0;
    return more;
  }

  void AddVariation() {
    Ticks largest = 0;
    const size_t positions = std::min(record_.positions.size(), outcome_.target.size());
    for (size_t i = 0; i < positions; ++i) {
      if (outcome_.target[i].empty() || record_.positions[i].ticks.empty()) {
        ++report_.not_comparable;
        continue;
      }
      const Ticks variation = Variation(record_.positions[i], outcome_.target[i]);
      largest = std::max(largest, variation);
      ++report_.positions;
      // A running mean whose order is the log's.
      report_.variation +=
          (PropensityOf(variation) - report_.variation) / static_cast<double>(report_.positions);
    }
    const bool changed = logged_ != drawn_;
    report_.changed += changed ? 1 : 0;
    report_.changed_targets += largest > 0 ? 1 : 0;
    report_.variation_max = std::max(report_.variation_max, PropensityOf(largest));
    if (changed || largest > 0) AddToTop(PropensityOf(largest));
  }

  void AddToTop(double variation) {
    std::vector<ChangedDecision>& top = report_.top;
    const auto before = [](double value, const ChangedDecision& one) {
      return value > one.variation;
    };
    const auto at = std::upper_bound(top.begin(), top.end(), variation, before);
    if (top.size() == kTop && at == top.end()) return;
    top.insert(at, {outcome_.lsn, outcome_.id, variation, NamesOf(logged_), NamesOf(drawn_)});
    if (top.size() > kTop) top.pop_back();
  }

  const DecisionRecord& record_;
  const Outcome& outcome_;
  const config::Bundle& bundle_;
  CounterfactualReport& report_;
  std::vector<std::string> logged_, drawn_;
};

}  // namespace

void AddDecision(const DecisionRecord& record, const Outcome& outcome, const config::Bundle& bundle,
                 CounterfactualReport* report) {
  Comparer(record, outcome, bundle, report).Run();
}

}  // namespace fulcrum::replay
