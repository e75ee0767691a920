#include "apps/posterior_snapshots.h"

#include <filesystem>
#include <fstream>

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFirst[] = "posterior-00000000000000000000";

class PosteriorSnapshotsTest : public ::testing::Test {
 protected:
  PosteriorSnapshotsTest() {
    std::filesystem::create_directories(Snapshots());
    manifest_.directory = directory_.path();
    manifest_.counts_file = "counts.csv";
    manifest_.version = 77;
    WriteCounts(10);
  }
  std::string Snapshots() const { return directory_.path() + "/snapshots"; }
  void WriteCounts(int trials) {
    std::ofstream(directory_.path() + "/counts.csv")
        << "segment,action_id,trials,successes\n,shoes," << trials << ",1\n";
  }
  absl::StatusOr<std::shared_ptr<const scoring::Posteriors>> Load() {
    return LoadPosteriors(base::PosixFileSystem(), Snapshots(), manifest_);
  }
  // Trials of the only arm; -1 if nothing could be loaded.
  double Trials() {
    const auto loaded = Load();
    EXPECT_THAT(loaded, IsOk());
    return loaded.ok() ? (*loaded)->Find("", "shoes").trials : -1;
  }
  std::vector<std::string> Files() {
    auto names = *base::PosixFileSystem()->List(Snapshots());
    std::sort(names.begin(), names.end());
    return names;
  }
  void WriteSnapshot(Lsn lsn, uint64_t model, double trials, const std::string& name) {
    scoring::Posteriors posteriors;
    posteriors.set_lsn(lsn);
    posteriors.set_model(model);
    posteriors.Set("", "shoes", {trials, 1});
    std::ofstream(Snapshots() + "/" + name, std::ios::binary) << posteriors.Serialise();
  }

  testing::TemporaryDirectory directory_;
  config::ModelManifest manifest_;
};

TEST_F(PosteriorSnapshotsTest, TheFirstStartKeepsTheModelsCounts) {
  const auto loaded = Load();
  FULCRUM_ASSERT_OK(loaded);
  EXPECT_EQ((*loaded)->Find("", "shoes").trials, 10);
  EXPECT_EQ((*loaded)->lsn(), 0u);
  EXPECT_EQ((*loaded)->model(), 77u);
  EXPECT_THAT(Files(), ElementsAre(kFirst));
}

TEST_F(PosteriorSnapshotsTest, TheSecondStartReadsTheSnapshot) {
  EXPECT_EQ(Trials(), 10);
  WriteCounts(20);
  EXPECT_EQ(Trials(), 10);
  std::filesystem::remove(directory_.path() + "/counts.csv");
  EXPECT_EQ(Trials(), 10) << "the counts are not needed any more";
}

TEST_F(PosteriorSnapshotsTest, TheNewestOfTheModelIsTaken) {
  WriteSnapshot(9, 77, 30, "posterior-00000000000000000009");
  WriteSnapshot(10, 77, 40, "posterior-00000000000000000010");
  WriteSnapshot(11, 78, 50, "posterior-00000000000000000011");
  EXPECT_EQ(Trials(), 40);
  EXPECT_EQ((*Load())->lsn(), 10u);
}

TEST_F(PosteriorSnapshotsTest, AnotherModelStartsFromItsOwnCounts) {
  EXPECT_EQ(Trials(), 10);
  manifest_.version = 78;
  WriteCounts(20);
  EXPECT_EQ(Trials(), 20);
  WriteCounts(30);
  EXPECT_EQ(Trials(), 20);
}

TEST_F(PosteriorSnapshotsTest, UnfinishedAndForeignFilesAreLeftAlone) {
  for (const char* name : {"posterior-00000000000000000012.tmp", "posterior-1", "notes.txt"}) {
    std::ofstream(Snapshots() + "/" + name) << "half a snaps";
  }
  EXPECT_EQ(Trials(), 10);
  EXPECT_EQ(Files().size(), 4u);
}

TEST_F(PosteriorSnapshotsTest, ADamagedOneIsNamedWithTheRemedy) {
  EXPECT_EQ(Trials(), 10);
  const std::string path = Snapshots() + "/" + kFirst;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(40);
  file.put('\xff');
  file.close();
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kDataLoss,
                               AllOf(HasSubstr(path), HasSubstr("move the file away"))));
  std::filesystem::resize_file(path, 5);
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path)));
}

TEST_F(PosteriorSnapshotsTest, MissingCountsAreNamed) {
  manifest_.counts_file = "nothing.csv";
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("nothing.csv")));
  EXPECT_TRUE(Files().empty());
}

}  // namespace
}  // namespace fulcrum::apps
