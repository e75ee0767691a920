// Imports and exports that are interrupted anywhere and gone on with: what comes of them is what
// would have come at once.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>

#include "decision_log/verify.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "tests/decision_log/made_up_events.h"
#include "tests/decision_log/reward_join_fixture.h"
#include "tests/exchange/exchange_fixture.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::exchange {
namespace {

using testing::FaultyFileSystem;
using testing::FileFault;
using testing::FileOperation;
using ::testing::HasSubstr;
using testing::MemoryFileSystem;

constexpr char kIn[] = "/d/in";
constexpr char kLog[] = "/d/log";

// Lines of both streams, with a bad one here and there.
std::string MadeUpLines(int count) {
  decision_log::MadeUpEvents any(11);
  decision_log::RecordEncoder encoder;
  std::string lines;
  for (int i = 0; i < count; ++i) {
    LogRecord record{decision_log::Stream::kDecisions, decision_log::RecordType::kFeatureSnapshot,
                     1, i, ""};
    if (i % 3 == 0) {
      record.stream = decision_log::Stream::kFeatures;
      record.payload = encoder.Encode(any.Snapshot());
    } else {
      const LogEvent event = any.Event();
      record.type = decision_log::TypeOf(event);
      record.payload = encoder.Encode(event);
    }
    absl::StrAppend(&lines, *ToJsonLine(record), "\n");
    if (i % 50 == 7) absl::StrAppend(&lines, "{\"type\":\"bad\"}\n");
  }
  return lines;
}

// Copies what lies under `from`, a real folder, to `to` of `files`.
void Load(const std::string& from, const std::string& to, MemoryFileSystem* files) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(from)) {
    const std::string path = to + "/" + std::filesystem::relative(entry.path(), from).string();
    if (entry.is_directory()) {
      EXPECT_THAT(files->CreateDirectories(path), testing::IsOk());
    } else {
      files->SetContent(path, ReadFile(entry.path().string()));
    }
  }
}

// What comes of an import that nothing interrupts, and those that something does.
class ImportResume : public ::testing::Test {
 protected:
  ImportResume() {
    const auto files = NewDisk();
    report_ = *Import(files.get(), false);
    records_ = RecordsOfLog(files.get(), kLog);
  }

  std::unique_ptr<MemoryFileSystem> NewDisk() const {
    auto files = std::make_unique<MemoryFileSystem>();
    EXPECT_THAT(files->CreateDirectories("/d"), testing::IsOk());
    files->SetContent(kIn, lines_);
    return files;
  }

  static absl::StatusOr<TransferReport> Import(base::FileSystem* files, bool resume) {
    ImportOptions options;
    options.segment_bytes = uint64_t{64} << 10;
    options.transfer.files = files;
    options.transfer.resume = resume;
    options.transfer.checkpoint_bytes = 30000;
    return ImportLog(kIn, kLog, options);
  }

  // Goes on, and is then as if nothing had happened.
  void ExpectResumed(base::FileSystem* files) const {
    const auto report = Import(files, true);
    ASSERT_THAT(report, testing::IsOk());
    EXPECT_EQ(*report, report_);
    ExpectSameLog(files);
  }

  void ExpectSameLog(base::FileSystem* files) const {
    EXPECT_TRUE(RecordsOfLog(files, kLog) == records_);
    EXPECT_FALSE(files->Exists("/d/log/IMPORT").value_or(true));
    const auto verified = decision_log::VerifyLog(files, kLog);
    ASSERT_THAT(verified, testing::IsOk());
    EXPECT_EQ(verified->corrupt_count, 0U);
  }

  const std::string lines_ = MadeUpLines(600);
  TransferReport report_;
  std::vector<LogRecord> records_;
};

