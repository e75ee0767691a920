// A loaded model: from feature rows to columns, and from columns to a probability per row.
//
// Immutable once loaded, thread-safe, held by shared_ptr. Everything that can be wrong with a model
// is found when it is loaded; Encode and Predict cannot fail.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/strings.h"
#include "config/manifest.h"
#include "domain/feature_row.h"
#include "scoring/forest.h"
#include "scoring/xgboost_json.h"

namespace fulcrum::scoring {

class Model {
 public:
  using Values = base::StringMap<domain::FeatureValue>;

  // Reads and checks the forest that `manifest` names. Errors carry the file's path: the forest's
  // own (xgboost_json.h), a column count or column names other than the manifest's.
  static absl::StatusOr<std::shared_ptr<const Model>> Load(base::FileSystem* files,
                                                           const config::ModelManifest& manifest);

  // The same from memory.
  static absl::StatusOr<std::shared_ptr<const Model>> Create(const config::ModelManifest& manifest,
                                                             XgboostModel forest);

  uint32_t columns() const { return forest_.columns(); }
  uint64_t version() const { return version_; }

  // One candidate's input row, `out` has columns() values. Null stands for a missing row. Each
  // (source, key) is looked up once, however many one-hot columns it feeds. EncodeRequest writes
  // what all candidates of a request share, EncodeCandidate the rest; Encode is both.
  void EncodeRequest(const Values* user, const Values& context, absl::Span<double> out) const;
  void EncodeCandidate(const Values* item, const Values& context, std::string_view action_id,
                       absl::Span<double> out) const;
  void Encode(const Values* user, const Values* item, const Values& context,
              std::string_view action_id, absl::Span<double> out) const;

  // Predictions of out.size() rows of columns() values. A probability for logistic objectives;
  // whatever was regressed on for squared error.
  void Predict(absl::Span<const double> rows, absl::Span<double> out) const;

 private:
  // One looked-up value and the columns that it feeds.
  struct Input {
    config::ColumnSource source = config::ColumnSource::kContext;
    std::string key;                    // kCandidate: with the dot that the action id follows
    std::vector<uint32_t> numbers;      // columns that take the number
    std::vector<uint32_t> one_hot;      // columns that are 1 for one text and 0 for others
    base::StringMap<uint32_t> of_text;  // text -> its column
  };

  static void Write(const Input& input, const domain::FeatureValue* value, absl::Span<double> out);
  absl::Status AddColumns(const config::ModelManifest& manifest);
  absl::Status AddColumn(const config::ManifestColumn& column, uint32_t number);
  Input* FindOrAddInput(const config::ManifestColumn& column);

  Forest forest_;
  Link link_ = Link::kLogistic;
  uint64_t version_ = 0;
  std::vector<Input> shared_inputs_;     // user, context
  std::vector<Input> candidate_inputs_;  // item, candidate
};

}  // namespace fulcrum::scoring
