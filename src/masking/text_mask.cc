#include "masking/text_mask.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/strings.h"

namespace fulcrum::masking {
namespace {

constexpr size_t kWholeBytes = 16;  // of a hash that takes the place of a whole text
constexpr size_t kPartBytes = 8;    // of a match

bool Names(const config::MaskingRule& rule, std::string_view field) {
  return std::find(rule.fields.begin(), rule.fields.end(), field) != rule.fields.end();
}

}  // namespace

void Masked::Tidy() {
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
}

std::string KeyedHash(std::string_view salt, std::string_view field, std::string_view value,
                      size_t bytes) {
  const std::string named =
      absl::StrCat(base::ToAbsl(field), absl::string_view("\0", 1), base::ToAbsl(value));
  return base::ToHex(base::HmacSha256(salt, named)).substr(0, 2 * bytes);
}

TextMask::TextMask(config::MaskingField field, const std::vector<config::MaskingRule>& rules,
                   std::string_view salt)
    : field_(config::MaskingFieldName(field)), salt_(salt) {
  for (size_t i = 0; i < rules.size(); ++i) {
    if (Names(rules[i], field_)) steps_.push_back({i, rules[i]});
  }
}

void TextMask::Apply(std::string* text, Masked* masked) const {
  if (text->empty() || steps_.empty()) return;
  const std::string original = *text;
  const auto fail = [&](const Step& step) {
    *text = Hash(original, kWholeBytes);
    masked->changed.push_back(step.number);
    if (!masked->failed) masked->failed = step.number;
  };
  for (const Step& step : steps_) {
    const std::string before = *text;
    if (!Run(step, text)) return fail(step);
    if (*text != before) masked->changed.push_back(step.number);
  }
  // What one rule wrote, another may find, and two ends of a removed match may make a new one.
  for (const Step& step : steps_) {
    const bool replaces = step.rule.action == config::MaskingAction::kReplace;
    if (replaces && step.rule.pattern->Matches(*text)) return fail(step);
  }
}

bool TextMask::Run(const Step& step, std::string* text) const {
  const config::MaskingRule& rule = step.rule;
  if (rule.pattern == nullptr) {
    *text = Hash(*text, kWholeBytes);
    return true;
  }
  if (rule.action == config::MaskingAction::kReplace) {
    return rule.pattern->ReplaceEach(std::string_view(rule.replacement), text);
  }
  return rule.pattern->ReplaceEach(
      [this](std::string_view match) { return Hash(match, kPartBytes); }, text);
}

std::string TextMask::Hash(std::string_view text, size_t bytes) const {
  return KeyedHash(salt_, field_, text, bytes);
}

}  // namespace fulcrum::masking
