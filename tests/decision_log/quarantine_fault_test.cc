// Damage in the middle of a log, and what `fulcrum log quarantine` makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_split.h"
#include "decision_log/quarantine_plan.h"
#include "tests/decision_log/damage_log.h"
#include "tests/support/environment.h"
#include "tests/support/faulty_file_system.h"

namespace fulcrum::decision_log {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::MemoryFileSystem;
using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Payloads = std::map<Lsn, std::pair<RecordType, std::string>>;

struct Read {
  Payloads records;
  std::vector<Damage> damaged;
  std::vector<Quarantine> gaps;
};

Read ReadStream(base::FileSystem* files, const std::string& directory, Stream stream) {
  Read read;
  const auto reader = StreamReader::Open(files, directory, stream, 0);
  EXPECT_THAT(reader, IsOk());
  for (bool damaged = false; reader.ok();) {
    RecordView record;
    const auto found = (*reader)->GoOn(damaged, &record);
    EXPECT_THAT(found, IsOk());
    if (!found.ok() || *found == Found::kEnd) break;
    damaged = *found == Found::kDamaged;
    if (!damaged) {
      read.records[record.header.lsn] = {record.header.type, std::string(record.payload)};
    } else if ((*reader)->damage().quarantined.has_value()) {
      read.gaps.push_back(*(*reader)->damage().quarantined);
    } else {
      read.damaged.push_back((*reader)->damage());
    }
  }
  return read;
}

std::set<Lsn> LsnsOf(const std::string& spans) {
  std::set<Lsn> lsns;
  if (spans.empty()) return lsns;
  for (const auto& span : absl::StrSplit(spans, ", ")) {
    const std::vector<std::string> ends = absl::StrSplit(span, '-');
    for (Lsn lsn = std::stoull(ends[0]); lsn <= std::stoull(ends.back()); ++lsn) lsns.insert(lsn);
  }
  return lsns;
}

class QuarantineTest : public ::testing::Test {
 protected:
  static const DamageLog& SmallLog() {
    static const DamageLog* const kLog =
        new DamageLog(MakeDamageLog("small", Durability::kProcess, 1000, true));
    return *kLog;
  }
  static const DamageLog& Log(bool closed) {
    static const DamageLog* const kLogs[] = {
        new DamageLog(MakeDamageLog("crashed", Durability::kProcess, 1200, false)),
        new DamageLog(MakeDamageLog("closed", Durability::kProcess, 1200, true))};
    return *kLogs[closed ? 1 : 0];
  }

  QuarantineOptions Options(base::FileSystem* files) const {
    QuarantineOptions options;
    options.files = files;
    options.clock = &clock_;
    options.directory = kDamageLog;
    options.actor = "tester";
    return options;
  }

  // Zeros, or noise, in some bytes from `offset`.
  static void Damage(MemoryFileSystem* files, const std::string& path, uint64_t offset,
                     std::mt19937_64* random) {
    std::string bytes = files->Content(path);
    const std::string before = bytes;
    const uint64_t end = std::min<uint64_t>(bytes.size(), offset + 1 + (*random)() % 700);
    const bool zeros = (*random)() % 2 == 0;
    for (uint64_t at = offset; at < end; ++at) {
      bytes[at] = zeros ? '\0' : static_cast<char>((*random)());
    }
    if (bytes == before) bytes[offset] = static_cast<char>(bytes[offset] ^ 1);
    files->SetContent(path, bytes);
  }

  // Appends events and returns the LSN of the first one.
  Lsn Append(base::FileSystem* files, uint64_t count) {
    RecoveryReport report;
    const auto writer = LogWriter::Open(DamageOptions(files, &clock_), &report);
    EXPECT_THAT(writer, IsOk());
    if (!writer.ok()) return 0;
    (*writer)->Start();
    const Lsn before = (*writer)->Stats().last_lsn;
    for (uint64_t number = 5001; number < 5001 + count; ++number) {
      const LogEvent event = DamageEvent(number);
      EXPECT_THAT((*writer)->Append(event, DamageSnapshot(event), nullptr), IsOk());
    }
    EXPECT_THAT((*writer)->Flush(), IsOk());
    EXPECT_THAT((*writer)->Stop(), IsOk());
    return before + 1;
  }

