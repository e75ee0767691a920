// A record of the decider as rows for the estimators, with the reward told beside.
#pragma once

#include <cstddef>
#include <vector>

#include "evaluation/rows.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::simulation {

// Appends position `index` (from 0) of a record that was drawn. `rows->rows.back()` is the row;
// what the estimators read of it beyond the draw and the reward is the caller's to add.
void AddRow(const DecisionRecord& record, size_t index, double reward, evaluation::RowSet* rows);

// `probabilities`, by candidate and the neutral action last, as a distribution of `rows`.
uint32_t AddDistribution(const DecisionRecord& record, const std::vector<double>& probabilities,
                         evaluation::RowSet* rows);

}  // namespace fulcrum::simulation