TEST_F(ImportResume, AfterAnErrorAtAnyOperation) {
  const FileFault kFaults[] = {FileFault::kIoError, FileFault::kNoSpace, FileFault::kShortAppend};
  int64_t nth = 1;
  for (;; ++nth) {
    SCOPED_TRACE(nth);
    const auto disk = NewDisk();
    FaultyFileSystem files(disk.get());
    files.AddFault(
        {.operation = std::nullopt, .nth = nth, .sticky = true, .fault = kFaults[nth % 3]});
    const auto report = Import(&files, false);
    if (files.faults_fired() == 0) break;
    EXPECT_FALSE(report.ok());
    files.ClearFaults();
    ExpectResumed(&files);
    if (HasFailure()) return;
  }
  EXPECT_GT(nth, 60) << "there were too few checkpoints to interrupt";
}

TEST_F(ImportResume, AgainAndAgain) {
  std::mt19937_64 random(3);
  int interrupted = 0;
  for (int run = 0; run < 20; ++run) {
    SCOPED_TRACE(run);
    const auto disk = NewDisk();
    FaultyFileSystem files(disk.get());
    for (;;) {
      const int64_t fired = files.faults_fired();
      files.ClearFaults();
      files.AddFault({.operation = std::nullopt,
                      .nth = 1 + static_cast<int64_t>(random() % 60),
                      .sticky = true});
      const auto report = Import(&files, true);
      if (report.ok()) {
        EXPECT_EQ(*report, report_);
        break;
      }
      ASSERT_GT(files.faults_fired(), fired) << report.status();
      ++interrupted;
    }
    ExpectSameLog(disk.get());
    if (HasFailure()) return;
  }
  EXPECT_GT(interrupted, 40);
}

TEST_F(ImportResume, AfterThePowerWasLost) {
  const auto disk = NewDisk();
  FaultyFileSystem files(disk.get());
  files.Record(true);
  ASSERT_THAT(Import(&files, false), testing::IsOk());
  // Folders are not lost in this model, so their renaming is where it ends.
  size_t renamed = 0;
  while (files.Describe(renamed) !=
         std::pair(FileOperation::kRename, std::string("/d/log.partial"))) {
    ++renamed;
  }
  int64_t sectors_lost = 0;
  for (size_t operations = 0; operations <= renamed; ++operations) {
    SCOPED_TRACE(operations);
    const testing::TemporaryDirectory state;
    sectors_lost += files.LosePower(operations, 7 * operations, "/d", state.path()).sectors_lost;
    const auto after = NewDisk();
    Load(state.path(), "/d", after.get());
    ExpectResumed(after.get());
    if (HasFailure()) return;
  }
  EXPECT_GT(sectors_lost, 100);
}

TEST_F(ImportResume, OnlyTheSameImport) {
  const auto disk = NewDisk();
  FaultyFileSystem files(disk.get());
  files.AddFault({.operation = FileOperation::kRename, .path_contains = kLog, .nth = 5});
  ASSERT_FALSE(Import(&files, false).ok());
  std::string other = lines_;
  const size_t first_line = other.find("\"time_us\":0");
  ASSERT_NE(first_line, std::string::npos);
  other[first_line + 10] = '1';
  disk->SetContent(kIn, other);
  EXPECT_THAT(Import(&files, true),
              testing::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("has changed")));
  disk->SetContent(kIn, lines_ + "\n");
  EXPECT_THAT(Import(&files, true), testing::StatusIs(absl::StatusCode::kFailedPrecondition,
                                                      HasSubstr("another transfer")));
  // Without it the one that was interrupted counts for nothing.
  disk->SetContent(kIn, lines_);
  ASSERT_THAT(Import(&files, false), testing::IsOk());
  ExpectSameLog(disk.get());
  EXPECT_THAT(Import(&files, true), testing::StatusIs(absl::StatusCode::kAlreadyExists,
                                                      HasSubstr("name another folder")));
}

