// What the decisions of one bundle and model were made with, and how their records and snapshots
// are read under another bundle and model.
//
// Where both sides have the same model and the same settings of the posteriors, the record's own
// posteriors hold: nothing but the record is needed. Otherwise the candidates are scored again: the
// columns that the other model asks for are looked for in the snapshot by what they are (source,
// key and text, not name or place), and so are the terms of a linear posterior.
//
// Immutable once made, thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/bundle.h"
#include "config/manifest.h"
#include "fulcrum/decision_record.h"
#include "replay/other_policy.h"
#include "scoring/scorer.h"

namespace fulcrum::replay {

class RecordedWorld {
 public:
  // `bundle` is null if it is not archived, `manifest` if it is not or there was no model. All must
  // outlive this.
  RecordedWorld(std::shared_ptr<const config::Bundle> bundle,
                std::optional<config::ModelManifest> manifest, uint64_t model,
                const OtherPolicy* other, bool always_rescore);

  const config::Bundle* bundle() const { return bundle_.get(); }

  // Whether the record's own posteriors hold under the other policy.
  bool KeepsPosteriors(const DecisionRecord& record) const;

  // Segment, inputs and terms for the other policy's `surface`; an empty text, or why not.
  // `candidates` are the record's that are still there.
  std::string Inputs(const DecisionRecord& record, const FeatureSnapshot* snapshot,
                     const config::Surface& surface, const std::vector<size_t>& candidates,
                     scoring::Scores* scores) const;

 private:
  std::string Columns(const DecisionRecord& record, const FeatureSnapshot* snapshot,
                      const std::vector<size_t>& candidates, scoring::Scores* scores) const;
  std::string MaskedColumn(const FeatureSnapshot& snapshot, bool same) const;
  std::string Terms(const FeatureSnapshot* snapshot, const config::Surface& was,
                    const config::Surface& surface, scoring::Scores* scores) const;
  void MapColumns();

  const std::shared_ptr<const config::Bundle> bundle_;
  const std::optional<config::ModelManifest> manifest_;
  const uint64_t model_;
  const OtherPolicy* const other_;
  const bool always_rescore_;
  std::vector<uint32_t> column_of_;  // of the snapshot, by the other model's column
  std::string lacks_;                // what no snapshot of this world has; empty: nothing
};

}  // namespace fulcrum::replay
