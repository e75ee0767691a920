#include "config/model_check.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/manifest_reader.h"
#include "config/nearest.h"

namespace fulcrum::config {
namespace {

// What columns of one source may refer to.
struct Sources {
  std::vector<std::string> names;
  std::vector<v1::ValueType> types;

  void Add(const std::string& name, v1::ValueType type) {
    names.push_back(name);
    types.push_back(type);
  }
};

bool Matches(std::string_view pattern, std::string_view key) {
  if (pattern.empty() || pattern.back() != '*') return pattern == key;
  pattern.remove_suffix(1);
  return key.substr(0, pattern.size()) == pattern;
}

class ModelChecker {
 public:
  ModelChecker(const v1::Bundle& bundle, const ManifestFile& file, Problems* problems)
      : bundle_(bundle), file_(file), problems_(problems) {}

  void Check(const Places& bundle_places) {
    const ModelManifest& manifest = file_.manifest;
    if (manifest.schema_version != bundle_.schema_version()) {
      Report("schema_version",
             absl::StrCat("the model was trained on schema version ", manifest.schema_version,
                          ", the bundle has ", bundle_.schema_version(), "; train it again"));
    }
    for (size_t i = 0; i < manifest.columns.size(); ++i) {
      CheckColumn(manifest.columns[i], absl::StrCat("columns[", i, "]"));
    }
    CheckSegments(bundle_places);
  }

 private:
  void Report(const std::string& path, const std::string& message) {
    problems_->Add(file_.places.At(path), absl::StrCat(path, ": ", message));
  }

  Sources FeaturesOf(v1::Entity entity) const {
    Sources sources;
    for (const v1::FeatureView& view : bundle_.feature_views()) {
      if (view.entity() != entity) continue;
      for (const v1::Feature& feature : view.features()) {
        sources.Add(feature.name(), feature.type());
      }
    }
    return sources;
  }

  Sources ContextKeys() const {
    Sources sources;
    for (const v1::ContextKey& key : bundle_.context_keys()) sources.Add(key.name(), key.type());
    return sources;
  }

  void CheckColumn(const ManifestColumn& column, const std::string& path) {
    switch (column.source) {
      case ColumnSource::kUser:
        return CheckKey(column, column.key, path, "feature of the user view",
                        FeaturesOf(v1::ENTITY_USER));
      case ColumnSource::kItem:
        return CheckKey(column, column.key, path, "feature of the item view",
                        FeaturesOf(v1::ENTITY_ITEM));
      case ColumnSource::kContext:
        return CheckKey(column, column.key, path, "context key", ContextKeys());
      case ColumnSource::kCandidate:
        return CheckKey(column, column.key + ".*", path, "context key", ContextKeys());
    }
  }

  void CheckKey(const ManifestColumn& column, const std::string& key, const std::string& path,
                const char* what, const Sources& sources) {
    for (size_t i = 0; i < sources.names.size(); ++i) {
      if (!Matches(sources.names[i], key)) continue;
      const bool text = sources.types[i] == v1::VALUE_TYPE_TEXT;
      if (text == column.equals.has_value()) return;
      Report(path + ".key", absl::StrCat("'", key, "' is ", text ? "text" : "a number",
                                         text ? ": such a column needs 'equals'"
                                              : ": such a column must not have 'equals'"));
      return;
    }
    Report(path + ".key", absl::StrCat("the bundle has no ", what, " '", key, "'",
                                       NearestHint(key, sources.names)));
  }

  void CheckSegments(const Places& bundle_places) {
    const std::string& key = file_.manifest.segment_key;
    for (int i = 0; i < bundle_.surfaces_size(); ++i) {
      const std::string& feature = bundle_.surfaces(i).segment_feature();
      if (key.empty() || feature.empty() || key == feature) continue;
      const std::string path = absl::StrCat("surfaces[", i, "].segment_feature");
      problems_->Add(bundle_places.At(path),
                     absl::StrCat(path, ": the model's counts are by '", key, "', not by '",
                                  feature, "'; use that, or train with this segment"));
    }
  }

  const v1::Bundle& bundle_;
  const ManifestFile& file_;
  Problems* problems_;
};

}  // namespace

void CheckModel(base::FileSystem* files, const v1::Bundle& bundle, const Places& places,
                const std::string& directory, std::string* sha256, Problems* problems) {
  if (!bundle.has_model() || bundle.model().manifest().empty()) return;
  const std::string path =
      (std::filesystem::path(directory) / bundle.model().manifest()).lexically_normal().string();
  ManifestFile file;
  const size_t before = problems->count();
  const absl::Status read = ReadManifest(files, path, &file, problems);
  if (!read.ok()) {
    problems->Add(places.At("model.manifest"),
                  absl::StrCat("model.manifest: ", read.message(),
                               "; train a model (`fulcrum train`) or remove 'model'"));
    return;
  }
  *sha256 = file.sha256;
  if (problems->count() == before) ModelChecker(bundle, file, problems).Check(places);
}

}  // namespace fulcrum::config
