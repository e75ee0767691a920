#include "config/loader.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "config/model_check.h"
#include "config/resolve.h"
#include "config/validate.h"
#include "config/yaml_to_proto.h"
#include "config/yaml_tree.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {
namespace {

constexpr size_t kFilesMax = 256;

// The messages whose absence means "all defaults".
void AddDefaultMessages(v1::Bundle* bundle) {
  bundle->mutable_server();
  bundle->mutable_log();
  for (v1::Surface& surface : *bundle->mutable_surfaces()) {
    surface.mutable_baseline();
    if (surface.mode() == v1::MODE_CAUTIOUS) surface.mutable_caution();
  }
}

// SHA-256 over the meaning: neither comments nor layout, order of entries or files change it.
base::Sha256Digest DigestOf(const v1::Bundle& canonical, const std::string& manifest_sha256) {
  std::string bytes = "fulcrum bundle 1\n";
  {
    google::protobuf::io::StringOutputStream output(&bytes);
    google::protobuf::io::CodedOutputStream coded(&output);
    coded.SetSerializationDeterministic(true);
    canonical.SerializeToCodedStream(&coded);
  }
  absl::StrAppend(&bytes, "\nmodel ", manifest_sha256);
  return base::Sha256(bytes);
}

}  // namespace

absl::StatusOr<std::vector<BundleFile>> ReadBundleFiles(base::FileSystem* files,
                                                        const std::string& directory) {
  std::vector<std::string> names;
  FULCRUM_ASSIGN_OR_RETURN(names, files->List(directory));
  const auto other = [](const std::string& name) {
    return name.front() == '.' || !absl::EndsWith(name, ".yaml");
  };
  names.erase(std::remove_if(names.begin(), names.end(), other), names.end());
  std::sort(names.begin(), names.end());
  if (names.empty()) {
    return absl::NotFoundError(absl::StrCat(
        directory, ": no *.yaml file here; name the directory that holds the bundle's files"));
  }
  if (names.size() > kFilesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat(directory, ": more than ", kFilesMax, " *.yaml files"));
  }
  std::vector<BundleFile> read;
  for (const std::string& name : names) {
    BundleFile& file = read.emplace_back();
    file.path = (std::filesystem::path(directory) / name).string();
    FULCRUM_ASSIGN_OR_RETURN(file.text, base::ReadWholeFile(files, file.path, kYamlBytesMax));
  }
  return read;
}

absl::StatusOr<std::shared_ptr<const Bundle>> BuildBundle(base::FileSystem* files,
                                                          const std::vector<BundleFile>& sources,
                                                          const std::string& directory,
                                                          Problems* problems) {
  v1::Bundle message;
  Places places;
  places.Set("", {directory, 0, 0});
  for (const BundleFile& source : sources) {
    ReadMessage(ParseYaml(source.text, source.path, problems), source.path, &message, &places,
                problems);
  }
  AddDefaultMessages(&message);
  FinishMessage(&message, places, problems);
  ValidateBundle(message, places, problems);
  const std::string absolute = std::filesystem::absolute(directory).lexically_normal().string();
  std::string manifest_sha256;
  CheckModel(files, message, places, absolute, &manifest_sha256, problems);
  problems->SortByPlace();
  FULCRUM_RETURN_IF_ERROR(problems->ToStatus());

  Canonicalise(&message);
  auto bundle = std::make_shared<Bundle>(Resolve(message, absolute));
  const base::Sha256Digest digest = DigestOf(message, manifest_sha256);
  bundle->digest = base::ToHex(digest);
  bundle->version = base::ShortDigest(digest);
  return bundle;
}

absl::StatusOr<std::shared_ptr<const Bundle>> LoadBundle(base::FileSystem* files,
                                                         const std::string& directory,
                                                         Problems* problems) {
  std::vector<BundleFile> sources;
  FULCRUM_ASSIGN_OR_RETURN(sources, ReadBundleFiles(files, directory));
  return BuildBundle(files, sources, directory, problems);
}

absl::StatusOr<std::shared_ptr<const Bundle>> LoadBundle(base::FileSystem* files,
                                                         const std::string& directory) {
  Problems problems;
  return LoadBundle(files, directory, &problems);
}

}  // namespace fulcrum::config
