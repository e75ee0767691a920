// Whether a rule can refuse an action to anybody.
#pragma once

#include "config/rule_compiler.h"
#include "fulcrum/config/v1/bundle.pb.h"
#include "rules/rule.h"

namespace fulcrum::config {

// True only if the rule, made by `compiler`, holds for the action whatever is known of a request
// and whenever it comes. May be false although it does. Thread-safe.
bool HoldsForAllRequests(const rules::Rule& rule, const RuleCompiler& compiler,
                         const v1::Campaign& campaign, const v1::Action& action);

}  // namespace fulcrum::config
