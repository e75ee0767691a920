#include "config/request_key.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "config/nearest.h"

namespace fulcrum::config {
namespace {

std::string ProblemAmong(std::string_view name, const std::vector<std::string>& names,
                         const char* what) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return "";
  return absl::StrCat("there is no ", what, " '", base::ToAbsl(name.substr(0, 80)), "'",
                      NearestHint(name, names));
}

}  // namespace

RequestKeys::RequestKeys(const v1::Bundle& bundle) {
  for (const v1::FeatureView& view : bundle.feature_views()) {
    if (view.entity() != v1::ENTITY_USER) continue;
    for (const v1::Feature& feature : view.features()) {
      if (feature.type() == v1::VALUE_TYPE_TEXT) user_texts_.push_back(feature.name());
    }
  }
  for (const v1::ContextKey& key : bundle.context_keys()) {
    if (key.type() == v1::VALUE_TYPE_TEXT) context_texts_.push_back(key.name());
  }
}

std::string RequestKeys::ProblemOf(std::string_view key) const {
  if (key.starts_with(kUserPrefix)) {
    return ProblemAmong(key.substr(kUserPrefix.size()), user_texts_,
                        "text feature of the user view");
  }
  if (key.starts_with(kContextPrefix)) {
    return ProblemAmong(key.substr(kContextPrefix.size()), context_texts_,
                        "context key of type text");
  }
  return "expected 'user.FEATURE' or 'context.KEY'";
}

}  // namespace fulcrum::config
