#include "apps/artefacts.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/loader.h"
#include "replay/artefacts.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"
#include "tests/support/test_model.h"

namespace fulcrum::apps {
namespace {

using ::testing::HasSubstr;

// A bundle in two files with a model elsewhere, and a data directory.
class Artefacts : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::WriteBundle(bundle_directory(), testing::TestBundle());
    testing::WriteTestModel(root() + "/models/clicks", "clicks.yaml");
    Write(bundle_directory() + "/model.yaml", "model: {manifest: ../models/clicks/clicks.yaml}\n");
    std::filesystem::create_directories(log_directory());
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

  // As the service does at its start. The versions go to versions_.
  absl::Status Archive(base::FileSystem* files = base::PosixFileSystem()) {
    auto bundle = config::LoadBundle(base::PosixFileSystem(), bundle_directory());
    if (!bundle.ok()) return bundle.status();
    bundle_ = *bundle;
    versions_.bundle = bundle_->version;
    if (bundle_->model_manifest.empty()) {
      versions_.model = 0;
      return ArchiveArtefacts(files, data_directory(), bundle_directory(), *bundle_, nullptr);
    }
    auto manifest = config::LoadManifest(base::PosixFileSystem(), bundle_->model_manifest);
    if (!manifest.ok()) return manifest.status();
    versions_.model = manifest->version;
    return ArchiveArtefacts(files, data_directory(), bundle_directory(), *bundle_, &*manifest);
  }
  absl::StatusOr<replay::Artefacts> Load() const {
    return replay::LoadArchived(base::PosixFileSystem(), log_directory(), versions_);
  }
  void ExpectComplete() const {
    const auto loaded = Load();
    FULCRUM_ASSERT_OK(loaded);
    EXPECT_EQ(loaded->bundle->version, bundle_->version);
    EXPECT_EQ(loaded->bundle->digest, bundle_->digest);
    ASSERT_NE(loaded->model, nullptr);
    EXPECT_EQ(loaded->model->version(), versions_.model);
    EXPECT_EQ(loaded->manifest->columns.size(), 5u);
    EXPECT_EQ(loaded->start.posteriors.Find("", "free-1").trials, 100);
  }

  const std::string& root() const { return temporary_.path(); }
  std::string bundle_directory() const { return root() + "/bundle"; }
  std::string data_directory() const { return root() + "/data"; }
  std::string log_directory() const { return data_directory() + "/log"; }
  std::string bundle_folder() const {
    return data_directory() + "/artefacts/bundle-" + absl::StrFormat("%016x", versions_.bundle);
  }
  std::string model_folder() const {
    return data_directory() + "/artefacts/model-" + absl::StrFormat("%016x", versions_.model);
  }

  testing::TemporaryDirectory temporary_;
  std::shared_ptr<const config::Bundle> bundle_;
  Versions versions_;
};

TEST_F(Artefacts, LoadAgainToTheSameVersionsWhereverTheModelWas) {
  FULCRUM_ASSERT_OK(Archive());
  EXPECT_TRUE(std::filesystem::exists(bundle_folder() + "/bundle.yaml"));
  EXPECT_TRUE(std::filesystem::exists(model_folder() + "/manifest.yaml"));
  const uint64_t relative = versions_.bundle;
  const uint64_t model = versions_.model;
  Write(bundle_directory() + "/model.yaml",
        absl::StrCat("model: {manifest: ", root(), "/models/clicks/clicks.yaml}\n"));
  FULCRUM_ASSERT_OK(Archive());
  EXPECT_NE(versions_.bundle, relative);
  EXPECT_EQ(versions_.model, model);
  // The originals are not needed any more.
  std::filesystem::remove_all(bundle_directory());
  std::filesystem::remove_all(root() + "/models");
  ExpectComplete();
  versions_.bundle = relative;
  FULCRUM_EXPECT_OK(Load());
}

TEST_F(Artefacts, WithoutAModelThereIsNone) {
  std::filesystem::remove(bundle_directory() + "/model.yaml");
  FULCRUM_ASSERT_OK(Archive());
  const auto loaded = Load();
  FULCRUM_ASSERT_OK(loaded);
  EXPECT_EQ(loaded->bundle->version, bundle_->version);
  EXPECT_EQ(loaded->model, nullptr);
  EXPECT_FALSE(loaded->manifest.has_value());
}

TEST_F(Artefacts, AreNamedIfMissing) {
  FULCRUM_ASSERT_OK(Archive());
  ++versions_.bundle;
  EXPECT_THAT(Load(), testing::StatusIs(absl::StatusCode::kNotFound,
                                        HasSubstr(absl::StrFormat("bundle-%016x' is not archived",
                                                                  versions_.bundle))));
  --versions_.bundle;
  std::filesystem::remove_all(model_folder());
  EXPECT_FALSE(Load().ok());
}

TEST_F(Artefacts, AreNotWrittenTwice) {
  FULCRUM_ASSERT_OK(Archive());
  testing::FaultyFileSystem files;
  files.AddFault({.operation = testing::FileOperation::kOpen, .sticky = true});
  FULCRUM_EXPECT_OK(Archive(&files));
}

TEST_F(Artefacts, AnUnfinishedCopyIsFinishedNextTime) {
  bool done = false;
  int failures = 0;
  // Cut off at every file in turn; what was finished stays.
  for (int64_t nth = 1; nth <= 20 && !done; ++nth) {
    std::filesystem::remove_all(data_directory() + "/artefacts");
    testing::FaultyFileSystem files;
    files.AddFault({.operation = testing::FileOperation::kRename, .nth = nth, .sticky = true});
    done = Archive(&files).ok();
    if (done) break;
    ++failures;
    EXPECT_FALSE(Load().ok());
    FULCRUM_ASSERT_OK(Archive());
    ExpectComplete();
  }
  EXPECT_TRUE(done);
  EXPECT_EQ(failures, 5) << "two files of the bundle, three of the model";
}

TEST_F(Artefacts, WhatIsLeftOfAnotherCutOfTheSameBundleGoes) {
  FULCRUM_ASSERT_OK(Archive());
  // An unfinished copy, made when the same bundle was one file.
  std::filesystem::remove(bundle_folder() + "/model.yaml");
  std::filesystem::rename(bundle_folder() + "/bundle.yaml", bundle_folder() + "/all.yaml");
  EXPECT_FALSE(Load().ok());
  FULCRUM_ASSERT_OK(Archive());
  ExpectComplete();
}

TEST_F(Artefacts, DamageIsNoticedAndMended) {
  FULCRUM_ASSERT_OK(Archive());
  const auto damage = [&](const std::string& path, const char* what) {
    std::ofstream(path, std::ios::app) << what;
    EXPECT_THAT(Load(), testing::StatusIs(absl::StatusCode::kDataLoss,
                                          HasSubstr("does not give the version")))
        << path;
    FULCRUM_ASSERT_OK(Archive());
    ExpectComplete();
  };
  damage(bundle_folder() + "/bundle.yaml", "schema_version: 9\n");
  damage(model_folder() + "/parts/forest.json", " ");
  damage(model_folder() + "/counts.csv", ",free-2,1,1\n");
  damage(model_folder() + "/manifest.yaml", "# a comment\n");
}

}  // namespace
}  // namespace fulcrum::apps
