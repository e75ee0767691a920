#include "apps/artefacts.h"

#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "config/loader.h"
#include "replay/artefacts.h"

namespace fulcrum::apps {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{1} << 30;

absl::Status Copy(base::FileSystem* files, const std::string& from, const std::string& to) {
  FULCRUM_ASSIGN_OR_RETURN(const std::string bytes,
                           base::ReadWholeFile(files, from, kFileBytesMax));
  FULCRUM_RETURN_IF_ERROR(
      files->CreateDirectories(std::filesystem::path(to).parent_path().string()));
  return base::WriteFileAtomically(files, to, bytes);
}

absl::Status ArchiveModel(base::FileSystem* files, const std::string& archive,
                          const std::string& manifest_path, const config::ModelManifest& manifest) {
  if (replay::LoadArchivedManifest(files, archive, manifest.version).ok()) return absl::OkStatus();
  const std::string folder = replay::ModelFolder(archive, manifest.version);
  FULCRUM_RETURN_IF_ERROR(files->CreateDirectories(folder));
  for (const std::string& name : {manifest.forest_file, manifest.counts_file}) {
    FULCRUM_RETURN_IF_ERROR(
        Copy(files, absl::StrCat(manifest.directory, "/", name), absl::StrCat(folder, "/", name)));
  }
  return Copy(files, manifest_path, absl::StrCat(folder, "/", replay::kArchivedManifest));
}

absl::Status ArchiveBundle(base::FileSystem* files, const std::string& archive,
                           const std::string& bundle_directory, uint64_t version) {
  const std::string folder = replay::BundleFolder(archive, version);
  FULCRUM_RETURN_IF_ERROR(files->CreateDirectories(folder));
  // The same bundle may have been cut into other files when an unfinished copy was made.
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<std::string> left, files->List(folder));
  for (const std::string& name : left) {
    if (!absl::EndsWith(name, ".yaml")) continue;
    FULCRUM_RETURN_IF_ERROR(files->Remove(absl::StrCat(folder, "/", name)));
  }
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<config::BundleFile> sources,
                           config::ReadBundleFiles(files, bundle_directory));
  for (const config::BundleFile& source : sources) {
    const std::string name = std::filesystem::path(source.path).filename().string();
    FULCRUM_RETURN_IF_ERROR(
        base::WriteFileAtomically(files, absl::StrCat(folder, "/", name), source.text));
  }
  return files->SyncDirectory(archive);
}

}  // namespace

absl::Status ArchiveArtefacts(base::FileSystem* files, const std::string& data_dir,
                              const std::string& bundle_directory, const config::Bundle& bundle,
                              const config::ModelManifest* manifest) {
  const std::string archive = absl::StrCat(data_dir, "/artefacts");
  Versions versions;
  versions.bundle = bundle.version;
  versions.model = manifest == nullptr ? 0 : manifest->version;
  FULCRUM_RETURN_IF_ERROR(files->CreateDirectories(archive));
  if (manifest != nullptr) {
    FULCRUM_RETURN_IF_ERROR(ArchiveModel(files, archive, bundle.model_manifest, *manifest));
  }
  // A bundle loads together with its model, so this judges both.
  if (replay::LoadArchivedBundle(files, archive, versions).ok()) return absl::OkStatus();
  FULCRUM_RETURN_IF_ERROR(ArchiveBundle(files, archive, bundle_directory, bundle.version));
  return replay::LoadArchivedBundle(files, archive, versions).status();
}

}  // namespace fulcrum::apps
