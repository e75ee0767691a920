// Which columns a set of rows gives a model, and the rows as those columns.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "config/manifest.h"
#include "training/trainer.h"

namespace fulcrum::training {

struct Columns {
  std::vector<config::ManifestColumn> columns;  // sorted by source, key and text
  std::vector<DroppedCategories> dropped;
};

// A number becomes one column, a text one 0/1 column for each of its categories_max most frequent
// values in the first `rows_learned` rows; features that have no value there get no column.
// INVALID_ARGUMENT if a feature is a number in one row and a text in another.
absl::StatusOr<Columns> ChooseColumns(absl::Span<const TrainingRow> rows, size_t rows_learned,
                                      uint32_t categories_max);

// Row-major, missing is NaN: encoded by the code that serves (scoring::Model), so that training and
// serving cannot differ.
absl::StatusOr<std::vector<float>> EncodeRows(absl::Span<const TrainingRow> rows,
                                              const std::vector<config::ManifestColumn>& columns);

}  // namespace fulcrum::training