  std::vector<Quarantine> Audited(base::FileSystem* files) {
    std::vector<Quarantine> audited;
    for (const auto& [lsn, record] : ReadStream(files, kDamageLog, Stream::kDecisions).records) {
      if (record.first != RecordType::kAudit) continue;
      const auto event = ParseEvent(record.first, record.second);
      EXPECT_THAT(event, IsOk());
      const auto& audit = std::get<AuditRecord>(*event);
      if (audit.action != kQuarantineAction) continue;
      const auto quarantine = QuarantineOf(audit);
      EXPECT_THAT(quarantine, IsOk());
      if (quarantine.ok()) audited.push_back(*quarantine);
    }
    return audited;
  }

  // What was outside the quarantined segments is read as it was; of what was inside, what their
  // manifests call readable.
  static void ExpectRead(const DamageLog& whole, size_t index, MemoryFileSystem* files,
                         const std::vector<Quarantine>& moved, Payloads* read) {
    const Stream stream = whole.streams[index].stream;
    const Payloads original = ReadStream(whole.files.get(), kDamageLog, stream).records;
    const Read now = ReadStream(files, kDamageLog, stream);
    const Payloads apart =
        ReadStream(files, absl::StrCat(kDamageLog, "/", kQuarantineFolder), stream).records;
    std::vector<Quarantine> here;
    std::set<Lsn> readable;
    for (const Quarantine& one : moved) {
      if (one.stream != stream) continue;
      here.push_back(one);
      const std::set<Lsn> told = LsnsOf(one.readable);
      const std::set<Lsn> lost = LsnsOf(one.lost);
      readable.insert(told.begin(), told.end());
      for (const Lsn lsn : lost) EXPECT_FALSE(told.contains(lsn)) << lsn;
      EXPECT_EQ(told.size() + lost.size(), one.known - one.first + 1);
    }
    EXPECT_EQ(now.gaps, here);
    for (const auto& [lsn, record] : original) {
      const bool gone = std::any_of(here.begin(), here.end(), [lsn = lsn](const auto& one) {
        return one.first <= lsn && lsn <= one.last;
      });
      const Payloads& from = gone ? apart : now.records;
      const auto found = from.find(lsn);
      if (gone) {
        EXPECT_EQ(found != from.end(), readable.contains(lsn)) << lsn;
      }
      // The last records of a crashed log may have been a torn tail, whose numbers are given again.
      const bool torn =
          !gone && !whole.closed && lsn >= whole.streams[index].segments.back().first_lsn;
      if (torn) continue;
      EXPECT_TRUE(gone || found != from.end()) << lsn;
      EXPECT_TRUE(found == from.end() || found->second == record) << lsn;
    }
    *read = now.records;
  }

  // All that has to hold of a log with damage, after its quarantine and more events.
  void ExpectMended(const DamageLog& whole, MemoryFileSystem* files,
                    const std::vector<Quarantine>& moved) {
    EXPECT_EQ(Audited(files), moved);
    Payloads before[2];
    for (size_t i = 0; i < 2; ++i) ExpectRead(whole, i, files, moved, &before[i]);
    const Lsn appended = Append(files, 20);
    EXPECT_TRUE(!whole.closed || appended > whole.streams[0].last_lsn) << "a number is given twice";
    for (size_t i = 0; i < 2; ++i) {
      const Read now = ReadStream(files, kDamageLog, whole.streams[i].stream);
      EXPECT_THAT(now.damaged, IsEmpty()) << ToString(now.damaged[0]);
      EXPECT_TRUE(std::includes(now.records.begin(), now.records.end(), before[i].begin(),
                                before[i].end()));
      if (i == 0) {
        EXPECT_TRUE(now.records.contains(appended + 19));
      }
    }
    const auto report = VerifyLog(files, kDamageLog);
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->corrupt_count, 0u);
    EXPECT_THAT(report->quarantined, ::testing::UnorderedElementsAreArray(moved));
    EXPECT_EQ(report->clean(), moved.empty());
    for (const Invariant& one : report->invariants) {
      EXPECT_EQ(one.violated, 0u) << one.name << ": " << one.first_violation;
    }
  }

  testing::SimulatedClock clock_;
};

