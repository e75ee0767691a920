// XGBoost's C API with owners and absl::Status. Not thread-safe.
#pragma once

#include <xgboost/c_api.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fulcrum::training {

// "XGBoost 1.7.4".
std::string XgboostVersion();

// Rows with labels and weights.
class TrainingMatrix {
 public:
  // `values` is row-major, NaN is missing; one label and weight per row.
  static absl::StatusOr<TrainingMatrix> Create(absl::Span<const float> values, size_t columns,
                                               absl::Span<const float> labels,
                                               absl::Span<const float> weights);
  DMatrixHandle handle() const { return handle_.get(); }

 private:
  struct Free {
    void operator()(void* handle) const { XGDMatrixFree(handle); }
  };
  std::unique_ptr<void, Free> handle_;
};

class Booster {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  // `cached`: matrices whose predictions are kept up to date from round to round; they must
  // outlive the booster.
  static absl::StatusOr<Booster> Create(absl::Span<const DMatrixHandle> cached,
                                        const Parameters& parameters);
  static absl::StatusOr<Booster> FromJson(const std::string& json);

  absl::Status SetParameters(const Parameters& parameters);
  absl::Status AddRound(int round, const TrainingMatrix& matrix);
  absl::StatusOr<std::vector<float>> Predict(const TrainingMatrix& matrix);
  absl::StatusOr<Booster> FirstRounds(int rounds);
  absl::StatusOr<std::string> ToJson();
  BoosterHandle handle() const { return handle_.get(); }

 private:
  struct Free {
    void operator()(void* handle) const { XGBoosterFree(handle); }
  };
  explicit Booster(BoosterHandle handle) : handle_(handle) {}
  std::unique_ptr<void, Free> handle_;
};

}  // namespace fulcrum::training
