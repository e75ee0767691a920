#include "config/manifest.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "config/manifest_reader.h"
#include "config/proto_to_yaml.h"
#include "config/yaml_tree.h"
#include "fulcrum/config/v1/manifest.pb.h"

namespace fulcrum::config {
namespace {

constexpr uint64_t kModelBytesMax = 1 << 30;

int64_t MicrosOf(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000 + time.nanos() / 1'000;
}

void SetMicros(int64_t micros, google::protobuf::Timestamp* time) {
  const absl::Time at = absl::FromUnixMicros(micros);
  time->set_seconds(absl::ToUnixSeconds(at));
  time->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(at - absl::FromUnixSeconds(time->seconds()))));
}

ColumnSummary FromProto(const v1::Summary& from) {
  return {from.count(),
          from.missing_share(),
          from.mean(),
          from.sd(),
          {from.quantiles().begin(), from.quantiles().end()}};
}

void ToProto(const ColumnSummary& from, v1::Summary* to) {
  to->set_count(from.count);
  to->set_missing_share(from.missing_share);
  to->set_mean(from.mean);
  to->set_sd(from.sd);
  to->mutable_quantiles()->Add(from.quantiles.begin(), from.quantiles.end());
}

ModelValidation FromProto(const v1::Validation& from) {
  return {from.share(),         from.rows(),   MicrosOf(from.start()), from.loss(),
          from.constant_loss(), from.rounds(), from.rounds_tried()};
}

void ToProto(const ModelValidation& from, v1::Validation* to) {
  to->set_share(from.share);
  to->set_rows(from.rows);
  SetMicros(from.start_us, to->mutable_start());
  to->set_loss(from.loss);
  to->set_constant_loss(from.constant_loss);
  to->set_rounds(from.rounds);
  to->set_rounds_tried(from.rounds_tried);
}

ModelManifest FromProto(const v1::ModelManifest& from) {
  ModelManifest to;
  to.name = from.name();
  to.schema_version = from.schema_version();
  for (const v1::Column& column : from.columns()) {
    ManifestColumn& added = to.columns.emplace_back();
    added.name = column.name();
    added.source = static_cast<ColumnSource>(column.source() - v1::COLUMN_SOURCE_USER);
    added.key = column.key();
    if (column.has_equals()) added.equals = column.equals();
    if (column.has_summary()) added.summary = FromProto(column.summary());
  }
  to.forest_file = from.forest_file();
  to.forest_sha256 = from.forest_sha256();
  to.counts_file = from.counts_file();
  to.counts_sha256 = from.counts_sha256();
  to.segment_key = from.segment_key();
  to.trained_on = from.trained_on();
  to.training_rows = from.training_rows();
  to.training_start_us = MicrosOf(from.training_start());
  to.training_end_us = MicrosOf(from.training_end());
  to.trainer = from.trainer();
  to.counts_lsn = from.counts_lsn();
  if (from.has_validation()) to.validation = FromProto(from.validation());
  return to;
}

v1::ModelManifest ToProto(const ModelManifest& from) {
  v1::ModelManifest to;
  to.set_name(from.name);
  to.set_schema_version(from.schema_version);
  for (const ManifestColumn& column : from.columns) {
    v1::Column* added = to.add_columns();
    added->set_name(column.name);
    added->set_source(
        static_cast<v1::ColumnSource>(static_cast<int>(column.source) + v1::COLUMN_SOURCE_USER));
    added->set_key(column.key);
    if (column.equals.has_value()) added->set_equals(*column.equals);
    if (column.summary.has_value()) ToProto(*column.summary, added->mutable_summary());
  }
  to.set_forest_file(from.forest_file);
  to.set_forest_sha256(from.forest_sha256);
  to.set_counts_file(from.counts_file);
  to.set_counts_sha256(from.counts_sha256);
  to.set_segment_key(from.segment_key);
  to.set_trained_on(from.trained_on);
  to.set_training_rows(from.training_rows);
  SetMicros(from.training_start_us, to.mutable_training_start());
  SetMicros(from.training_end_us, to.mutable_training_end());
  to.set_trainer(from.trainer);
  to.set_counts_lsn(from.counts_lsn);
  if (from.validation.has_value()) ToProto(*from.validation, to.mutable_validation());
  return to;
}

bool IsSha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Inside the manifest's directory, so that a model travels as one folder.
bool StaysInside(const std::filesystem::path& path) {
  if (path.is_absolute()) return false;
  for (const std::filesystem::path& part : path) {
    if (part == "..") return false;
  }
  return true;
}

