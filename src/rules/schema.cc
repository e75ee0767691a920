#include "rules/schema.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "rules/limits.h"
#include "rules/rule_error.h"
#include "rules/words.h"

namespace fulcrum::rules {
namespace {

absl::Status CheckName(std::string_view name) {
  const size_t dot = name.find('.');
  if (!base::IsUtf8(name) || std::any_of(name.begin(), name.end(), IsControl)) {
    return absl::InvalidArgumentError("a field's name must be UTF-8 without control characters");
  }
  if (dot == std::string_view::npos || dot + 1 == name.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the field ", Quoted(name), " must be named scope.name"));
  }
  const std::string_view scope = name.substr(0, dot);
  if (!IsWord(scope) || IsReserved(scope)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the scope of ", Quoted(name),
        " must be a word of letters, digits and underscores that the language does not use"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kNumber:
      return "number";
    case Type::kText:
      return "text";
    case Type::kBoolean:
      return "boolean";
    case Type::kTexts:
      return "text set";
    case Type::kTime:
      return "time";
  }
  return "";
}

absl::StatusOr<Schema> Schema::Make(std::vector<Field> fields) {
  if (fields.size() > kFieldsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields.size(), " fields are more than the limit fields_max, ", kFieldsMax));
  }
  Schema schema;
  schema.fields_ = std::move(fields);
  for (size_t i = 0; i < schema.fields_.size(); ++i) {
    const std::string& name = schema.fields_[i].name;
    FULCRUM_RETURN_IF_ERROR(CheckName(name));
    if (!schema.slots_.emplace(name, static_cast<uint16_t>(i)).second) {
      return absl::InvalidArgumentError(absl::StrCat("two fields are named ", Quoted(name)));
    }
  }
  return schema;
}

std::optional<uint16_t> Schema::Find(std::string_view name) const {
  const auto found = slots_.find(name);
  if (found == slots_.end()) return std::nullopt;
  return found->second;
}

}  // namespace fulcrum::rules
