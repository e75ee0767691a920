// Whether actions are eligible for one request: rules, approval, expiry, regions, jurisdictions.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "domain/context.h"
#include "domain/feature_row.h"
#include "rules/rule.h"

namespace fulcrum::candidates {

using UserValues = base::StringMap<domain::FeatureValue>;

// What is unknown makes nobody eligible. For one request; views its arguments, which outlive it.
// Not thread-safe.
class Eligibility {
 public:
  // `user` is null if nothing is known of the user.
  Eligibility(const config::Bundle& bundle, const config::Surface& surface,
              const domain::DecisionContext& context, const UserValues* user);

  // `index` is into bundle.actions.
  bool IsEligible(int32_t index);

  // By slot of bundle.rule_fields; those of the request that rules read.
  absl::Span<const rules::Value> values() const { return values_; }

 private:
  bool MayBeShown(const config::Action& action) const;
  bool Holds(const rules::Rule& rule, const config::Action& action);
  const rules::Moment& MomentIn(const absl::TimeZone& zone);
  void FindJurisdictions();

  const config::Bundle& bundle_;
  const absl::Time now_;
  std::vector<rules::Value> values_;
  rules::Value region_;  // a text, or unknown
  std::vector<const rules::Rule*> jurisdictions_;
  std::vector<std::pair<absl::TimeZone, rules::Moment>> moments_;
};

}  // namespace fulcrum::candidates
