// Any bytes give rows or an error; rows are such that estimates of them are defined.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "evaluation/evaluate.h"
#include "evaluation/jsonl_rows.h"
#include "tests/fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 14;
  if (size > kBytesMax) return 0;
  namespace evaluation = fulcrum::evaluation;
  const auto rows = evaluation::ReadJsonlRows(fulcrum::testing::InputFile(data, size), "input");
  if (!rows.ok()) {
    FULCRUM_CHECK(rows.status().message().substr(0, 6) == "input:");
    return 0;
  }
  for (const evaluation::Row& row : rows->rows) {
    FULCRUM_CHECK(row.action < rows->actions.size());
    FULCRUM_CHECK(row.propensity > 0 && row.propensity <= 1);
    FULCRUM_CHECK(std::isfinite(row.reward));
    FULCRUM_CHECK(row.position >= 1 && row.position <= evaluation::kPositionMax);
    if (row.logged == evaluation::kNoDistribution) continue;
    FULCRUM_CHECK(rows->distributions.Get(row.logged).Has(row.action));
  }
  evaluation::EvaluateOptions options;
  options.resamples = 2;
  options.threads = 1;
  for (const auto& target : {evaluation::Target::Logged(), evaluation::Target::Uniform()}) {
    const auto evaluation = evaluation::Evaluate(*rows, target, options);
    FULCRUM_CHECK(evaluation.ok());
    FULCRUM_CHECK(evaluation->verdict.ok || !evaluation->verdict.reason.empty());
  }
  return 0;
}
