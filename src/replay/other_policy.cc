#include "replay/other_policy.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "config/loader.h"

namespace fulcrum::replay {

absl::StatusOr<OtherPolicy> LoadPolicy(base::FileSystem* files, const std::string& directory) {
  OtherPolicy policy;
  FULCRUM_ASSIGN_OR_RETURN(policy.bundle, config::LoadBundle(files, directory));
  policy.loaded = policy.bundle;
  scoring::Posteriors counts;
  if (!policy.bundle->model_manifest.empty()) {
    FULCRUM_ASSIGN_OR_RETURN(policy.manifest,
                             config::LoadManifest(files, policy.bundle->model_manifest));
    FULCRUM_ASSIGN_OR_RETURN(policy.model, scoring::Model::Load(files, *policy.manifest));
    FULCRUM_ASSIGN_OR_RETURN(
        counts, scoring::Posteriors::LoadCounts(files, absl::StrCat(policy.manifest->directory, "/",
                                                                    policy.manifest->counts_file)));
  }
  policy.start = learning::StartOf(*policy.bundle, std::move(counts),
                                   policy.manifest.has_value() ? &*policy.manifest : nullptr);
  return policy;
}

}  // namespace fulcrum::replay
