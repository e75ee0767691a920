#include "config/masking_check.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "config/masking_fields.h"
#include "config/nearest.h"
#include "config/text_pattern.h"

namespace fulcrum::config {
namespace {

constexpr int kRulesMax = 64;
constexpr int kFieldsMax = 64;
constexpr char kRulesPath[] = "log.masking.rules";

// A value that the bundle declares and that may become a model input.
struct Input {
  std::string name;  // as rules call it
  bool number = true;
};

std::vector<Input> InputsOf(const v1::Bundle& bundle) {
  std::vector<Input> inputs;
  for (const v1::FeatureView& view : bundle.feature_views()) {
    const char* const root = view.entity() == v1::ENTITY_USER   ? "user."
                             : view.entity() == v1::ENTITY_ITEM ? "item."
                                                                : nullptr;
    if (root == nullptr) continue;
    for (const v1::Feature& feature : view.features()) {
      inputs.push_back({absl::StrCat(root, feature.name()), feature.type() != v1::VALUE_TYPE_TEXT});
    }
  }
  for (const v1::ContextKey& key : bundle.context_keys()) {
    inputs.push_back({absl::StrCat("context.", key.name()), key.type() != v1::VALUE_TYPE_TEXT});
  }
  return inputs;
}

// Of one rule on one field, in words; empty if they fit.
std::string WhyNotTogether(MaskingField field, v1::MaskingAction action, bool pattern) {
  const std::string name(MaskingFieldName(field));
  switch (field) {
    case MaskingField::kInput:
      if (action == v1::MASKING_ACTION_DROP || action == v1::MASKING_ACTION_ROUND) return "";
      return "model inputs are logged as numbers; use 'drop', or 'round' for a number";
    case MaskingField::kContextHash:
      if (action == v1::MASKING_ACTION_HASH && !pattern) return "";
      return absl::StrCat(name, " is a number; use 'hash' without a pattern");
    case MaskingField::kRequestId:
    case MaskingField::kOutcomeId:
      if (action == v1::MASKING_ACTION_HASH) return "";
      return absl::StrCat(name,
                          " tells repeats apart, so different ones must stay different; use "
                          "'hash', with a pattern for a part of it");
    case MaskingField::kOutcomeKind:
      if (pattern && (action == v1::MASKING_ACTION_HASH || action == v1::MASKING_ACTION_REPLACE)) {
        return "";
      }
      return absl::StrCat(name,
                          " says what counts as the reward; use 'replace' or 'hash' with a "
                          "pattern that matches no 'reward_kind'");
  }
  return "";
}

class MaskingChecker {
 public:
  MaskingChecker(const v1::Bundle& bundle, const Places& places, Problems* problems)
      : bundle_(bundle), places_(places), problems_(problems), inputs_(InputsOf(bundle)) {}

  void Run() {
    const auto& rules = bundle_.log().masking().rules();
    if (rules.size() > kRulesMax) {
      Report(kRulesPath, absl::StrCat(rules.size(), " rules; at most ", kRulesMax, " are allowed"));
      return;
    }
    for (int i = 0; i < rules.size(); ++i) {
      Check(rules[i], absl::StrCat(kRulesPath, "[", i, "]"));
    }
    if (needs_salt_ != nullptr && bundle_.log().masking().salt_file().empty()) {
      Report("log.masking.salt_file",
             absl::StrCat("missing, but rule '", *needs_salt_,
                          "' needs it: name a file with 16 to 4096 random bytes, such as head -c "
                          "32 /dev/urandom writes"));
    }
  }

 private:
  // What is masked already, and by what.
  struct Taken {
    std::string field;
    std::string pattern;  // empty: all of it
    const v1::MaskingRule* rule;
    std::string path;
  };

  void Report(const std::string& path, std::string_view message) {
    problems_->Add(places_.At(path), absl::StrCat(path, ": ", base::ToAbsl(message)));
  }

  void Check(const v1::MaskingRule& rule, const std::string& path) {
    const auto [known, fresh] = names_.try_emplace(rule.name(), path);
    if (!fresh && !rule.name().empty()) {
      Report(path + ".name", absl::StrCat("'", rule.name(), "' is given twice; first at ",
                                          places_.At(known->second + ".name").ToString()));
    }
    CheckStep(rule, path);
    const auto pattern = CheckPattern(rule, path);
    if (rule.fields_size() > kFieldsMax) {
      Report(path + ".fields",
             absl::StrCat(rule.fields_size(), " fields; at most ", kFieldsMax, " are allowed"));
      return;
    }
    for (int i = 0; i < rule.fields_size(); ++i) {
      CheckField(rule, rule.fields(i), pattern.get(), absl::StrCat(path, ".fields[", i, "]"));
    }
  }

  void CheckStep(const v1::MaskingRule& rule, const std::string& path) {
    const bool given = places_.Has(path + ".step");
    if (rule.action() == v1::MASKING_ACTION_ROUND && !given) {
      Report(path + ".step", "missing: 'round' needs to know to multiples of what");
    } else if (rule.action() != v1::MASKING_ACTION_ROUND && given) {
      Report(path + ".step", "only 'round' has a step; remove it");
    }
  }

