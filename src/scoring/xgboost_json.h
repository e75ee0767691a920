// Reads a model that XGBoost saved as JSON (docs/models.md says what is honoured).
//
// Strict: what cannot be honoured to the last bit of its meaning is refused with the reason, never
// approximated. The text comes from outside: any bytes give a model or an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "scoring/forest.h"

namespace fulcrum::scoring {

// How a margin becomes the prediction.
enum class Link : uint8_t {
  kLogistic,  // sigmoid: a probability
  kIdentity   // the margin itself
};

struct XgboostModel {
  Forest forest;
  Link link = Link::kLogistic;
  std::string objective;                   // as the file names it
  std::vector<std::string> feature_names;  // may be empty; otherwise one per column
};

inline constexpr size_t kXgboostJsonBytesMax = 64 << 20;

// INVALID_ARGUMENT if it is no model, UNIMPLEMENTED if it is one that needs what we do not have,
// RESOURCE_EXHAUSTED if it is larger than kXgboostJsonBytesMax.
absl::StatusOr<XgboostModel> ParseXgboostJson(std::string_view text);

}  // namespace fulcrum::scoring
