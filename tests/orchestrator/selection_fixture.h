// Surfaces and contexts for the tests of Select.
#pragma once

#include "config/bundle.h"
#include "domain/context.h"

namespace fulcrum::orchestrator::testing {

inline config::Surface TestSurface() {
  config::Surface surface;
  surface.id = "home";
  surface.policy_salt = "salt";
  surface.choice.exploration_floor = 0.02;
  return surface;
}

// Decision ids are fresh for every `number`.
inline domain::DecisionContext TestContext(absl::Time now, uint64_t number, uint32_t slate_size) {
  domain::DecisionContext context;
  context.decision_id = DecisionId::FromTimeAndRandom(now, number * 0x9e3779b97f4a7c15u, number);
  context.surface = "home";
  context.slate_size = slate_size;
  context.now = now;
  return context;
}

}  // namespace fulcrum::orchestrator::testing
