// Any bytes give a model or an error; a model predicts finite work on any row.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "scoring/xgboost_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 16;
  if (size > kBytesMax) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto model = fulcrum::scoring::ParseXgboostJson(text);
  if (!model.ok()) {
    FULCRUM_CHECK(!model.status().message().empty());
    return 0;
  }
  const size_t columns = model->forest.columns();
  std::vector<float> rows(2 * columns, std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < columns; ++i) rows[i] = static_cast<float>(i) / 2 - 1;
  std::vector<float> margins(2);
  model->forest.Predict(rows, absl::MakeSpan(margins));
  return 0;
}
