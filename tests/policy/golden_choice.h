// Reads tests/golden/policy/choice_<family>.csv.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "policy/choice.h"

namespace fulcrum::policy::testing {

struct GoldenChoice {
  std::string name;
  std::vector<BetaArm> arms;
  Baseline baseline;
  std::vector<double> probabilities;  // arms, then the neutral action
};

inline constexpr const char* kGoldenFamilies[] = {"priors",   "small",      "rates",
                                                  "newcomer", "fractional", "near_ties"};

inline std::vector<GoldenChoice> ReadGoldenChoices(const std::string& directory,
                                                   const std::string& family) {
  std::ifstream in(directory + "/tests/golden/policy/choice_" + family + ".csv");
  std::vector<GoldenChoice> choices;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::stringstream fields(line);
    std::string name;
    std::string kind;
    std::string first;
    std::string second;
    std::string probability;
    std::getline(fields, name, ',');
    std::getline(fields, kind, ',');
    std::getline(fields, first, ',');
    std::getline(fields, second, ',');
    std::getline(fields, probability, ',');
    if (choices.empty() || choices.back().name != name) {
      choices.emplace_back();
      choices.back().name = name;
    }
    GoldenChoice& choice = choices.back();
    choice.probabilities.push_back(std::stod(probability));
    if (kind == "known") {
      choice.baseline.known_value = std::stod(first);
    } else if (kind == "neutral") {
      choice.baseline.posterior = BetaArm{std::stod(first), std::stod(second)};
    } else {
      choice.arms.push_back({std::stod(first), std::stod(second)});
    }
  }
  return choices;
}

}  // namespace fulcrum::policy::testing
