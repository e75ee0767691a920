#include "simulation/served_policy.h"

#include <iterator>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace fulcrum::simulation {
namespace {

struct Kind {
  PolicyKind kind;
  const char* parameter;  // its name in a bundle; empty: it has none
};

constexpr Kind kKinds[] = {
    {PolicyKind::kThompson, ""},
    {PolicyKind::kGreedy, ""},
    {PolicyKind::kEpsilonGreedy, "epsilon"},
    {PolicyKind::kSoftmax, "temperature"},
    {PolicyKind::kUpperBound, "width"},
    {PolicyKind::kInverseGap, "gamma"},
    {PolicyKind::kTopTwo, "beta"},
};
constexpr char kUniform[] = "uniform";

const char* ParameterOf(PolicyKind kind) {
  for (const Kind& known : kKinds) {
    if (known.kind == kind) return known.parameter;
  }
  return "";
}

std::string Names() {
  std::vector<std::string> names;
  names.reserve(std::size(kKinds));
  for (const Kind& known : kKinds) names.push_back(NameOf(known.kind));
  return absl::StrCat(absl::StrJoin(names, ", "), ", ", kUniform);
}

bool FindKind(const std::string& name, ServedPolicy* policy) {
  for (const Kind& known : kKinds) {
    if (name != NameOf(known.kind)) continue;
    policy->kind = known.kind;
    return true;
  }
  return false;
}

absl::Status NotAPolicy(const std::string& text, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("policy '", text, "': ", why));
}

}  // namespace

absl::StatusOr<ServedPolicy> ParsePolicy(const std::string& text) {
  ServedPolicy policy;
  policy.text = text;
  const std::vector<std::string> at_floor = absl::StrSplit(text, absl::MaxSplits('@', 1));
  const std::vector<std::string> named = absl::StrSplit(at_floor[0], absl::MaxSplits(':', 1));
  if (at_floor.size() == 2 && !absl::SimpleAtod(at_floor[1], &policy.exploration_floor)) {
    return NotAPolicy(text, "the exploration floor after '@' is not a number");
  }
  const bool uniform = named[0] == kUniform;
  if (uniform) {
    policy.kind = PolicyKind::kEpsilonGreedy;
    policy.parameter = absl::StrCat(1);
  } else if (!FindKind(named[0], &policy)) {
    return NotAPolicy(text, absl::StrCat("there is no such kind; there are: ", Names()));
  }
  if (named.size() == 1) return policy;
  double number = 0;
  if (uniform || *ParameterOf(policy.kind) == '\0') {
    return NotAPolicy(text, absl::StrCat(named[0], " has no parameter"));
  }
  if (!absl::SimpleAtod(named[1], &number)) {
    return NotAPolicy(text, absl::StrCat(ParameterOf(policy.kind), " is not a number"));
  }
  policy.parameter = named[1];
  return policy;
}

std::string PolicyYaml(const ServedPolicy& policy) {
  std::string text = absl::StrCat("{kind: ", NameOf(policy.kind));
  if (!policy.parameter.empty()) {
    absl::StrAppend(&text, ", ", ParameterOf(policy.kind), ": ", policy.parameter);
  }
  return text + "}";
}

}  // namespace fulcrum::simulation