TEST_F(ImportResume, TwoAtOnceAreRefused) {
  const auto disk = NewDisk();
  ASSERT_THAT(disk->CreateDirectories("/d/log.partial"), testing::IsOk());
  const auto held = disk->Lock("/d/log.partial/LOCK");
  ASSERT_THAT(held, testing::IsOk());
  EXPECT_THAT(Import(disk.get(), true),
              testing::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("held")));
}

TEST(TableImportResume, KeepsTheOrderOfTimes) {
  std::string table = "action,propensity,reward,time\n";
  for (int i = 0; i < 3000; ++i) {
    // The latest comes first: all that follows is logged at its time.
    absl::StrAppend(&table, "a", i % 7, ",0.25,", i, ",2019-11-24T00:0", i == 0 ? 9 : i % 8,
                    ":00Z\n");
  }
  ImportOptions options{.format = ImportFormat::kTable};
  options.segment_bytes = uint64_t{64} << 10;
  options.columns.time = "time";
  options.transfer.checkpoint_bytes = 20000;
  std::vector<LogRecord> expected;
  for (int64_t nth = 0; nth < 5; ++nth) {
    SCOPED_TRACE(nth);
    MemoryFileSystem disk;
    disk.SetContent(kIn, table);
    FaultyFileSystem files(&disk);
    options.transfer.files = &files;
    if (nth != 0) {
      files.AddFault({.operation = FileOperation::kRename, .path_contains = kLog, .nth = nth});
      ASSERT_FALSE(ImportLog(kIn, kLog, options).ok());
    }
    options.transfer.resume = nth != 0;
    ASSERT_THAT(ImportLog(kIn, kLog, options), testing::IsOk());
    options.transfer.resume = false;
    const std::vector<LogRecord> records = RecordsOfLog(&disk, kLog);
    if (nth == 0) expected = records;
    EXPECT_TRUE(records == expected);
  }
  EXPECT_EQ(expected.size(), 6000U);
}

