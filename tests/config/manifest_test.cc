#include "config/manifest.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/hash.h"
#include "config/loader.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::config {
namespace {

using ::testing::HasSubstr;

constexpr char kForest[] = "{\"learner\": {}}";
constexpr char kCounts[] = "segment,action_id,trials,successes\n";

ModelManifest Sample() {
  ModelManifest manifest;
  manifest.name = "clicks: \"quoted\", with\nlines\tand # signs \\ \x01 \xc3\xa9";
  manifest.schema_version = 2;
  manifest.columns = {{"level is gold", ColumnSource::kUser, "level", "gold"},
                      {"level is 1", ColumnSource::kUser, "level", "1"},
                      {"level is empty", ColumnSource::kUser, "level", ""},
                      {"price", ColumnSource::kItem, "price", std::nullopt},
                      {"hour", ColumnSource::kContext, "hour", std::nullopt},
                      {"affinity", ColumnSource::kCandidate, "affinity", std::nullopt}};
  manifest.forest_file = "forest.json";
  manifest.forest_sha256 = base::ToHex(base::Sha256(kForest));
  manifest.counts_file = "counts.csv";
  manifest.counts_sha256 = base::ToHex(base::Sha256(kCounts));
  manifest.segment_key = "level";
  manifest.trained_on = "true";
  manifest.training_rows = 18446744073709551615ULL;
  manifest.training_start_us = 1574553600123456;
  manifest.training_end_us = -1;
  manifest.trainer = "fulcrum 0.1.0";
  manifest.counts_lsn = 18446744073709551615ULL;
  manifest.columns[3].summary = {
      40, 0.1, 1.0 / 3, 2.0 / 7, {-1e-300, 0, 0.1, 0.1, 0.2, 0.3, 1.0 / 3, 0.4, 7, 8, 1e300}};
  manifest.columns[4].summary = {0, 1, 0, 0, {}};
  manifest.validation = {0.2, 8, 1574553600123455, 0.51, 2.0 / 3, 17, 42};
  return manifest;
}

class ManifestTest : public ::testing::Test {
 protected:
  ManifestTest() {
    Write("forest.json", kForest);
    Write("counts.csv", kCounts);
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  absl::StatusOr<ModelManifest> Load() {
    return LoadManifest(base::PosixFileSystem(), Path("manifest.yaml"));
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(ManifestTest, ComesBackAsItWasWritten) {
  const ModelManifest written = Sample();
  const std::string text = WriteManifest(written);
  Write("manifest.yaml", text);
  const auto read = Load();
  FULCRUM_ASSERT_OK(read);
  EXPECT_EQ(read->name, written.name);
  EXPECT_EQ(read->schema_version, written.schema_version);
  ASSERT_EQ(read->columns.size(), written.columns.size());
  for (size_t i = 0; i < written.columns.size(); ++i) {
    EXPECT_EQ(read->columns[i].name, written.columns[i].name);
    EXPECT_EQ(read->columns[i].source, written.columns[i].source);
    EXPECT_EQ(read->columns[i].key, written.columns[i].key);
    EXPECT_EQ(read->columns[i].equals, written.columns[i].equals);
    EXPECT_EQ(read->columns[i].summary, written.columns[i].summary);
  }
  EXPECT_EQ(read->forest_file, written.forest_file);
  EXPECT_EQ(read->counts_sha256, written.counts_sha256);
  EXPECT_EQ(read->segment_key, written.segment_key);
  EXPECT_EQ(read->trained_on, written.trained_on);
  EXPECT_EQ(read->training_rows, written.training_rows);
  EXPECT_EQ(read->training_start_us, written.training_start_us);
  EXPECT_EQ(read->training_end_us, written.training_end_us);
  EXPECT_EQ(read->trainer, written.trainer);
  EXPECT_EQ(read->counts_lsn, written.counts_lsn);
  EXPECT_EQ(read->validation, written.validation);
  EXPECT_EQ(read->directory, directory_.path());
  EXPECT_EQ(read->version, base::ShortDigest(base::Sha256(text)));
  EXPECT_EQ(WriteManifest(*read), text);
}

TEST_F(ManifestTest, SummariesThatCannotBeAreRefused) {
  const auto refused = [this](void (*spoil)(ModelManifest*), const std::string& message) {
    ModelManifest manifest = Sample();
    spoil(&manifest);
    Write("manifest.yaml", WriteManifest(manifest));
    EXPECT_THAT(Load(), testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refused([](ModelManifest* m) { m->columns[3].summary->missing_share = 1.5; },
          "columns[3].summary.missing_share: must be 0 to 1");
  refused([](ModelManifest* m) { m->columns[3].summary->sd = -1; },
          "columns[3].summary.sd: must be at least 0");
  refused([](ModelManifest* m) { m->columns[3].summary->quantiles.pop_back(); },
          "columns[3].summary.quantiles: must be 11 numbers, not 10, for a count of 40");
  refused([](ModelManifest* m) { m->columns[4].summary->quantiles = {1}; },
          "columns[4].summary.quantiles: must be 0 numbers, not 1, for a count of 0");
  refused([](ModelManifest* m) { m->columns[3].summary->quantiles[2] = 9; },
          "columns[3].summary.quantiles: must ascend");
  refused([](ModelManifest* m) { m->training_rows = 39; },
          "columns[3].summary.count: more than the 39 training rows");
  refused([](ModelManifest* m) { m->validation->loss = -0.1; },
          "validation.loss: must be at least 0");
}

TEST_F(ManifestTest, AChangedFileIsRefused) {
  Write("manifest.yaml", WriteManifest(Sample()));
  Write("forest.json", "{\"learner\": []}");
  EXPECT_THAT(Load(), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("it is not the file that was trained")));
}

TEST_F(ManifestTest, AMissingFileIsNamedWithItsPlace) {
  ModelManifest manifest = Sample();
  manifest.counts_file = "count.csv";
  Write("manifest.yaml", WriteManifest(manifest));
  EXPECT_THAT(Load(), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("counts_file: cannot read it: ")));
}

TEST_F(ManifestTest, FilesStayInTheDirectory) {
  ModelManifest manifest = Sample();
  manifest.counts_file = "../counts.csv";
  Write("manifest.yaml", WriteManifest(manifest));
  EXPECT_THAT(Load(), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("stay inside the manifest's directory")));
}

TEST_F(ManifestTest, IsReadAsStrictlyAsABundle) {
  Write("manifest.yaml", WriteManifest(Sample()) + "trainr: me\n");
  EXPECT_THAT(Load(), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("unknown field 'trainr' of the file; the nearest "
                                                  "valid name is 'trainer'")));
  EXPECT_THAT(LoadManifest(base::PosixFileSystem(), Path("nothing.yaml")),
              testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("nothing.yaml")));
}

constexpr char kBundle[] = R"(schema_version: 2
surfaces:
  - {id: home, campaigns: [house], segment_feature: level}
campaigns:
  - {id: house, account: shop, currency: EUR, actions: [{id: magazine}]}
feature_views:
  - {name: users, entity: user, features: [{name: level, type: text}, {name: age, type: text}]}
  - {name: items, entity: item, features: [{name: price}]}
context_keys: [{name: hour}, {name: affinity.*}]
model: {manifest: manifest.yaml}
)";

