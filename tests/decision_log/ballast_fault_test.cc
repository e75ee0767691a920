#include <filesystem>

#include "decision_log/ballast.h"
#include "decision_log/verify.h"
#include "tests/decision_log/log_fixture.h"
#include "tests/support/faulty_file_system.h"

namespace fulcrum::decision_log {
namespace {

using ::fulcrum::testing::FileOperation;
using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

class BallastTest : public LogFixture {
 protected:
  std::string path() const { return log() + "/" + Ballast::kName; }
  bool Exists() const { return base::PosixFileSystem()->Exists(path()).value(); }

  LogOptions WithBallast(base::FileSystem* files, Durability durability) const {
    LogOptions options = Options();
    options.files = files;
    options.durability = durability;
    options.segment_bytes = uint64_t{16} << 10;
    options.ballast_bytes = uint64_t{256} << 10;
    return options;
  }

  // The disk is full at the `nth` operation of this kind; then the ballast makes room.
  void RunFull(FileOperation operation, const std::string& part, int64_t nth,
               Durability durability) {
    std::filesystem::remove_all(log());
    testing::FaultyFileSystem files;
    size_t acknowledged = 0;
    {
      const std::unique_ptr<LogWriter> writer = Open(WithBallast(&files, durability));
      ASSERT_NE(writer, nullptr);
      EXPECT_TRUE(Exists());
      testing::FaultRule rule;
      rule.operation = operation;
      rule.path_contains = part;
      rule.nth = nth;
      rule.fault = nth % 2 == 0 ? testing::FileFault::kShortAppend : testing::FileFault::kNoSpace;
      files.AddFault(rule);
      writer->Start();
      size_t appended = 0;
      for (uint64_t number = 1; writer->healthy() && number <= 400; ++number) {
        const size_t answered = AppendAndWait(writer.get(), number, 1);
        EXPECT_EQ(answered, writer->healthy() ? 1u : 0u);  // nothing after the error
        acknowledged += answered;
        ++appended;
      }
      ASSERT_EQ(files.faults_fired(), 1);
      EXPECT_EQ(acknowledged + 1, appended);
      EXPECT_FALSE(Exists());
      EXPECT_THAT(writer->Stop(),
                  StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("closed in order")));
    }
    const auto verified = VerifyLog(base::PosixFileSystem(), log());
    FULCRUM_ASSERT_OK(verified);
    EXPECT_TRUE(verified->clean());
    EXPECT_EQ(verified->snapshots_lost, 0u);
    Recorder recorder;
    const std::unique_ptr<LogWriter> writer =
        Open(WithBallast(base::PosixFileSystem(), durability));
    ASSERT_NE(writer, nullptr);
    EXPECT_TRUE(report_.decisions.closed);
    EXPECT_FALSE(report_.decisions.torn);
    FULCRUM_EXPECT_OK(report_.ballast);
    EXPECT_TRUE(Exists()) << "made again";
    FULCRUM_ASSERT_OK(writer->Recover(0, &recorder));
    ASSERT_FALSE(recorder.events.empty());
    const auto* const why = std::get_if<AuditRecord>(&recorder.events.back().second);
    ASSERT_NE(why, nullptr) << "the log does not tell why it ends";
    EXPECT_EQ(why->action, "log.ballast_released");
    EXPECT_GE(recorder.events.size() - 1, acknowledged);
    EXPECT_LE(recorder.events.size() - 1, acknowledged + 1);
  }
};

TEST_F(BallastTest, AFullDiskEndsTheLogInOrderWhereverItIsHit) {
  for (const Durability durability : {Durability::kProcess, Durability::kPower}) {
    for (const char* const stream : {"/decisions/", "/features/"}) {
      for (const int64_t nth : {1, 2, 3, 10, 11, 40}) {
        SCOPED_TRACE(absl::StrCat(stream, " append ", nth));
        RunFull(FileOperation::kAppend, stream, nth, durability);
      }
      for (const int64_t nth : {1, 2}) {
        SCOPED_TRACE(absl::StrCat(stream, " preallocate ", nth));
        RunFull(FileOperation::kPreallocate, stream, nth, durability);
      }
      SCOPED_TRACE(absl::StrCat(stream, " open"));
      RunFull(FileOperation::kOpen, stream, 1, durability);
    }
    for (const int64_t nth : {1, 2, 3, 40, 81}) {
      SCOPED_TRACE(absl::StrCat("high-water mark append ", nth));
      RunFull(FileOperation::kAppend, kHighWaterName, nth, durability);
    }
  }
}

TEST_F(BallastTest, WithoutRoomThereIsNoneAndTheLogWorks) {
  testing::FaultyFileSystem files;
  testing::FaultRule rule;
  rule.operation = FileOperation::kPreallocate;
  rule.path_contains = Ballast::kName;
  rule.fault = testing::FileFault::kNoSpace;
  files.AddFault(rule);
  const std::unique_ptr<LogWriter> writer = Open(WithBallast(&files, Durability::kProcess));
  ASSERT_NE(writer, nullptr);
  EXPECT_THAT(report_.ballast, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("")));
  EXPECT_FALSE(Exists());
  writer->Start();
  EXPECT_EQ(AppendAndWait(writer.get(), 1, 5), 5u);
  EXPECT_FALSE(writer->Stats().ballast);
  FULCRUM_EXPECT_OK(writer->Stop());
}

// What a crash left of it is made whole; a bundle without one removes it.
TEST_F(BallastTest, IsMadeInItsSizeAndRemovedWhenItIsNoLongerWanted) {
  LogOptions options = WithBallast(base::PosixFileSystem(), Durability::kProcess);
  ASSERT_NE(Open(std::move(options)), nullptr);
  EXPECT_EQ(ReadFile(path()).size(), size_t{256} << 10);
  WriteFile(path(), "half");
  ASSERT_NE(Open(WithBallast(base::PosixFileSystem(), Durability::kProcess)), nullptr);
  EXPECT_EQ(ReadFile(path()).size(), size_t{256} << 10);
  ASSERT_NE(Open(Options()), nullptr);
  EXPECT_FALSE(Exists());
}

}  // namespace
}  // namespace fulcrum::decision_log
