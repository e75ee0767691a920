#include "replay/artefacts.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "config/loader.h"

namespace fulcrum::replay {
namespace {

std::string Folder(const std::string& archive, const char* kind, uint64_t version) {
  return absl::StrCat(archive, "/", kind, "-", absl::StrFormat("%016x", version));
}

absl::Status CheckExists(base::FileSystem* files, const std::string& folder) {
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(folder));
  if (exists) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("'", folder, "' is not archived; restore it beside the log"));
}

absl::Status Damaged(const std::string& folder, const std::string& what) {
  return absl::DataLossError(
      absl::StrCat("'", folder, "' does not give the version that it is named after: ", what,
                   "; restore it, or use the program of the version that wrote it"));
}

// An archived bundle names its model as it did in its old place. This reads the archived model
// under whatever name the bundle has for it: the first file that is opened is the manifest, all
// others stand in its directory. For reading only.
class ArchivedModel final : public base::FileSystem {
 public:
  ArchivedModel(base::FileSystem* files, std::string folder)
      : files_(files), folder_(std::move(folder)) {}

  absl::StatusOr<std::unique_ptr<base::ReadFile>> OpenForRead(const std::string& path) override {
    if (manifest_.empty()) {
      manifest_ = path;
      directory_ = std::filesystem::path(path).parent_path().string() + "/";
    }
    if (path == manifest_) return files_->OpenForRead(folder_ + "/" + kArchivedManifest);
    if (!absl::StartsWith(path, directory_)) return absl::NotFoundError(path + ": not archived");
    return files_->OpenForRead(absl::StrCat(folder_, "/", path.substr(directory_.size())));
  }

  absl::StatusOr<std::unique_ptr<base::AppendFile>> OpenForAppend(const std::string& path,
                                                                  base::OpenMode) override {
    return ReadOnly(path);
  }
  absl::Status Rename(const std::string& from, const std::string&) override {
    return ReadOnly(from);
  }
  absl::Status Remove(const std::string& path) override { return ReadOnly(path); }
  absl::Status CreateDirectories(const std::string& path) override { return ReadOnly(path); }
  absl::Status SyncDirectory(const std::string& path) override { return ReadOnly(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return ReadOnly(path);
  }
  absl::StatusOr<bool> Exists(const std::string& path) override { return ReadOnly(path); }
  absl::StatusOr<std::unique_ptr<base::FileLock>> Lock(const std::string& path) override {
    return ReadOnly(path);
  }

 private:
  static absl::Status ReadOnly(const std::string& path) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": an archive is only read"));
  }

  base::FileSystem* const files_;
  const std::string folder_;
  std::string manifest_;
  std::string directory_;
};

}  // namespace

std::string ArchiveOf(const std::string& log_directory) {
  return (std::filesystem::path(log_directory) / ".." / "artefacts").string();
}

std::string BundleFolder(const std::string& archive, uint64_t version) {
  return Folder(archive, "bundle", version);
}

std::string ModelFolder(const std::string& archive, uint64_t version) {
  return Folder(archive, "model", version);
}

absl::StatusOr<std::shared_ptr<const config::Bundle>> LoadArchivedBundle(base::FileSystem* files,
                                                                         const std::string& archive,
                                                                         const Versions& versions) {
  const std::string folder = BundleFolder(archive, versions.bundle);
  FULCRUM_RETURN_IF_ERROR(CheckExists(files, folder));
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<config::BundleFile> sources,
                           config::ReadBundleFiles(files, folder));
  ArchivedModel model(files, ModelFolder(archive, versions.model));
  config::Problems problems;
  auto bundle = config::BuildBundle(&model, sources, folder, &problems);
  if (!bundle.ok()) return Damaged(folder, std::string(bundle.status().message()));
  if ((*bundle)->version != versions.bundle) {
    return Damaged(folder, absl::StrFormat("it gives %016x", (*bundle)->version));
  }
  return bundle;
}

absl::StatusOr<config::ModelManifest> LoadArchivedManifest(base::FileSystem* files,
                                                           const std::string& archive,
                                                           uint64_t version) {
  const std::string folder = ModelFolder(archive, version);
  FULCRUM_RETURN_IF_ERROR(CheckExists(files, folder));
  auto manifest = config::LoadManifest(files, absl::StrCat(folder, "/", kArchivedManifest));
  if (!manifest.ok()) return Damaged(folder, std::string(manifest.status().message()));
  if (manifest->version != version) {
    return Damaged(folder, absl::StrFormat("it gives %016x", manifest->version));
  }
  return manifest;
}

absl::StatusOr<Artefacts> LoadArchived(base::FileSystem* files, const std::string& log_directory,
                                       const Versions& versions) {
  const std::string archive = ArchiveOf(log_directory);
  Artefacts artefacts;
  FULCRUM_ASSIGN_OR_RETURN(artefacts.bundle, LoadArchivedBundle(files, archive, versions));
  scoring::Posteriors counts;
  if (versions.model != 0) {
    FULCRUM_ASSIGN_OR_RETURN(artefacts.manifest,
                             LoadArchivedManifest(files, archive, versions.model));
    const config::ModelManifest& manifest = *artefacts.manifest;
    FULCRUM_ASSIGN_OR_RETURN(artefacts.model, scoring::Model::Load(files, manifest));
    FULCRUM_ASSIGN_OR_RETURN(
        counts, scoring::Posteriors::LoadCounts(
                    files, absl::StrCat(manifest.directory, "/", manifest.counts_file)));
  }
  artefacts.start =
      learning::StartOf(*artefacts.bundle, std::move(counts),
                        artefacts.manifest.has_value() ? &*artefacts.manifest : nullptr);
  return artefacts;
}

}  // namespace fulcrum::replay
