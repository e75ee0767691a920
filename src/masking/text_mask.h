// The rules on one text of the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/bundle.h"
#include "config/masking_fields.h"

namespace fulcrum::masking {

// What masking did to one event. Numbers are those of rules, in the bundle's order.
struct Masked {
  std::vector<size_t> changed;   // as they came, repeats included, until Tidy()
  std::optional<size_t> failed;  // the first that could not be applied

  void Tidy();  // `changed` is then ascending, each once
};

// A keyed hash of `value`, as 2 * `bytes` hex digits, at most 64. Fields do not share hashes.
std::string KeyedHash(std::string_view salt, std::string_view field, std::string_view value,
                      size_t bytes);

// Immutable and thread-safe. What it promises of a text that was masked:
// - with a rule without pattern it is a keyed hash;
// - no pattern of a `replace` rule matches it, and each match of a `hash` rule was hashed;
// - it is a function of the text and of the salt alone, different for different texts if all rules
//   are `hash`, and at most 64 bytes of UTF-8;
// - if a rule cannot keep that (text too long, not UTF-8, still matching), the whole text becomes a
//   keyed hash and the rule has failed.
class TextMask {
 public:
  TextMask(config::MaskingField field, const std::vector<config::MaskingRule>& rules,
           std::string_view salt);

  bool empty() const { return steps_.empty(); }

  // Empty texts stay empty.
  void Apply(std::string* text, Masked* masked) const;

 private:
  struct Step {
    size_t number = 0;
    config::MaskingRule rule;
  };

  bool Run(const Step& step, std::string* text) const;
  std::string Hash(std::string_view text, size_t bytes) const;

  const std::string field_;
  const std::string salt_;
  std::vector<Step> steps_;
};

}  // namespace fulcrum::masking
