#include "replay/recorded_world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fulcrum::replay {
namespace {

// Which of whose actions tell of one another.
std::vector<std::pair<std::string, std::string>> Pools(const config::Bundle& bundle,
                                                       const config::Surface& surface) {
  std::vector<std::pair<std::string, std::string>> pools;
  for (const int32_t index : surface.actions) {
    const config::Action& action = bundle.actions[static_cast<size_t>(index)];
    pools.emplace_back(action.id, bundle.campaigns[static_cast<size_t>(action.campaign)].id);
  }
  return pools;
}

// Whether a record of `was` holds the posteriors that `is` would have used, given the same model.
bool SamePosteriors(const config::Bundle& was_in, const config::Surface& was,
                    const config::Bundle& is_in, const config::Surface& is, bool has_model) {
  if (was.segment_feature != is.segment_feature || was.linear != is.linear) return false;
  if (was.forgetting != is.forgetting || was.value != is.value) return false;
  if (was.position_effects != is.position_effects) return false;
  if (was.pooling != is.pooling) return false;
  if (is.pooling && Pools(was_in, was) != Pools(is_in, is)) return false;
  if (has_model && !is.linear && was.model_strength != is.model_strength) return false;
  if (is.baseline_value.has_value()) return true;  // the neutral action's posterior is not read
  return !was.baseline_value.has_value() &&
         ((is.linear && !is.linear->log_odds) ||
          (was.baseline_alpha == is.baseline_alpha && was.baseline_beta == is.baseline_beta));
}

std::string WhatIs(const config::ManifestColumn& column) {
  return column.equals.has_value() ? absl::StrCat(column.key, " = ", *column.equals) : column.key;
}

}  // namespace

RecordedWorld::RecordedWorld(std::shared_ptr<const config::Bundle> bundle,
                             std::optional<config::ModelManifest> manifest, uint64_t model,
                             const OtherPolicy* other, bool always_rescore)
    : bundle_(std::move(bundle)),
      manifest_(std::move(manifest)),
      model_(model),
      other_(other),
      always_rescore_(always_rescore) {
  if (other_->model != nullptr && other_->model_version() != model_) MapColumns();
}

void RecordedWorld::MapColumns() {
  if (!manifest_.has_value()) {
    lacks_ = model_ == 0 ? "there was no model, so no model inputs were logged"
                         : "the model that it was logged with is not archived";
    return;
  }
  for (const config::ManifestColumn& wanted : other_->manifest->columns) {
    const auto found = std::find_if(manifest_->columns.begin(), manifest_->columns.end(),
                                    [&](const config::ManifestColumn& one) {
                                      return one.source == wanted.source && one.key == wanted.key &&
                                             one.equals == wanted.equals;
                                    });
    if (found == manifest_->columns.end()) {
      lacks_ = absl::StrCat("its snapshot lacks a column of the other model: ", WhatIs(wanted));
      return;
    }
    column_of_.push_back(static_cast<uint32_t>(found - manifest_->columns.begin()));
  }
}

bool RecordedWorld::KeepsPosteriors(const DecisionRecord& record) const {
  if (always_rescore_ || bundle_ == nullptr || model_ != other_->model_version()) return false;
  const config::Surface* const was = bundle_->FindSurface(record.surface);
  const config::Surface* const is = other_->bundle->FindSurface(record.surface);
  return was != nullptr && is != nullptr &&
         SamePosteriors(*bundle_, *was, *other_->bundle, *is, model_ != 0);
}

std::string RecordedWorld::Inputs(const DecisionRecord& record, const FeatureSnapshot* snapshot,
                                  const config::Surface& surface,
                                  const std::vector<size_t>& candidates,
                                  scoring::Scores* scores) const {
  if (bundle_ == nullptr) return "the bundle that it was logged with is not archived";
  const config::Surface* const was = bundle_->FindSurface(record.surface);
  if (was == nullptr) return "its own bundle has no such surface";
  if (!surface.segment_feature.empty()) {
    if (was->segment_feature != surface.segment_feature) {
      return absl::StrCat("its segment is not by ", surface.segment_feature);
    }
    scores->segment = record.segment;
  }
  if (std::string why = Columns(record, snapshot, candidates, scores); !why.empty()) return why;
  return surface.linear ? Terms(snapshot, *was, surface, scores) : "";
}

std::string RecordedWorld::Columns(const DecisionRecord& record, const FeatureSnapshot* snapshot,
                                   const std::vector<size_t>& candidates,
                                   scoring::Scores* scores) const {
  if (other_->model == nullptr) return "";
  if (!lacks_.empty()) return lacks_;
  if (snapshot == nullptr) return "no feature snapshot in the log";
  const bool same = other_->model_version() == model_;
  const size_t logged = same ? other_->model->columns() : manifest_->columns.size();
  if (snapshot->model != model_ || snapshot->values.size() != logged * record.candidates.size()) {
    return "its feature snapshot is of another model";
  }
  if (std::string masked = MaskedColumn(*snapshot, same); !masked.empty()) return masked;
  scores->columns = other_->model->columns();
  scores->inputs.reserve(candidates.size() * scores->columns);
  for (const size_t candidate : candidates) {
    const double* const row = snapshot->values.data() + candidate * logged;
    for (uint32_t i = 0; i < scores->columns; ++i) {
      scores->inputs.push_back(row[same ? i : column_of_[i]]);
    }
  }
  return "";
}

// Values that a masking rule changed are not what the decision was made with.
std::string RecordedWorld::MaskedColumn(const FeatureSnapshot& snapshot, bool same) const {
  for (const uint32_t column : snapshot.masked_columns) {
    if (!same && std::find(column_of_.begin(), column_of_.end(), column) == column_of_.end()) {
      continue;
    }
    const bool named = manifest_.has_value() && column < manifest_->columns.size();
    return absl::StrCat("a masking rule changed the model input ",
                        named ? WhatIs(manifest_->columns[column]) : absl::StrCat(column));
  }
  return "";
}

std::string RecordedWorld::Terms(const FeatureSnapshot* snapshot, const config::Surface& was,
                                 const config::Surface& surface, scoring::Scores* scores) const {
  for (const std::string& segment : surface.linear->segments) {
    scores->basis.push_back(segment == scores->segment ? 1 : 0);
  }
  for (const std::string& key : surface.linear->context_keys) {
    std::string missing = absl::StrCat("its snapshot lacks the context key ", key);
    if (!was.linear) return missing;
    const auto& keys = was.linear->context_keys;
    const auto found = std::find(keys.begin(), keys.end(), key);
    if (found == keys.end()) return missing;
    if (snapshot == nullptr) return "no feature snapshot in the log";
    if (snapshot->basis.size() != was.linear->terms() - 2) {
      return "its feature snapshot is of another model";
    }
    const auto at = was.linear->segments.size() + static_cast<size_t>(found - keys.begin());
    scores->basis.push_back(snapshot->basis[at]);
  }
  return "";
}

}  // namespace fulcrum::replay
