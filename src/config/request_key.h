// `user.FEATURE` and `context.KEY`: where a bundle says that a text of the request stands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

inline constexpr std::string_view kUserPrefix = "user.";
inline constexpr std::string_view kContextPrefix = "context.";

// The keys that requests of one bundle can have. Immutable.
class RequestKeys {
 public:
  explicit RequestKeys(const v1::Bundle& bundle);

  // What is wrong with `key`, with the remedy; empty if nothing is.
  std::string ProblemOf(std::string_view key) const;

 private:
  std::vector<std::string> user_texts_;
  std::vector<std::string> context_texts_;
};

}  // namespace fulcrum::config