TEST_F(QuarantineTest, AnyDamageInAnySegmentsIsTakenOutAndTheRestStays) {
  const int rounds = testing::FromEnvironment("FULCRUM_QUARANTINE_ROUNDS", 60);
  int segments = 0;
  int last_segments = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    std::mt19937_64 random(static_cast<uint64_t>(round));
    const DamageLog& whole = Log(round % 2 == 0);
    const auto files = whole.files->Clone();
    std::set<std::pair<Stream, Lsn>> damaged;
    std::set<std::pair<Stream, Lsn>> last;
    for (uint64_t places = 1 + random() % 4; places > 0; --places) {
      const WholeStream& stream = whole.streams[random() % 2];
      ASSERT_GE(stream.segments.size(), 4u);
      const WholeSegment& segment = stream.segments[random() % stream.segments.size()];
      Damage(files.get(), segment.path, random() % segment.end, &random);
      damaged.insert({stream.stream, segment.first_lsn});
      last.insert({stream.stream, stream.segments.back().first_lsn});
    }
    const auto planned = PlanQuarantine(Options(files.get()));
    ASSERT_THAT(planned, IsOk());
    const auto applied = ApplyQuarantine(Options(files.get()));
    ASSERT_THAT(applied, IsOk());
    std::set<std::pair<Stream, Lsn>> moved;
    for (const Quarantine& one : applied->segments) {
      moved.insert({one.stream, one.first});
      EXPECT_TRUE(damaged.contains({one.stream, one.first})) << ToString(one);
      EXPECT_EQ(one.actor, "tester");
      if (last.contains({one.stream, one.first})) ++last_segments;
    }
    for (const auto& one : damaged) {
      EXPECT_TRUE(last.contains(one) || moved.contains(one)) << one.second;
    }
    for (const Quarantine& one : planned->segments) {
      EXPECT_TRUE(moved.contains({one.stream, one.first})) << ToString(one);
    }
    segments += static_cast<int>(moved.size());
    ExpectMended(whole, files.get(), applied->segments);
    if (HasFailure()) return;
  }
  EXPECT_GT(segments, rounds);
  EXPECT_GT(last_segments, rounds / 10);
}

TEST_F(QuarantineTest, KilledAtAnyStepItIsFinishedByAnotherRun) {
  const DamageLog& whole = SmallLog();
  const auto damaged = whole.files->Clone();
  std::mt19937_64 random(1);
  for (const WholeStream& stream : whole.streams) {
    ASSERT_GE(stream.segments.size(), 3u);
    Damage(damaged.get(), stream.segments[1].path, 5000, &random);
    Damage(damaged.get(), stream.segments.back().path, kSegmentHeaderBytes + 8, &random);
  }
  int kills = 0;
  for (int64_t nth = 1;; ++nth) {
    SCOPED_TRACE(absl::StrCat("killed before operation ", nth));
    auto files = damaged->Clone();
    testing::FaultyFileSystem faulty(files.get());
    testing::FaultRule rule;
    rule.operation = std::nullopt;
    rule.nth = nth;
    rule.sticky = true;
    faulty.AddFault(rule);
    const auto killed = ApplyQuarantine(Options(&faulty));
    if (faulty.faults_fired() == 0) {
      ASSERT_THAT(killed, IsOk());
      break;
    }
    EXPECT_FALSE(killed.ok());
    ++kills;
    files = files->Clone();  // without the lock of the dead
    const auto between = VerifyLog(files.get(), kDamageLog);
    ASSERT_THAT(between, IsOk());
    EXPECT_FALSE(between->clean());
    ASSERT_THAT(ApplyQuarantine(Options(files.get())), IsOk());
    const auto after = PlanQuarantine(Options(files.get()));
    ASSERT_THAT(after, IsOk());
    EXPECT_THAT(after->segments, IsEmpty());
    EXPECT_THAT(after->unaudited, IsEmpty());
    ASSERT_EQ(after->known.size(), 4u);
    std::vector<Quarantine> audited = Audited(files.get());
    EXPECT_THAT(audited, ::testing::IsSupersetOf(after->known));
    EXPECT_EQ(audited.size(), 4u) << "told twice";
    if (nth % 5 == 0) ExpectMended(whole, files.get(), audited);
    if (HasFailure()) return;
  }
  EXPECT_GT(kills, 25);
}