  // Null if the rule has none that can be used.
  std::shared_ptr<const TextPattern> CheckPattern(const v1::MaskingRule& rule,
                                                  const std::string& path) {
    const bool replaces = rule.action() == v1::MASKING_ACTION_REPLACE;
    if (!replaces && places_.Has(path + ".replacement")) {
      Report(path + ".replacement", "only 'replace' has a replacement; remove it");
    }
    if (rule.pattern().empty()) {
      if (replaces) Report(path + ".pattern", "missing: 'replace' needs to know what to replace");
      return nullptr;
    }
    if (!replaces && rule.action() != v1::MASKING_ACTION_HASH) {
      Report(path + ".pattern", "only 'replace' and 'hash' have a pattern; remove it");
      return nullptr;
    }
    auto pattern = TextPattern::Compile(rule.pattern());
    if (!pattern.ok()) {
      Report(path + ".pattern", base::FromAbsl(pattern.status().message()));
      return nullptr;
    }
    if (replaces) {
      const absl::Status fits = (*pattern)->CheckReplacement(rule.replacement());
      if (!fits.ok()) Report(path + ".replacement", base::FromAbsl(fits.message()));
    }
    return *std::move(pattern);
  }

  void CheckField(const v1::MaskingRule& rule, const std::string& name, const TextPattern* pattern,
                  const std::string& path) {
    const auto field = FindMaskingField(name);
    if (!field) return ReportUnknown(name, path);
    if (rule.action() == v1::MASKING_ACTION_UNSPECIFIED) return;  // reported as missing
    const bool partly = !rule.pattern().empty();
    if (const std::string why = WhyNotTogether(*field, rule.action(), partly); !why.empty()) {
      return Report(path, why);
    }
    if (*field == MaskingField::kInput) {
      CheckInput(rule, name, path);
    } else {
      needs_salt_ = &rule.name();
    }
    if (*field == MaskingField::kOutcomeKind && pattern != nullptr) CheckRewards(*pattern, path);
    Take({name, rule.pattern(), &rule, path});
  }

  void ReportUnknown(const std::string& name, const std::string& path) {
    const std::string_view why = WhyNeverMasked(name);
    if (!why.empty()) {
      return Report(path, absl::StrCat("'", name, "' cannot be masked: ", base::ToAbsl(why)));
    }
    std::vector<std::string> names = MaskingFieldNames();
    for (const Input& input : inputs_) names.push_back(input.name);
    Report(path, absl::StrCat("there is no field '", name.substr(0, 80), "' to mask",
                              NearestHint(name, names)));
  }

  void CheckInput(const v1::MaskingRule& rule, const std::string& name, const std::string& path) {
    bool known = false;
    std::vector<std::string> names;
    for (const Input& input : inputs_) {
      names.push_back(input.name);
      if (!NamesOverlap(name, input.name)) continue;
      known = true;
      if (!input.number && rule.action() == v1::MASKING_ACTION_ROUND) {
        Report(path, absl::StrCat("'", input.name,
                                  "' is text, which a model sees as 0 or 1; use 'drop'"));
      }
    }
    if (!known) {
      return Report(path, absl::StrCat("the bundle has no '", name.substr(0, 80), "'",
                                       NearestHint(name, names)));
    }
    for (const v1::Surface& surface : bundle_.surfaces()) CheckLearned(surface, name, path);
  }

  // Posteriors are learned from what the log says, so that cannot be masked.
  void CheckLearned(const v1::Surface& surface, const std::string& name, const std::string& path) {
    const std::string segment = absl::StrCat("user.", surface.segment_feature());
    if (!surface.segment_feature().empty() && NamesOverlap(name, segment)) {
      Report(path, absl::StrCat("'", segment, "' cannot be masked: it is the segment of surface '",
                                surface.id(), "', by which rewards are counted"));
    }
    CheckTerms(surface, "linear", surface.linear(), name, path);
    CheckTerms(surface, "logistic", surface.logistic(), name, path);
  }

  template <typename Basis>
  void CheckTerms(const v1::Surface& surface, const char* field, const Basis& basis,
                  const std::string& name, const std::string& path) {
    for (const std::string& key : basis.context_keys()) {
      const std::string term = absl::StrCat("context.", key);
      if (!NamesOverlap(name, term)) continue;
      Report(path, absl::StrCat("'", term, "' cannot be masked: surface '", surface.id(),
                                "' learns from it; take it out of ", field, ".context_keys first"));
    }
  }

  void CheckRewards(const TextPattern& pattern, const std::string& path) {
    for (const v1::Surface& surface : bundle_.surfaces()) {
      if (!pattern.Matches(surface.reward_kind())) continue;
      Report(path, absl::StrCat("the pattern matches '", surface.reward_kind().substr(0, 80),
                                "', the reward_kind of surface '", surface.id(),
                                "', which would then learn nothing"));
    }
    for (const v1::Constraint& row : bundle_.constraints()) {
      const auto matches = [&](const std::string& kind) { return pattern.Matches(kind); };
      const bool charged = !row.charged_on().empty() && matches(row.charged_on());
      if (!charged && std::none_of(row.returned_on().begin(), row.returned_on().end(), matches)) {
        continue;
      }
      Report(path, absl::StrCat("the pattern matches a kind of outcome that constraint '", row.id(),
                                "' is charged or returned on, which would then never be known"));
    }
  }

  // A field is masked by one rule, or by several with different patterns.
  void Take(Taken one) {
    for (const Taken& other : taken_) {
      if (!NamesOverlap(one.field, other.field)) continue;
      const bool parts = !one.pattern.empty() && !other.pattern.empty();
      if (parts && one.pattern != other.pattern) continue;
      Report(one.path, absl::StrCat("'", one.field, "' is masked by rule '", other.rule->name(),
                                    "' already, at ", places_.At(other.path).ToString()));
      return;
    }
    taken_.push_back(std::move(one));
  }

  const v1::Bundle& bundle_;
  const Places& places_;
  Problems* problems_;
  const std::vector<Input> inputs_;
  base::StringMap<std::string> names_;
  std::vector<Taken> taken_;
  const std::string* needs_salt_ = nullptr;
};

}  // namespace

void CheckMasking(const v1::Bundle& bundle, const Places& places, Problems* problems) {
  MaskingChecker(bundle, places, problems).Run();
}

}  // namespace fulcrum::config
