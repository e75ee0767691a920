#include "config/policy_check.h"

#include "absl/strings/str_cat.h"

namespace fulcrum::config {
namespace {

struct Parameter {
  const char* field;
  v1::PolicyKind kind;  // that reads it
  const char* name;
};

constexpr Parameter kParameters[] = {
    {"epsilon", v1::POLICY_KIND_EPSILON_GREEDY, "epsilon_greedy"},
    {"temperature", v1::POLICY_KIND_SOFTMAX, "softmax"},
    {"width", v1::POLICY_KIND_UPPER_BOUND, "upper_bound"},
    {"gamma", v1::POLICY_KIND_INVERSE_GAP, "inverse_gap"},
    {"beta", v1::POLICY_KIND_TOP_TWO, "top_two"},
};

}  // namespace

void CheckPolicies(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  for (int i = 0; i < bundle.surfaces_size(); ++i) {
    const std::string policy = absl::StrCat("surfaces[", i, "].policy");
    for (const Parameter& parameter : kParameters) {
      if (bundle.surfaces(i).policy().kind() == parameter.kind) continue;
      const std::string path = absl::StrCat(policy, ".", parameter.field);
      if (!places.Has(path)) continue;
      problems->Add(places.At(path), absl::StrCat(path, ": only 'kind: ", parameter.name,
                                                  "' reads it; choose that kind or remove it"));
    }
  }
}

}  // namespace fulcrum::config
