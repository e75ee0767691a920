#include "training/options.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace fulcrum::training {
namespace {

// XGBoost keeps the levels of a tree in 32 bits, and the service serves at most 64.
constexpr uint32_t kDepthMost = 30;

}  // namespace

absl::Status CheckOptions(const TrainingOptions& options) {
  if (options.rounds_max < 1) {
    return absl::InvalidArgumentError("training needs at least one round");
  }
  if (options.rounds_patience < 1) {
    return absl::InvalidArgumentError(
        "early stopping needs to wait for at least one round without a better loss");
  }
  if (options.depth_max < 1 || options.depth_max > kDepthMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("the depth of a tree must be 1 to ", kDepthMost));
  }
  if (!(options.learning_rate > 0 && options.learning_rate <= 1)) {
    return absl::InvalidArgumentError("the learning rate must be above 0 and at most 1");
  }
  if (!(options.validation_share >= 0 && options.validation_share < 1)) {
    return absl::InvalidArgumentError("the validation share must be in [0, 1)");
  }
  if (!(options.weight_cut >= 1) || !std::isfinite(options.weight_cut)) {
    return absl::InvalidArgumentError("the weight cut must be at least 1, the mean weight");
  }
  return absl::OkStatus();
}

}  // namespace fulcrum::training