// Runs `work` in a process of its own; true if SIGKILL ended it.
bool IsKilled(const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(KilledImport, GoesOn) {
  const testing::TemporaryDirectory directory;
  const std::string in = directory.path() + "/in";
  WriteFile(in, MadeUpLines(3500));
  ImportOptions options;
  options.segment_bytes = uint64_t{256} << 10;
  options.transfer.checkpoint_bytes = 300000;
  const auto whole = ImportLog(in, directory.path() + "/whole", options);
  ASSERT_THAT(whole, testing::IsOk());
  base::FileSystem* const files = base::PosixFileSystem();
  const std::vector<LogRecord> records = RecordsOfLog(files, directory.path() + "/whole");
  for (int at = 1; at <= 3; ++at) {
    SCOPED_TRACE(at);
    const std::string log = absl::StrCat(directory.path(), "/log", at);
    int passed = 0;
    options.transfer.on_progress = [&](const Progress&) {
      if (++passed == at) kill(getpid(), SIGKILL);
    };
    EXPECT_TRUE(IsKilled([&] { ImportLog(in, log, options).status().IgnoreError(); }));
    EXPECT_FALSE(std::filesystem::exists(log));
    options.transfer.on_progress = nullptr;
    options.transfer.resume = true;
    const auto report = ImportLog(in, log, options);
    options.transfer.resume = false;
    ASSERT_THAT(report, testing::IsOk());
    EXPECT_EQ(*report, *whole);
    EXPECT_TRUE(RecordsOfLog(files, log) == records);
  }
}

// --- exports ---

class ExportResume : public ::testing::Test {
 protected:
  ExportResume() {
    std::vector<LogEvent> events;
    std::vector<FeatureSnapshot> snapshots;
    decision_log::MadeUpEvents any(12);
    for (uint64_t i = 0; i < 300; ++i) {
      events.emplace_back(decision_log::JoinDecision(i, static_cast<int64_t>(i), 1 + i % 3));
      events.emplace_back(decision_log::JoinOutcome(i, "o", 1 / 3.0, static_cast<int64_t>(i) + 1));
    }
    for (int i = 0; i < 200; ++i) snapshots.push_back(any.Snapshot());
    MakeLog(log_, events, snapshots);
  }

  absl::StatusOr<TransferReport> Export(base::FileSystem* files, ExportFormat format,
                                        bool resume) const {
    ExportOptions options;
    options.format = format;
    options.transfer.files = files;
    options.transfer.resume = resume;
    options.transfer.checkpoint_bytes = 20000;
    return ExportLog(log_, path_, options);
  }

  void ExpectResumed(ExportFormat format) const {
    MemoryFileSystem disk;
    Load(log_, log_, &disk);
    const auto whole = Export(&disk, format, false);
    ASSERT_THAT(whole, testing::IsOk());
    const std::string content = disk.Content(path_);
    int64_t nth = 1;
    for (;; ++nth) {
      SCOPED_TRACE(nth);
      ASSERT_THAT(disk.Remove(path_), testing::IsOk());
      FaultyFileSystem files(&disk);
      files.AddFault({.operation = std::nullopt,
                      .nth = nth,
                      .sticky = true,
                      .fault = nth % 2 == 0 ? FileFault::kIoError : FileFault::kShortAppend});
      const auto report = Export(&files, format, false);
      if (files.faults_fired() == 0) break;
      EXPECT_FALSE(report.ok());
      files.ClearFaults();
      const auto resumed = Export(&files, format, true);
      ASSERT_THAT(resumed, testing::IsOk());
      EXPECT_EQ(*resumed, *whole);
      ASSERT_TRUE(disk.Content(path_) == content);
      EXPECT_FALSE(disk.Exists(path_ + ".partial").value_or(true));
      EXPECT_FALSE(disk.Exists(path_ + ".partial.state").value_or(true));
    }
    EXPECT_GT(nth, 20) << "there were too few checkpoints to interrupt";
  }

  const testing::TemporaryDirectory directory_;
  const std::string log_ = directory_.path() + "/log";
  const std::string path_ = directory_.path() + "/out";
};

TEST_F(ExportResume, JsonLinesAfterAnErrorAtAnyOperation) {
  ExpectResumed(ExportFormat::kJsonl);
}

TEST_F(ExportResume, CsvAfterAnErrorAtAnyOperation) {
  ExpectResumed(ExportFormat::kCsv);
}

TEST_F(ExportResume, OnlyTheSameExport) {
  FaultyFileSystem files;
  files.AddFault({.operation = FileOperation::kRename, .path_contains = "state", .nth = 2});
  ASSERT_FALSE(Export(&files, ExportFormat::kJsonl, false).ok());
  EXPECT_THAT(
      Export(&files, ExportFormat::kCsv, true),
      testing::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another transfer")));
}

// The file's bytes and its name, in this order.
TEST_F(ExportResume, IsDurableWhenItIsDone) {
  FaultyFileSystem files;
  files.Record(true);
  ASSERT_THAT(Export(&files, ExportFormat::kJsonl, false), testing::IsOk());
  const std::string partial = path_ + ".partial";
  size_t appended = 0;
  size_t synced = 0;
  size_t renamed = 0;
  size_t named = 0;
  for (size_t i = 0; i < files.operations(); ++i) {
    const auto [operation, path] = files.Describe(i);
    if (operation == FileOperation::kAppend && path == partial) appended = i;
    if (operation == FileOperation::kSync && path == partial) synced = i;
    if (operation == FileOperation::kRename && path == partial) renamed = i;
    if (operation == FileOperation::kSyncDirectory && path == directory_.path() && named == 0 &&
        renamed != 0) {
      named = i;
    }
  }
  EXPECT_LT(appended, synced);
  EXPECT_LT(synced, renamed);
  EXPECT_LT(renamed, named);
}

}  // namespace
}  // namespace fulcrum::exchange
