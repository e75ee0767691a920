#include "apps/posterior_snapshots.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace fulcrum::apps {
namespace {

constexpr char kPrefix[] = "posterior-";
constexpr uint64_t kSnapshotBytesMax = uint64_t{1} << 30;

std::string PathOf(const std::string& directory, Lsn lsn) {
  return absl::StrCat(directory, "/", kPrefix, absl::StrFormat("%020d", lsn));
}

// The newest snapshot of `model`, if there is one.
absl::StatusOr<std::optional<scoring::Posteriors>> Newest(base::FileSystem* files,
                                                          const std::string& directory,
                                                          uint64_t model) {
  FULCRUM_ASSIGN_OR_RETURN(std::vector<std::string> names, files->List(directory));
  std::sort(names.rbegin(), names.rend());
  for (const std::string& name : names) {
    // Twenty digits and nothing else: not the temporary file of an unfinished write.
    if (!absl::StartsWith(name, kPrefix) || name.size() != sizeof kPrefix - 1 + 20) continue;
    const std::string path = absl::StrCat(directory, "/", name);
    FULCRUM_ASSIGN_OR_RETURN(const std::string bytes,
                             base::ReadWholeFile(files, path, kSnapshotBytesMax));
    auto posteriors = scoring::Posteriors::Parse(bytes);
    if (!posteriors.ok()) {
      return absl::DataLossError(
          absl::StrCat(path, ": ", posteriors.status().message(),
                       "; move the file away to start from the model's own counts"));
    }
    if (posteriors->model() == model) return *std::move(posteriors);
  }
  return std::optional<scoring::Posteriors>();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const scoring::Posteriors>> LoadPosteriors(
    base::FileSystem* files, const std::string& directory, const config::ModelManifest& manifest) {
  FULCRUM_ASSIGN_OR_RETURN(auto newest, Newest(files, directory, manifest.version));
  if (newest) return std::make_shared<const scoring::Posteriors>(*std::move(newest));
  FULCRUM_ASSIGN_OR_RETURN(scoring::Posteriors counts,
                           scoring::Posteriors::LoadCounts(
                               files, absl::StrCat(manifest.directory, "/", manifest.counts_file)));
  counts.set_model(manifest.version);
  FULCRUM_RETURN_IF_ERROR(
      base::WriteFileAtomically(files, PathOf(directory, counts.lsn()), counts.Serialise()));
  return std::make_shared<const scoring::Posteriors>(std::move(counts));
}

}  // namespace fulcrum::apps
