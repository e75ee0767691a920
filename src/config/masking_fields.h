// What masking rules call the fields of the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulcrum::config {

enum class MaskingField : uint8_t {
  kRequestId,
  kContextHash,
  kOutcomeId,
  kOutcomeKind,
  kInput  // of the model: user.FEATURE, item.FEATURE or context.KEY
};

// What a rule calls the field; empty for kInput.
std::string_view MaskingFieldName(MaskingField field);

// None if `name` is none of them.
std::optional<MaskingField> FindMaskingField(std::string_view name);

// Why what `name` says is logged as it is, whatever the rules; empty if that is not known of it.
std::string_view WhyNeverMasked(std::string_view name);

// Every name but those of inputs, and how those begin: for a hint.
const std::vector<std::string>& MaskingFieldNames();

// Whether two names, each of which may end in '*' for any rest, have a name in common.
bool NamesOverlap(std::string_view a, std::string_view b);

}  // namespace fulcrum::config
