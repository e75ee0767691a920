#include "base/file.h"

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::base {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TemporaryDirectory;

class PosixFile : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string Content(const std::string& name) const {
    const absl::StatusOr<std::string> data = ReadWholeFile(files_, Path(name), 1 << 20);
    return data.ok() ? *data : std::string(data.status().message());
  }

  TemporaryDirectory directory_;
  FileSystem* files_ = PosixFileSystem();
};

TEST_F(PosixFile, AppendsGoOnWhereTheFileEnds) {
  {
    auto file = files_->OpenForAppend(Path("a"), OpenMode::kCreateNew);
    FULCRUM_ASSERT_OK(file);
    FULCRUM_EXPECT_OK((*file)->Append("one"));
    FULCRUM_EXPECT_OK((*file)->Sync());
    EXPECT_EQ((*file)->size(), 3u);
  }
  auto file = files_->OpenForAppend(Path("a"), OpenMode::kAppend);
  FULCRUM_ASSERT_OK(file);
  EXPECT_EQ((*file)->size(), 3u);
  FULCRUM_EXPECT_OK((*file)->Append("two"));
  EXPECT_EQ(Content("a"), "onetwo");
}

TEST_F(PosixFile, ModesSayWhatHappensToAnExistingFile) {
  FULCRUM_ASSERT_OK(WriteFileAtomically(files_, Path("a"), "old"));
  EXPECT_THAT(files_->OpenForAppend(Path("a"), OpenMode::kCreateNew),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(Path("a"))));
  FULCRUM_EXPECT_OK(files_->OpenForAppend(Path("a"), OpenMode::kTruncate));
  EXPECT_EQ(Content("a"), "");
}

TEST_F(PosixFile, PreallocatedRoomIsZeroAndDoesNotMoveTheEnd) {
  auto file = files_->OpenForAppend(Path("a"), OpenMode::kCreateNew);
  FULCRUM_ASSERT_OK(file);
  FULCRUM_EXPECT_OK((*file)->Append("ab"));
  FULCRUM_EXPECT_OK((*file)->Preallocate(8));
  EXPECT_EQ((*file)->size(), 2u);
  FULCRUM_EXPECT_OK((*file)->Append("c"));
  EXPECT_EQ(Content("a"), std::string("abc\0\0\0\0\0", 8));
  FULCRUM_EXPECT_OK((*file)->Truncate(3));
  EXPECT_EQ(Content("a"), "abc");
  FULCRUM_EXPECT_OK((*file)->Truncate(1));
  FULCRUM_EXPECT_OK((*file)->Append("z"));
  EXPECT_EQ(Content("a"), "az");
}

TEST_F(PosixFile, ReadsGiveWhatIsThere) {
  FULCRUM_ASSERT_OK(WriteFileAtomically(files_, Path("a"), "0123456789"));
  auto file = files_->OpenForRead(Path("a"));
  FULCRUM_ASSERT_OK(file);
  char buffer[8] = {};
  EXPECT_EQ(*(*file)->Read(2, 3, buffer), 3u);
  EXPECT_EQ(std::string(buffer, 3), "234");
  EXPECT_EQ(*(*file)->Read(8, 8, buffer), 2u);
  EXPECT_EQ(*(*file)->Read(99, 8, buffer), 0u);
  EXPECT_EQ(*(*file)->Size(), 10u);
}

TEST_F(PosixFile, MissingFilesAreNotFoundByName) {
  EXPECT_THAT(files_->OpenForRead(Path("gone")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(Path("gone"))));
  EXPECT_THAT(files_->Remove(Path("gone")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("remove")));
  EXPECT_THAT(files_->List(Path("gone")), StatusIs(absl::StatusCode::kNotFound, HasSubstr("list")));
  EXPECT_THAT(files_->SyncDirectory(Path("gone")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("directory")));
  EXPECT_FALSE(*files_->Exists(Path("gone")));
}

TEST_F(PosixFile, DirectoriesAreMadeListedAndSynced) {
  FULCRUM_ASSERT_OK(files_->CreateDirectories(Path("d/e")));
  FULCRUM_ASSERT_OK(files_->CreateDirectories(Path("d/e")));
  FULCRUM_ASSERT_OK(WriteFileAtomically(files_, Path("d/b"), ""));
  FULCRUM_ASSERT_OK(WriteFileAtomically(files_, Path("d/a"), ""));
  FULCRUM_EXPECT_OK(files_->SyncDirectory(Path("d")));
  EXPECT_THAT(*files_->List(Path("d")), ElementsAre("a", "b", "e"));
  FULCRUM_EXPECT_OK(files_->Rename(Path("d/a"), Path("d/b")));
  EXPECT_THAT(*files_->List(Path("d")), ElementsAre("b", "e"));
  EXPECT_THAT(files_->Rename(Path("d/a"), Path("d/c")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(Path("d/c"))));
}

TEST_F(PosixFile, ALockHasOneHolder) {
  auto first = files_->Lock(Path("LOCK"));
  FULCRUM_ASSERT_OK(first);
  EXPECT_THAT(files_->Lock(Path("LOCK")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another process")));
  first->reset();
  FULCRUM_EXPECT_OK(files_->Lock(Path("LOCK")));
}

TEST_F(PosixFile, WholeFilesAreBounded) {
  FULCRUM_ASSERT_OK(WriteFileAtomically(files_, Path("a"), "12345"));
  EXPECT_THAT(ReadWholeFile(files_, Path("a"), 4),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("at most 4")));
  EXPECT_EQ(*ReadWholeFile(files_, Path("a"), 5), "12345");
}

TEST_F(PosixFile, AtomicWritesLeaveNoTemporaryFile) {
  FULCRUM_ASSERT_OK(WriteFileAtomically(files_, Path("a"), "old"));
  FULCRUM_ASSERT_OK(WriteFileAtomically(files_, Path("a"), "new"));
  EXPECT_THAT(*files_->List(directory_.path()), ElementsAre("a"));
  EXPECT_EQ(Content("a"), "new");
  EXPECT_FALSE(WriteFileAtomically(files_, Path("gone/a"), "x").ok());
}

TEST_F(PosixFile, AFullDiskIsResourceExhausted) {
  auto file = files_->OpenForAppend("/dev/full", OpenMode::kAppend);
  FULCRUM_ASSERT_OK(file);
  EXPECT_THAT((*file)->Append("x"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/dev/full")));
}

}  // namespace
}  // namespace fulcrum::base