TEST_F(QuarantineTest, WhateverThePowerTakesAnotherRunFinishesIt) {
  const DamageLog& whole = SmallLog();
  const auto damaged = whole.files->Clone();
  std::mt19937_64 random(1);
  Damage(damaged.get(), whole.streams[0].segments[1].path, 5000, &random);
  Damage(damaged.get(), whole.streams[1].segments.back().path, 5000, &random);
  const testing::TemporaryDirectory directory;
  const std::string log = directory.path() + kDamageLog;
  for (const std::string& path : damaged->Paths()) {
    std::filesystem::create_directories(
        std::filesystem::path(directory.path() + path).parent_path());
    std::ofstream(directory.path() + path, std::ios::binary) << damaged->Content(path);
  }
  testing::FaultyFileSystem faulty;
  faulty.Record(true);
  for (const std::string& path : damaged->Paths()) {  // so that it knows what is there
    ASSERT_THAT(faulty.OpenForAppend(directory.path() + path, base::OpenMode::kAppend), IsOk());
  }
  QuarantineOptions options = Options(&faulty);
  options.directory = log;
  const size_t before = faulty.operations();
  const auto done = ApplyQuarantine(options);
  ASSERT_THAT(done, IsOk());
  ASSERT_EQ(done->segments.size(), 2u);
  int64_t names_lost = 0;
  for (size_t operations = before; operations <= faulty.operations(); ++operations) {
    SCOPED_TRACE(absl::StrCat("after operation ", operations));
    const std::string after = absl::StrCat(directory.path(), "/after-", operations);
    names_lost += faulty.LosePower(operations, operations, log, after).names_lost;
    options.files = base::PosixFileSystem();
    options.directory = after;
    ASSERT_THAT(ApplyQuarantine(options), IsOk());
    const auto plan = PlanQuarantine(options);
    ASSERT_THAT(plan, IsOk());
    EXPECT_EQ(plan->known.size(), 2u);
    EXPECT_THAT(plan->segments, IsEmpty());
    EXPECT_THAT(plan->unaudited, IsEmpty());
    EXPECT_THAT(plan->left, IsEmpty());
    std::filesystem::remove_all(after);
    if (HasFailure()) return;
  }
  EXPECT_GT(names_lost, 3);
}

TEST_F(QuarantineTest, ASegmentThatIsOnlyMissingStaysDamage) {
  const DamageLog& whole = Log(true);
  const auto files = whole.files->Clone();
  const WholeStream& decisions = whole.streams[0];
  FULCRUM_ASSERT_OK(files->Remove(decisions.segments[2].path));
  const auto plan = ApplyQuarantine(Options(files.get()));
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->segments, IsEmpty());
  ASSERT_EQ(plan->left.size(), 1u);
  EXPECT_THAT(plan->left[0].damage.what, HasSubstr("are missing"));
  const auto report = VerifyLog(files.get(), kDamageLog);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->corrupt_count, 1u);
  EXPECT_THAT(report->quarantined, IsEmpty());
}

TEST_F(QuarantineTest, AManifestThatIsGoneOrDamagedExplainsNothing) {
  const DamageLog& whole = Log(true);
  auto files = whole.files->Clone();
  std::mt19937_64 random(3);
  Damage(files.get(), whole.streams[0].segments[1].path, 9000, &random);
  const auto done = ApplyQuarantine(Options(files.get()));
  ASSERT_THAT(done, IsOk());
  ASSERT_EQ(done->segments.size(), 1u);
  const std::string name = SegmentName(done->segments[0].first);
  const std::string manifest =
      absl::StrCat(kDamageLog, "/quarantine/decisions/", name.substr(0, 20), ".manifest");
  std::string bytes = files->Content(manifest);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  files->SetContent(manifest, bytes);
  const auto report = VerifyLog(files.get(), kDamageLog);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->corrupt_count, 1u);
  EXPECT_THAT(report->quarantined, IsEmpty());
  RecoveryReport recovery;
  EXPECT_THAT(LogWriter::Open(DamageOptions(files.get(), &clock_), &recovery).status(),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(manifest), HasSubstr("Restore it from a copy"))));
  FULCRUM_ASSERT_OK(files->Remove(manifest));
  const auto without = VerifyLog(files.get(), kDamageLog);
  ASSERT_THAT(without, IsOk());
  EXPECT_EQ(without->corrupt_count, 1u);
}

