// The n-th operation of the disk fails, for every n over the life of a writer: open, append,
// rotate, sync, mark, close. Once or from then on; as an I/O error, a full disk, or a write that
// arrives by half. Whatever it is: nothing is acknowledged after the error, and a writer that opens
// what is left finds every event that was acknowledged, in order, none that was not appended, and
// goes on.
//
// FULCRUM_DISK_ERROR_EVENTS sets how many events a life has (8), FULCRUM_DISK_ERROR_POWER how many
// runs there are between two after which the power goes as well (40).
#include <cstdio>
#include <filesystem>

#include "decision_log/verify.h"
#include "tests/decision_log/damage_log.h"
#include "tests/support/environment.h"
#include "tests/support/faulty_file_system.h"

namespace fulcrum::decision_log {
namespace {

using testing::FaultyFileSystem;
using testing::FileFault;
using testing::MemoryFileSystem;

// What the writer finds when it opens.
enum class Start : uint8_t { kNothing, kClosed, kTorn };

struct Case {
  Durability durability = Durability::kProcess;
  Start start = Start::kNothing;
  FileFault fault = FileFault::kIoError;
  bool sticky = false;
};

// One life with a fault in it.
struct Life {
  uint64_t appended = 0;      // all events so far, those of earlier lives included
  uint64_t acknowledged = 0;  // the last of them that was
  uint64_t synced = 0;        // the last before a Flush that succeeded
  bool after_error = false;   // one was acknowledged after the error
  int errors = 0;             // that on_error has told
  absl::Status end;           // of Open or Stop
};

struct Tally {
  int64_t runs = 0;
  int64_t fired = 0;
  int64_t in_open = 0;
  int64_t power = 0;
};

class DiskErrorTest : public ::testing::Test {
 protected:
  LogOptions Options(base::FileSystem* files, Durability durability) {
    LogOptions options = DamageOptions(files, &clock_);
    options.segment_bytes = 6 << 10;  // so that a life has several
    options.durability = durability;
    return options;
  }

  // Appends group after group of events until one fails; syncs all after every fifth event.
  void Append(LogWriter* writer, uint64_t count, uint64_t group, Life* life,
              const std::atomic<bool>& failed) {
    const uint64_t end = life->appended + count;
    while (life->appended < end && !failed) {
      base::Mutex mutex;
      base::CondVar answer_came;
      uint64_t answered = 0;
      uint64_t acknowledged = 0;
      uint64_t queued = 0;
      for (uint64_t i = 0; i < group && life->appended < end; ++i) {
        const LogEvent event = DamageEvent(++life->appended);
        const auto answer = [&](const absl::StatusOr<Lsn>& lsn) {
          life->after_error = life->after_error || (lsn.ok() && failed);
          const base::MutexLock lock(&mutex);
          if (lsn.ok()) ++acknowledged;
          ++answered;
          answer_came.NotifyOne();  // under the lock: the waiter owns the condition
        };
        queued += writer->Append(event, DamageSnapshot(event), answer).ok() ? 1 : 0;
      }
      {
        const base::MutexLock lock(&mutex);
        while (answered < queued) answer_came.Wait(&mutex);
        life->acknowledged += acknowledged;
      }
      if (life->appended % 5 < group && writer->Flush().ok()) life->synced = life->acknowledged;
    }
  }

  Life Live(base::FileSystem* files, Durability durability, uint64_t before, uint64_t count,
            uint64_t group = 1) {
    Life life{.appended = before, .acknowledged = before, .synced = before};
    std::atomic<bool> failed{false};
    LogOptions options = Options(files, durability);
    options.on_error = [&](const absl::Status&) {
      failed = true;
      ++life.errors;
    };
    RecoveryReport report;
    auto writer = LogWriter::Open(std::move(options), &report);
    life.end = writer.status();
    if (!writer.ok()) return life;
    (*writer)->Start();
    Append(writer->get(), count, group, &life, failed);
    if (failed) {
      // What is appended later is refused, too.
      EXPECT_EQ((*writer)->Append(DamageEvent(1), std::nullopt, nullptr).code(),
                absl::StatusCode::kFailedPrecondition);
      EXPECT_FALSE((*writer)->Flush().ok());
    }
    life.end = (*writer)->Stop();
    if (life.end.ok()) life.synced = life.acknowledged;
    return life;
  }

