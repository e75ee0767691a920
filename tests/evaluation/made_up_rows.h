// Rows whose truth is known, for the tests of this folder.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "evaluation/rows.h"

namespace fulcrum::evaluation {

// Rows with `actions` candidates each, drawn from a distribution of their own, and the mean reward
// of action a at a row being (a + 1) / 20 in the first half of the rows and twice that in the
// second.
struct MadeUpLog {
  RowSet rows;
  std::vector<std::vector<double>> logged;  // by row, then action

  static double Truth(size_t row, size_t count, uint32_t action) {
    return (action + 1) * (row < count / 2 ? 0.05 : 0.1);
  }
};

inline size_t DrawFrom(const std::vector<double>& probabilities, base::RandomStream* random) {
  double uniform = random->NextUniform();
  size_t index = 0;
  while (index + 1 < probabilities.size() && uniform >= probabilities[index]) {
    uniform -= probabilities[index++];
  }
  return index;
}

inline MadeUpLog MakeLog(uint64_t seed, size_t count, uint32_t actions = 4, double floor = 0.2,
                         uint32_t positions = 1) {
  base::RandomStream random(seed);
  MadeUpLog log;
  std::vector<uint32_t> ids;
  for (uint32_t a = 0; a < actions; ++a) {
    ids.push_back(log.rows.actions.Intern(absl::StrCat("action-", a)));
  }
  for (size_t i = 0; i < count; ++i) {
    std::vector<double> probabilities(actions);
    double sum = 0;
    for (double& p : probabilities) sum += (p = random.NextUniform());
    for (double& p : probabilities) p = floor / actions + (1 - floor) * p / sum;
    Row row;
    row.action = static_cast<uint32_t>(DrawFrom(probabilities, &random));
    row.propensity = probabilities[row.action];
    row.position = 1 + static_cast<uint32_t>(i % positions);
    row.logged = log.rows.distributions.Add(ids, probabilities);
    row.reward = random.NextUniform() < MadeUpLog::Truth(i, count, row.action) ? 1 : 0;
    log.rows.rows.push_back(row);
    log.logged.push_back(std::move(probabilities));
  }
  log.rows.positions = count;
  return log;
}

}  // namespace fulcrum::evaluation