TEST_F(QuarantineTest, ASoundCopyMendsTheStream) {
  const DamageLog& whole = Log(true);
  for (const size_t index : {size_t{1}, whole.streams[0].segments.size() - 1}) {
    SCOPED_TRACE(index);
    const auto files = whole.files->Clone();
    const WholeSegment& segment = whole.streams[0].segments[index];
    std::mt19937_64 random(3);
    Damage(files.get(), segment.path, kSegmentHeaderBytes + 100, &random);
    const auto done = ApplyQuarantine(Options(files.get()));
    ASSERT_THAT(done, IsOk());
    ASSERT_EQ(done->segments.size(), 1u);
    files->SetContent(segment.path, segment.bytes);
    const auto report = VerifyLog(files.get(), kDamageLog);
    ASSERT_THAT(report, IsOk());
    EXPECT_TRUE(report->clean());
    Recorder recorder;
    RecoveryReport recovery;
    const auto writer = LogWriter::Open(DamageOptions(files.get(), &clock_), &recovery);
    ASSERT_THAT(writer, IsOk());
    FULCRUM_ASSERT_OK((*writer)->Recover(0, &recorder));
    EXPECT_EQ(recorder.events.size(), whole.streams[0].last_lsn + 1);  // and the audit
  }
}

class GapTest : public QuarantineTest {
 protected:
  // Quarantines one segment of decisions and opens the log.
  void Open(size_t index) {
    files_ = Log(true).files->Clone();
    std::mt19937_64 random(3);
    Damage(files_.get(), Log(true).streams[0].segments[index].path, kSegmentHeaderBytes + 100,
           &random);
    auto done = ApplyQuarantine(Options(files_.get()));
    ASSERT_THAT(done, IsOk());
    ASSERT_EQ(done->segments.size(), 1u);
    gap_ = done->segments[0];
    RecoveryReport report;
    auto writer = LogWriter::Open(DamageOptions(files_.get(), &clock_), &report);
    ASSERT_THAT(writer, IsOk());
    writer_ = *std::move(writer);
  }

  std::unique_ptr<MemoryFileSystem> files_;
  Quarantine gap_;
  std::unique_ptr<LogWriter> writer_;
  Recorder recorder_;
};

TEST_F(GapTest, AFoldThatNeedsItIsRefusedUnlessItMayPass) {
  Open(1);
  const Lsn needed = gap_.first + 3;
  EXPECT_THAT(writer_->Recover(needed - 1, &recorder_),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(absl::StrCat("LSN ", needed, " to ", gap_.known)),
                             HasSubstr("quarantined since"), HasSubstr("sound copy"))));
  EXPECT_THAT(recorder_.events, IsEmpty());
  std::vector<Lsn> asked;
  FULCRUM_ASSERT_OK(writer_->Recover(needed - 1, &recorder_, [&](const Quarantine& gap, Lsn from) {
    EXPECT_EQ(gap, gap_);
    asked.push_back(from);
    return absl::OkStatus();
  }));
  EXPECT_THAT(asked, ElementsAre(needed));
  ASSERT_FALSE(recorder_.events.empty());
  EXPECT_EQ(recorder_.events.front().first, gap_.last + 1);
}

TEST_F(GapTest, AFoldThatHoldsItGoesOnBehindIt) {
  Open(1);
  FULCRUM_ASSERT_OK(writer_->Recover(gap_.known, &recorder_));
  ASSERT_FALSE(recorder_.events.empty());
  EXPECT_EQ(recorder_.events.front().first, gap_.last + 1);
}

// Behind the last segment the log goes on with numbers that nobody can know.
TEST_F(GapTest, AfterTheLastSegmentNoNumberIsGivenTwice) {
  Open(Log(true).streams[0].segments.size() - 1);
  EXPECT_EQ(gap_.known, Log(true).streams[0].last_lsn);
  EXPECT_GT(gap_.last, gap_.known);
  // A checkpoint that knows all, and one that knows more than the log can say.
  for (const Lsn after : {gap_.known, gap_.known + 2}) {
    Recorder recorder;
    FULCRUM_ASSERT_OK(writer_->Recover(after, &recorder));
    ASSERT_EQ(recorder.events.size(), 1u);
    EXPECT_EQ(recorder.events[0].first, gap_.last + 1);
    EXPECT_TRUE(std::holds_alternative<AuditRecord>(recorder.events[0].second));
  }
  EXPECT_THAT(writer_->Recover(gap_.known - 1, &recorder_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("quarantined since")));
}

}  // namespace
}  // namespace fulcrum::decision_log