  // A disk to start from, and the number of events on it.
  std::unique_ptr<MemoryFileSystem> Disk(Start start, uint64_t* events) {
    MemoryFileSystem files;
    *events = 0;
    if (start == Start::kNothing) return files.Clone();
    *events = 7;
    const Life life = Live(&files, Durability::kProcess, 0, *events);
    EXPECT_THAT(life.end, testing::IsOk());
    if (start == Start::kTorn) {
      // Neither stream has its mark, and of the last event of decisions a part is missing.
      for (const std::string& path : files.Paths()) {
        if (!path.ends_with(kSegmentSuffix)) continue;
        if (path == LastOf(files, "/features/")) Shorten(&files, path, 0);
        if (path == LastOf(files, "/decisions/")) Shorten(&files, path, 16);
      }
      --*events;
    }
    return files.Clone();
  }

  static std::string LastOf(const MemoryFileSystem& files, const std::string& folder) {
    std::string last;
    for (const std::string& path : files.Paths()) {
      if (path.find(folder) != std::string::npos) last = path;
    }
    return last;
  }

  // Cuts the closing mark off, and `more` bytes before it.
  static void Shorten(MemoryFileSystem* files, const std::string& path, size_t more) {
    std::string bytes = files->Content(path);
    bytes.resize(bytes.size() - RecordBytes(kMarkPayloadBytes) - more);
    files->SetContent(path, std::move(bytes));
  }

  // Opens on a healthy disk: the events are 1 to some number between `least` and `most`. Then two
  // more, and all is in order.
  void CheckLeft(base::FileSystem* files, const std::string& directory, uint64_t least,
                 uint64_t most) {
    uint64_t found = 0;
    for (const bool again : {false, true}) {
      RecoveryReport report;
      LogOptions options = Options(files, Durability::kProcess);
      options.directory = directory;
      auto writer = LogWriter::Open(std::move(options), &report);
      ASSERT_THAT(writer, testing::IsOk());
      Recorder recorder;
      ASSERT_THAT((*writer)->Recover(0, &recorder), testing::IsOk());
      for (size_t i = 0; i < recorder.events.size(); ++i) {
        ASSERT_TRUE(recorder.events[i].second == DamageEvent(i + 1)) << i + 1;
      }
      if (again) {
        ASSERT_EQ(recorder.events.size(), found);
        continue;
      }
      found = recorder.events.size();
      ASSERT_GE(found, least) << "acknowledged events are missing";
      ASSERT_LE(found, most) << "events are invented";
      (*writer)->Start();
      for (int i = 0; i < 2; ++i) {
        const LogEvent event = DamageEvent(++found);
        ASSERT_THAT((*writer)->Append(event, DamageSnapshot(event), nullptr), testing::IsOk());
      }
      ASSERT_THAT((*writer)->Stop(), testing::IsOk());
    }
    const auto report = VerifyLog(files, directory);
    ASSERT_THAT(report, testing::IsOk());
    ASSERT_TRUE(report->clean());
  }

  // True if the fault fired.
  bool Run(const Case& one, const MemoryFileSystem& disk, uint64_t before, int64_t nth) {
    const std::unique_ptr<MemoryFileSystem> left = disk.Clone();
    FaultyFileSystem files(left.get());
    files.Record(true);
    files.AddFault(
        {.operation = std::nullopt, .nth = nth, .sticky = one.sticky, .fault = one.fault});
    // Alone, or several in a batch.
    const uint64_t group = one.start == Start::kClosed ? 3 : 1;
    const Life life = Live(&files, one.durability, before, events_, group);
    ++tally_.runs;
    if (files.faults_fired() == 0) {
      EXPECT_THAT(life.end, testing::IsOk());
      EXPECT_EQ(life.acknowledged, before + events_);
      return false;
    }
    ++tally_.fired;
    EXPECT_FALSE(life.end.ok()) << "the error is told";
    // With `power`, one thread may be writing the next batch while the other syncs. A torn start
    // has such a batch as well: the audit record of the lost end comes before the first event.
    const bool several = group > 1 || one.start == Start::kTorn;
    const int64_t at_once = one.sticky && one.durability == Durability::kPower && several ? 2 : 1;
    EXPECT_LE(files.faults_fired(), at_once) << "after an error nothing is tried again";
    EXPECT_FALSE(life.after_error);
    EXPECT_LE(life.errors, 1);
    tally_.in_open += life.errors == 0 ? 1 : 0;
    // `none` acknowledges before it writes: the batch that could not be written is lost.
    uint64_t least = life.acknowledged;
    if (one.durability == Durability::kNone) {
      least = std::max(life.synced, least - std::min(least, group));
    }
    CheckLeft(left.get(), kDamageLog, least, life.appended);
    if (tally_.runs % power_every_ == 0) LosePower(one, disk, files, life);
    return true;
  }

