#include "config/masking_fields.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fulcrum::config {
namespace {

constexpr std::array<std::pair<std::string_view, MaskingField>, 4> kNamed = {{
    {"request_id", MaskingField::kRequestId},
    {"context_hash", MaskingField::kContextHash},
    {"outcome_id", MaskingField::kOutcomeId},
    {"outcome_kind", MaskingField::kOutcomeKind},
}};

constexpr std::array<std::string_view, 3> kInputs = {"user.", "item.", "context."};

constexpr char kFindsIt[] = "outcomes, repeats and look-ups find the decision by it";
constexpr char kIsPlayed[] =
    "the choice is replayed from it; a surface's 'detail_share' says how often it is kept at all";
constexpr char kIsSpent[] = "what was spent is the sum over it";
constexpr char kIsLearned[] = "rewards are learned from it";

constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kNever = {{
    {"decision_id", kFindsIt},
    {"principal", kFindsIt},
    {"surface", kFindsIt},
    {"occurred_us", kFindsIt},
    {"versions", kFindsIt},
    {"user_id", "it is not logged at all"},
    {"user_ref",
     "it stands for the user already, and means nobody any more once the user's salt is gone"},
    {"segment", "rewards are counted by it; name a segment_feature that tells nobody apart"},
    {"basis", kIsLearned},
    {"action_id", kIsPlayed},
    {"campaign_id", kIsPlayed},
    {"candidates", kIsPlayed},
    {"positions", kIsPlayed},
    {"score", kIsPlayed},
    {"ticks", kIsPlayed},
    {"seed", kIsPlayed},
    {"debits", kIsSpent},
    {"reward_kind", kIsLearned},
    {"outcome_value", kIsLearned},
    {"outcome_currency", kIsLearned},
}};

}  // namespace

std::string_view MaskingFieldName(MaskingField field) {
  for (const auto& [name, one] : kNamed) {
    if (one == field) return name;
  }
  return "";
}

std::optional<MaskingField> FindMaskingField(std::string_view name) {
  for (const auto& [known, field] : kNamed) {
    if (known == name) return field;
  }
  for (const std::string_view input : kInputs) {
    if (name.size() > input.size() && name.substr(0, input.size()) == input) {
      return MaskingField::kInput;
    }
  }
  return std::nullopt;
}

std::string_view WhyNeverMasked(std::string_view name) {
  for (const auto& [known, why] : kNever) {
    if (known == name) return why;
  }
  return "";
}

const std::vector<std::string>& MaskingFieldNames() {
  static const auto* const kNames = [] {
    auto* const names = new std::vector<std::string>();
    for (const auto& [name, field] : kNamed) names->emplace_back(name);
    return names;
  }();
  return *kNames;
}

bool NamesOverlap(std::string_view a, std::string_view b) {
  const auto open = [](std::string_view name) { return !name.empty() && name.back() == '*'; };
  const bool a_open = open(a);
  const bool b_open = open(b);
  if (!a_open && !b_open) return a == b;
  if (a_open) a.remove_suffix(1);
  if (b_open) b.remove_suffix(1);
  const size_t common = std::min(a.size(), b.size());
  if (a.substr(0, common) != b.substr(0, common)) return false;
  // The longer one is within what the shorter one leaves open.
  if (a.size() > b.size()) return b_open;
  if (b.size() > a.size()) return a_open;
  return true;
}

}  // namespace fulcrum::config
