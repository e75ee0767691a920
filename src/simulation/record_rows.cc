#include "simulation/record_rows.h"

#include <string_view>

namespace fulcrum::simulation {
namespace {

std::string_view NameAt(const DecisionRecord& record, size_t index) {
  return index == record.candidates.size() ? std::string_view(kNeutralActionId)
                                           : std::string_view(record.candidates[index].action_id);
}

}  // namespace

uint32_t AddDistribution(const DecisionRecord& record, const std::vector<double>& probabilities,
                         evaluation::RowSet* rows) {
  std::vector<uint32_t> actions;
  std::vector<double> positive;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    if (probabilities[i] == 0) continue;
    actions.push_back(rows->actions.Intern(NameAt(record, i)));
    positive.push_back(probabilities[i]);
  }
  return rows->distributions.Add(actions, positive);
}

void AddRow(const DecisionRecord& record, size_t index, double reward, evaluation::RowSet* rows) {
  const PositionRecord& position = record.positions[index];
  std::vector<double> probabilities;
  evaluation::Row row;
  row.reward = reward;
  row.position = static_cast<uint32_t>(index + 1);
  for (size_t i = 0; i < position.ticks.size(); ++i) {
    probabilities.push_back(PropensityOf(position.ticks[i]));
    if (NameAt(record, i) == position.action_id) row.propensity = probabilities.back();
  }
  row.logged = AddDistribution(record, probabilities, rows);
  row.action = rows->actions.Intern(position.action_id);
  rows->rows.push_back(row);
  ++rows->positions;
}

}  // namespace fulcrum::simulation
