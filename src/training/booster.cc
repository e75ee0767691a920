#include "training/booster.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::training {
namespace {

absl::Status Check(int code, const char* what) {
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("XGBoost: ", what, ": ", XGBGetLastError()));
}

}  // namespace

std::string XgboostVersion() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  XGBoostVersion(&major, &minor, &patch);
  return absl::StrCat("XGBoost ", major, ".", minor, ".", patch);
}

absl::StatusOr<TrainingMatrix> TrainingMatrix::Create(absl::Span<const float> values,
                                                      size_t columns,
                                                      absl::Span<const float> labels,
                                                      absl::Span<const float> weights) {
  DMatrixHandle handle = nullptr;
  FULCRUM_RETURN_IF_ERROR(
      Check(XGDMatrixCreateFromMat(values.data(), labels.size(), columns,
                                   std::numeric_limits<float>::quiet_NaN(), &handle),
            "cannot take the rows"));
  TrainingMatrix matrix;
  matrix.handle_.reset(handle);
  FULCRUM_RETURN_IF_ERROR(
      Check(XGDMatrixSetFloatInfo(handle, "label", labels.data(), labels.size()), "labels"));
  FULCRUM_RETURN_IF_ERROR(
      Check(XGDMatrixSetFloatInfo(handle, "weight", weights.data(), weights.size()), "weights"));
  return matrix;
}

absl::StatusOr<Booster> Booster::Create(absl::Span<const DMatrixHandle> cached,
                                        const Parameters& parameters) {
  BoosterHandle handle = nullptr;
  FULCRUM_RETURN_IF_ERROR(
      Check(XGBoosterCreate(cached.data(), cached.size(), &handle), "cannot make a booster"));
  Booster booster(handle);
  FULCRUM_RETURN_IF_ERROR(booster.SetParameters(parameters));
  return booster;
}

absl::StatusOr<Booster> Booster::FromJson(const std::string& json) {
  FULCRUM_ASSIGN_OR_RETURN(Booster booster, Create({}, {}));
  FULCRUM_RETURN_IF_ERROR(
      Check(XGBoosterLoadModelFromBuffer(booster.handle(), json.data(), json.size()),
            "cannot load the model"));
  return booster;
}

absl::Status Booster::SetParameters(const Parameters& parameters) {
  for (const auto& [name, value] : parameters) {
    FULCRUM_RETURN_IF_ERROR(
        Check(XGBoosterSetParam(handle(), name.c_str(), value.c_str()), name.c_str()));
  }
  return absl::OkStatus();
}

absl::Status Booster::AddRound(int round, const TrainingMatrix& matrix) {
  return Check(XGBoosterUpdateOneIter(handle(), round, matrix.handle()), "a boosting round");
}

absl::StatusOr<std::vector<float>> Booster::Predict(const TrainingMatrix& matrix) {
  constexpr char kAllTrees[] =
      R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":true})";
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* result = nullptr;
  FULCRUM_RETURN_IF_ERROR(Check(XGBoosterPredictFromDMatrix(handle(), matrix.handle(), kAllTrees,
                                                            &shape, &dimensions, &result),
                                "cannot predict"));
  return std::vector<float>(result, result + shape[0]);
}

absl::StatusOr<Booster> Booster::FirstRounds(int rounds) {
  BoosterHandle sliced = nullptr;
  FULCRUM_RETURN_IF_ERROR(
      Check(XGBoosterSlice(handle(), 0, rounds, 1, &sliced), "cannot keep the first rounds"));
  return Booster(sliced);
}

absl::StatusOr<std::string> Booster::ToJson() {
  bst_ulong size = 0;
  const char* bytes = nullptr;
  FULCRUM_RETURN_IF_ERROR(
      Check(XGBoosterSaveModelToBuffer(handle(), R"({"format":"json"})", &size, &bytes),
            "cannot save the model"));
  return std::string(bytes, size);
}

}  // namespace fulcrum::training
