// What a counterfactual replay found, for people and as JSON.
#pragma once

#include <string>

#include "replay/counterfactual_report.h"

namespace fulcrum::apps {

std::string ToText(const replay::CounterfactualReport& report);
std::string ToJson(const replay::CounterfactualReport& report);

}  // namespace fulcrum::apps
