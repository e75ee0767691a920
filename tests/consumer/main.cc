// A foreign project's use of the public library: ids, records, versions.
#include <cstdio>

#include "fulcrum/decision_id.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/propensity.h"
#include "fulcrum/version.h"

int main() {
  const auto id = fulcrum::DecisionId::Parse("01234567-89ab-7fff-bfff-ffffffffffff");
  if (!id.ok()) return 1;
  fulcrum::DecisionRecord record;
  record.id = *id;
  record.positions.push_back({.action_id = fulcrum::kNeutralActionId,
                              .ticks = {fulcrum::kTicksTotal},
                              .seed = 0,
                              .debits = {}});
  const double propensity = fulcrum::PropensityOf(record.positions[0].ticks[0]);
  std::printf("fulcrum %s: %s, propensity %g\n", fulcrum::kVersion, record.id.ToString().c_str(),
              propensity);
  return propensity == 1.0 ? 0 : 1;
}