// The summaries against what they say of themselves.
class SummaryCheck {
 public:
  SummaryCheck(const ManifestFile& file, Problems* problems) : file_(file), problems_(problems) {}

  void Run() {
    const std::vector<ManifestColumn>& columns = file_.manifest.columns;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].summary) Check(*columns[i].summary, absl::StrCat("columns[", i, "].summary"));
    }
  }

 private:
  void Check(const ColumnSummary& summary, const std::string& path) {
    const std::vector<double>& quantiles = summary.quantiles;
    if (summary.count > file_.manifest.training_rows) {
      Report(path + ".count", absl::StrCat("more than the ", file_.manifest.training_rows,
                                           " training rows; train again or remove the summary"));
    }
    const size_t expected = summary.count == 0 ? 0 : ColumnSummary::kQuantiles;
    if (quantiles.size() != expected) {
      Report(path + ".quantiles",
             absl::StrCat("must be ", expected, " numbers, not ", quantiles.size(),
                          ", for a count of ", summary.count));
    }
    if (!std::is_sorted(quantiles.begin(), quantiles.end())) {
      Report(path + ".quantiles", "must ascend");
    }
  }

  void Report(const std::string& path, const std::string& message) {
    problems_->Add(file_.places.At(path), absl::StrCat(path, ": ", message));
  }

  const ManifestFile& file_;
  Problems* problems_;
};

// One file that a manifest names, against the hash it states.
class FileCheck {
 public:
  FileCheck(base::FileSystem* files, const ManifestFile& manifest, Problems* problems)
      : files_(files), manifest_(manifest), problems_(problems) {}

  void Check(const char* field, const std::string& name, const char* hash_field,
             const std::string& sha256) {
    if (name.empty() || sha256.empty()) return;  // reported as missing
    if (!IsSha256(sha256)) {
      Report(hash_field, "must be 64 digits of 0-9 and a-f");
      return;
    }
    if (!StaysInside(name)) {
      Report(field, "must be relative and stay inside the manifest's directory");
      return;
    }
    const std::string path = manifest_.manifest.directory + "/" + name;
    absl::StatusOr<std::string> bytes = base::ReadWholeFile(files_, path, kModelBytesMax);
    if (!bytes.ok()) {
      Report(field, absl::StrCat("cannot read it: ", bytes.status().message()));
      return;
    }
    const std::string actual = base::ToHex(base::Sha256(*bytes));
    if (actual != sha256) {
      Report(hash_field, absl::StrCat("'", path, "' has SHA-256 ", actual,
                                      ": it is not the file that was trained; train again or "
                                      "restore it"));
    }
  }

 private:
  void Report(const char* field, const std::string& message) {
    problems_->Add(manifest_.places.At(field), absl::StrCat(field, ": ", message));
  }

  base::FileSystem* files_;
  const ManifestFile& manifest_;
  Problems* problems_;
};

}  // namespace

absl::Status ReadManifest(base::FileSystem* files, const std::string& path, ManifestFile* file,
                          Problems* problems) {
  std::string text;
  FULCRUM_ASSIGN_OR_RETURN(text, base::ReadWholeFile(files, path, kYamlBytesMax));
  v1::ModelManifest proto;
  const size_t before = problems->count();
  ReadMessage(ParseYaml(text, path, problems), path, &proto, &file->places, problems);
  FinishMessage(&proto, file->places, problems);
  ModelManifest& manifest = file->manifest;
  manifest = FromProto(proto);
  manifest.directory = (std::filesystem::path(".") / path).parent_path().string();
  const base::Sha256Digest digest = base::Sha256(text);
  manifest.version = base::ShortDigest(digest);
  file->sha256 = base::ToHex(digest);
  if (problems->count() > before) return absl::OkStatus();
  SummaryCheck(*file, problems).Run();
  FileCheck check(files, *file, problems);
  check.Check("forest_file", manifest.forest_file, "forest_sha256", manifest.forest_sha256);
  check.Check("counts_file", manifest.counts_file, "counts_sha256", manifest.counts_sha256);
  return absl::OkStatus();
}

absl::StatusOr<ModelManifest> LoadManifest(base::FileSystem* files, const std::string& path) {
  ManifestFile file;
  Problems problems;
  FULCRUM_RETURN_IF_ERROR(ReadManifest(files, path, &file, &problems));
  problems.SortByPlace();
  FULCRUM_RETURN_IF_ERROR(problems.ToStatus());
  return std::move(file.manifest);
}

std::string WriteManifest(const ModelManifest& manifest) {
  return WriteYaml(ToProto(manifest));
}

}  // namespace fulcrum::config
