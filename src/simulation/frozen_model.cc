#include "simulation/frozen_model.h"

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "config/manifest.h"
#include "fulcrum/decision_record.h"
#include "simulation/frozen.h"

namespace fulcrum::simulation {
namespace {

// One tree of one leaf: the same margin, 0, for everybody.
constexpr char kSilentForest[] =
    R"({"learner":{"feature_names":[],"feature_types":[],
"gradient_booster":{"model":{"tree_info":[0],"trees":[{
"categories":[],"categories_nodes":[],"default_left":[0],"left_children":[-1],
"right_children":[-1],"split_conditions":[0.0],"split_indices":[0],"split_type":[0],
"tree_param":{"num_nodes":"1","size_leaf_vector":"0"}}]},"name":"gbtree"},
"learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"1","num_target":"1"},
"objective":{"name":"binary:logistic"}},"version":[1,7,4]}
)";

std::string CountsCsv(const World& world) {
  const scoring::Posteriors posteriors = FrozenPosteriors(world);
  std::vector<std::string> segments = world.segments();
  segments.insert(segments.begin(), "");
  std::string text = "segment,action_id,trials,successes\n";
  for (const std::string& segment : segments) {
    for (size_t arm = 0; arm <= world.neutral(); ++arm) {
      const std::string id = arm == world.neutral() ? kNeutralActionId : world.arms[arm].id;
      const scoring::ArmCounts counts = posteriors.Find(segment, id);
      absl::StrAppend(&text, segment, ",", id, ",", counts.trials, ",", counts.successes, "\n");
    }
  }
  return text;
}

}  // namespace

absl::Status WriteFrozenModel(const World& world, const std::string& bundle_directory) {
  base::FileSystem* const files = base::PosixFileSystem();
  const std::string directory = absl::StrCat(bundle_directory, "/model");
  FULCRUM_RETURN_IF_ERROR(files->CreateDirectories(directory));
  const std::string counts = CountsCsv(world);
  config::ModelManifest manifest;
  manifest.name = absl::StrCat("frozen ", world.name);
  config::ManifestColumn& column = manifest.columns.emplace_back();
  column.name = "first segment";
  column.source = config::ColumnSource::kUser;
  column.key = kSegmentFeature;
  column.equals = world.segments().front();
  manifest.forest_file = "forest.json";
  manifest.forest_sha256 = base::ToHex(base::Sha256(kSilentForest));
  manifest.counts_file = "counts.csv";
  manifest.counts_sha256 = base::ToHex(base::Sha256(counts));
  manifest.segment_key = kSegmentFeature;
  manifest.trained_on = "nothing: made up";
  manifest.trainer = "fulcrum simulate";
  FULCRUM_RETURN_IF_ERROR(
      base::WriteFileAtomically(files, absl::StrCat(directory, "/forest.json"), kSilentForest));
  FULCRUM_RETURN_IF_ERROR(
      base::WriteFileAtomically(files, absl::StrCat(directory, "/counts.csv"), counts));
  return base::WriteFileAtomically(files, absl::StrCat(directory, "/manifest.yaml"),
                                   config::WriteManifest(manifest));
}

BundleOptions FrozenBundle(double exploration_floor) {
  BundleOptions options;
  options.exploration_floor = exploration_floor;
  options.exposure_required = false;
  options.attribution_window = kFrozenWindow;
  options.late_from = LateFrom();
  options.model_manifest = "model/manifest.yaml";
  options.model_strength = 0;
  return options;
}

}  // namespace fulcrum::simulation