  // The power goes right after the error.
  void LosePower(const Case& one, const MemoryFileSystem& before, const FaultyFileSystem& files,
                 const Life& life) {
    const std::string state = directory_.path() + "/state";
    std::filesystem::remove_all(state);
    std::filesystem::create_directories(state);
    // What was there before and was not touched is there.
    std::set<std::string> touched;
    for (size_t i = 0; i < files.operations(); ++i) touched.insert(files.Describe(i).second);
    for (const std::string& path : before.Paths()) {
      if (touched.contains(path)) continue;
      const std::string copy = state + path.substr(std::string_view(kDamageLog).size());
      std::filesystem::create_directories(std::filesystem::path(copy).parent_path());
      std::ofstream(copy, std::ios::binary) << before.Content(path);
    }
    files.LosePower(files.operations(), static_cast<uint64_t>(tally_.runs), kDamageLog, state);
    CheckLeft(base::PosixFileSystem(), state,
              one.durability == Durability::kPower ? life.acknowledged : life.synced,
              life.appended);
    ++tally_.power;
  }

  const uint64_t events_ = testing::FromEnvironment<uint64_t>("FULCRUM_DISK_ERROR_EVENTS", 8);
  const int64_t power_every_ = testing::FromEnvironment<int64_t>("FULCRUM_DISK_ERROR_POWER", 40);
  testing::SimulatedClock clock_;
  testing::TemporaryDirectory directory_;
  Tally tally_;
};

TEST_F(DiskErrorTest, NothingIsAcknowledgedAfterItAndNothingIsLost) {
  for (const Start start : {Start::kNothing, Start::kClosed, Start::kTorn}) {
    uint64_t before = 0;
    const std::unique_ptr<MemoryFileSystem> disk = Disk(start, &before);
    for (const Durability durability :
         {Durability::kNone, Durability::kProcess, Durability::kPower}) {
      for (const FileFault fault :
           {FileFault::kIoError, FileFault::kNoSpace, FileFault::kShortAppend}) {
        for (const bool sticky : {false, true}) {
          const Case one{durability, start, fault, sticky};
          int64_t nth = 1;
          for (; !HasFailure(); ++nth) {
            SCOPED_TRACE(absl::StrCat("operation ", nth, " fails", sticky ? " and all later" : "",
                                      ", fault ", static_cast<int>(fault), ", durability ",
                                      static_cast<int>(durability), ", start ",
                                      static_cast<int>(start)));
            if (!Run(one, *disk, before, nth)) break;
          }
          // Every operation of the life was one that failed.
          ASSERT_FALSE(HasFailure());
          EXPECT_GT(nth, static_cast<int64_t>(2 * events_));
        }
      }
    }
  }
  std::printf(
      "figure: runs with a failing operation = %lld\nfigure: of them while opening = %lld\n"
      "figure: of them with a power loss behind = %lld\n",
      static_cast<long long>(tally_.fired), static_cast<long long>(tally_.in_open),
      static_cast<long long>(tally_.power));
  EXPECT_EQ(tally_.runs - tally_.fired, 3 * 3 * 3 * 2) << "each case ends with a run without one";
  EXPECT_GT(tally_.in_open, 0);
  EXPECT_GT(tally_.power, 0);
}

}  // namespace
}  // namespace fulcrum::decision_log