class ModelOfBundle : public ManifestTest {
 protected:
  absl::StatusOr<std::shared_ptr<const Bundle>> LoadWith(const ModelManifest& manifest,
                                                         const std::string& bundle = kBundle) {
    Write("manifest.yaml", WriteManifest(manifest));
    Problems problems;
    return BuildBundle(base::PosixFileSystem(), {{"b.yaml", bundle}}, directory_.path(), &problems);
  }
  void ExpectRefused(const ModelManifest& manifest, const std::string& message) {
    EXPECT_THAT(LoadWith(manifest),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
};

TEST_F(ModelOfBundle, IsPartOfTheVersion) {
  const auto first = LoadWith(Sample());
  FULCRUM_ASSERT_OK(first);
  EXPECT_EQ((*first)->model_manifest, Path("manifest.yaml"));
  ModelManifest other = Sample();
  other.trainer = "another";
  const auto second = LoadWith(other);
  FULCRUM_ASSERT_OK(second);
  EXPECT_NE((*first)->digest, (*second)->digest);
}

TEST_F(ModelOfBundle, MustFitTheBundle) {
  ModelManifest manifest = Sample();
  manifest.schema_version = 1;
  ExpectRefused(manifest, "schema_version: the model was trained on schema version 1");

  manifest = Sample();
  manifest.columns[3].key = "prise";
  ExpectRefused(manifest,
                "columns[3].key: the bundle has no feature of the item view 'prise'; the nearest "
                "valid name is 'price'");

  manifest = Sample();
  manifest.columns[5].key = "afinity";
  ExpectRefused(manifest,
                "the bundle has no context key 'afinity.*'; the nearest valid name is "
                "'affinity.*'");

  manifest = Sample();
  manifest.columns[3].equals = "7";
  ExpectRefused(manifest, "'price' is a number: such a column must not have 'equals'");

  manifest = Sample();
  manifest.segment_key = "age";
  ExpectRefused(manifest,
                "b.yaml:3:53: surfaces[0].segment_feature: the model's counts are by "
                "'age', not by 'level'");
}

}  // namespace
}  // namespace fulcrum::config
