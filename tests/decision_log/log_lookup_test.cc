// Segments, times and single decisions are found as a full scan finds them; a reader follows a log
// that is being written.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "decision_log/segment_book.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

class LogLookup : public LogFixture {
 protected:
  // Decisions, and outcomes of earlier ones, over several segments of several blocks; the clock
  // now and then goes back.
  void WriteLife(uint64_t count, bool compress = true) {
    LogOptions options = Options();
    options.segment_bytes = uint64_t{150} << 10;
    options.compress = compress;
    const std::unique_ptr<LogWriter> writer = Open(std::move(options));
    ASSERT_NE(writer, nullptr);
    writer->Start();
    std::mt19937_64 random(11);
    for (uint64_t i = 1; i <= count; ++i) {
      const bool outcome = i > 10 && random() % 3 == 0;
      LogEvent event = MakeDecision(i, 20);
      if (outcome) {
        event =
            OutcomeRecord{MakeId(1 + random() % i), 1,       absl::StrCat("o-", i), "click", 1, "",
                          1574553602000000,         "tester"};
      }
      FULCRUM_ASSERT_OK(writer->Append(event, std::nullopt, nullptr));
      if (i % 8 == 0) {
        FULCRUM_ASSERT_OK(writer->Flush());
        clock_.Advance(absl::Milliseconds(random() % 100 == 0 ? -500 : 20));
      }
    }
    FULCRUM_ASSERT_OK(writer->Stop());
  }

  std::vector<LogEntry> ReadAll(LsnRange range = {}) {
    std::vector<LogEntry> entries;
    const auto reader = DecisionLogReader::Open(log(), range);
    LogEntry entry;
    while ((*reader)->Next(&entry).value()) entries.push_back(entry);
    EXPECT_EQ((*reader)->end(), LogEnd::kClean);
    return entries;
  }
};

TEST_F(LogLookup, SegmentsTogetherAreTheLog) {
  WriteLife(3000);
  const auto segments = ListLogSegments(log());
  FULCRUM_ASSERT_OK(segments);
  ASSERT_GE(segments->size(), 3u);
  std::vector<Lsn> lsns;
  for (const LogSegment& segment : *segments) {
    EXPECT_EQ(segment.lsns.after, lsns.size());
    EXPECT_EQ(segment.bytes, std::filesystem::file_size(log() + "/" + segment.file));
    for (const LogEntry& entry : ReadAll(segment.lsns)) lsns.push_back(entry.lsn);
  }
  ASSERT_EQ(lsns.size(), 3000u);
  for (size_t i = 0; i < lsns.size(); ++i) ASSERT_EQ(lsns[i], i + 1);
}

TEST_F(LogLookup, AnyRangeIsReadAsItStands) {
  WriteLife(2000);
  std::mt19937_64 random(2);
  for (int i = 0; i < 60; ++i) {
    const Lsn after = random() % 2010;
    const Lsn last = after + random() % 300;
    Lsn expected = after;
    for (const LogEntry& entry : ReadAll({after, last})) ASSERT_EQ(entry.lsn, ++expected);
    ASSERT_EQ(expected, std::max(after, std::min<Lsn>(last, 2000))) << after << " " << last;
  }
}

TEST_F(LogLookup, ATimeIsFoundAsByScanning) {
  WriteLife(3000);
  const std::vector<LogEntry> all = ReadAll();
  const auto by_scanning = [&](int64_t time_us) {
    for (const LogEntry& entry : all) {
      if (entry.time_us >= time_us) return entry.lsn - 1;
    }
    return all.back().lsn;
  };
  std::mt19937_64 random(4);
  std::vector<int64_t> times = {0, all.back().time_us + 1, all.front().time_us};
  for (int i = 0; i < 100; ++i) {
    times.push_back(all[random() % all.size()].time_us + static_cast<int64_t>(random() % 3) - 1);
  }
  for (const int64_t time_us : times) {
    ASSERT_EQ(SeekLogTime(log(), time_us).value(), by_scanning(time_us)) << time_us;
  }
}

TEST_F(LogLookup, ADecisionIsFoundWithAllThatWasHeardOfIt) {
  WriteLife(3000);
  std::map<DecisionId, std::vector<Lsn>> by_scanning;
  for (const LogEntry& entry : ReadAll()) {
    by_scanning[*EventDecisionId(entry.event)].push_back(entry.lsn);
  }
  size_t several = 0;
  for (uint64_t i = 1; i <= 3000; i += 17) {
    std::vector<Lsn> lsns;
    const auto entries = ReadDecision(log(), MakeId(i));
    FULCRUM_ASSERT_OK(entries);
    for (const LogEntry& entry : *entries) lsns.push_back(entry.lsn);
    ASSERT_EQ(lsns, by_scanning[MakeId(i)]) << i;
    several += lsns.size() > 1 ? 1 : 0;
  }
  EXPECT_GT(several, 20u);
  EXPECT_TRUE(ReadDecision(log(), MakeId(999999)).value().empty());
}

// What lies in finished segments is found through their indexes: a segment that has nothing of the
// decision is not read, so that even damage in it does not matter.
TEST_F(LogLookup, ReadsTheBlocksThatTheIndexNames) {
  WriteLife(3000);
  const std::vector<LogSegment> segments = ListLogSegments(log()).value();
  std::string bytes = ReadFile(log() + "/" + segments[0].file);
  const auto summary = ReadSummary(base::PosixFileSystem(), log() + "/" + segments[0].file);
  ASSERT_TRUE(summary->has_value());
  const auto& index = (*summary)->index;
  ASSERT_GE(index.size(), 3u);
  const std::vector<LogEntry> second = ReadAll({index[1].next_lsn, index[1].next_lsn + 50});
  const auto decision = std::find_if(second.begin(), second.end(), [](const LogEntry& entry) {
    return std::holds_alternative<DecisionRecord>(entry.event);
  });
  const DecisionId id = *EventDecisionId(decision->event);
  ASSERT_FALSE(index[0].ids.MayHold(id));
  bytes[index[0].offset + 1000] ^= 1;  // in the first block
  WriteFile(log() + "/" + segments[0].file, bytes);
  EXPECT_FALSE(ReadDecision(log(), id).value().empty());
  // A decision of the damaged block cannot be told from one that the log does not have.
  bool refused = false;
  for (Lsn lsn = 1; lsn < index[1].next_lsn && !refused; ++lsn) {
    refused = absl::IsDataLoss(ReadDecision(log(), MakeId(lsn)).status());
  }
  EXPECT_TRUE(refused);
}

// Bytes that this process has read from files so far.
uint64_t BytesRead() {
  std::ifstream io("/proc/self/io");
  std::string word;
  uint64_t value = 0;
  while (io >> word >> value) {
    if (word == "rchar:") return value;
  }
  return 0;
}

// Of a log of finished segments, a look-up reads the indexes and a few blocks.
TEST_F(LogLookup, ReadsASmallPartOfTheLog) {
  if (BytesRead() == 0) GTEST_SKIP() << "the system does not count what a process reads";
  WriteLife(8000, /*compress=*/false);
  uint64_t bytes = 0;
  const std::vector<LogSegment> segments = ListLogSegments(log()).value();
  for (const LogSegment& segment : segments) bytes += segment.bytes;
  ASSERT_GT(bytes, uint64_t{6} << 20);
  const std::vector<LogEntry> all = ReadAll();
  const uint64_t before_scan = BytesRead();
  ASSERT_EQ(ReadAll().size(), all.size());
  ASSERT_GE(BytesRead() - before_scan, bytes) << "what a full scan reads";
  std::mt19937_64 random(8);
  double seek = 0;
  double one = 0;
  constexpr int kLooks = 20;
  for (int i = 0; i < kLooks; ++i) {
    const LogEntry& entry = all[random() % (all.size() * 9 / 10)];
    uint64_t before = BytesRead();
    ASSERT_TRUE(SeekLogTime(log(), entry.time_us).ok());
    seek += static_cast<double>(BytesRead() - before) / kLooks;
    before = BytesRead();
    ASSERT_FALSE(ReadDecision(log(), *EventDecisionId(entry.event)).value().empty());
    one += static_cast<double>(BytesRead() - before) / kLooks;
  }
  RecordProperty("log_bytes", static_cast<int64_t>(bytes));
  RecordProperty("seek_time_bytes", static_cast<int64_t>(seek));
  RecordProperty("read_decision_bytes", static_cast<int64_t>(one));
  std::printf("of %.1f MB: SeekLogTime %.2f MB, ReadDecision %.2f MB\n",
              static_cast<double>(bytes) * 1e-6, seek * 1e-6, one * 1e-6);
  EXPECT_LT(seek, static_cast<double>(bytes) / 4);
  EXPECT_LT(one, static_cast<double>(bytes) / 4);
}

TEST_F(LogLookup, AnUnfinishedSegmentIsScanned) {
  WriteLife(150);
  ASSERT_EQ(ListLogSegments(log())->size(), 1u);
  const DecisionId id = *EventDecisionId(ReadAll()[99].event);
  EXPECT_FALSE(ReadDecision(log(), id).value().empty());
  EXPECT_EQ(SeekLogTime(log(), ReadAll()[99].time_us).value() / 8, 99u / 8);
}

TEST_F(LogLookup, AReaderFollowsAcrossSegments) {
  LogOptions options = Options();
  options.segment_bytes = 8192;
  const std::unique_ptr<LogWriter> writer = Open(std::move(options));
  writer->Start();
  const auto reader = DecisionLogReader::Open(log());
  FULCRUM_ASSERT_OK(reader);
  Lsn seen = 0;
  for (uint64_t round = 0; round < 40; ++round) {
    EXPECT_EQ(AppendAndWait(writer.get(), round * 5 + 1, 5), 5u);
    LogEntry entry;
    while ((*reader)->Next(&entry).value()) ASSERT_EQ(entry.lsn, ++seen);
    ASSERT_EQ((*reader)->end(), LogEnd::kClean);
    ASSERT_EQ(seen, (round + 1) * 5);
    (*reader)->Resume();
  }
  EXPECT_GT(ListLogSegments(log())->size(), 3u);
}

// The writer makes a segment's file, then writes its header, then records: a reader that comes
// between waits, and passes over nothing that is written meanwhile.
TEST_F(LogLookup, AReaderWaitsForASegmentThatIsBeingBegun) {
  WriteLife(3000);
  const std::vector<LogSegment> segments = ListLogSegments(log()).value();
  ASSERT_GE(segments.size(), 3u);
  const Lsn last = ReadAll().back().lsn;
  const std::string path = log() + "/" + segments.back().file;
  const std::string whole = ReadFile(path);
  for (const size_t written : {size_t{0}, kSegmentHeaderBytes / 2, kSegmentHeaderBytes,
                               kSegmentHeaderBytes + 9, whole.size() / 2}) {
    for (const size_t reserved : {written, whole.size()}) {
      std::string half = whole.substr(0, written);
      half.resize(reserved, '\0');
      WriteFile(path, half);
      const auto reader = DecisionLogReader::Open(log());
      FULCRUM_ASSERT_OK(reader);
      LogEntry entry;
      Lsn seen = 0;
      while ((*reader)->Next(&entry).value()) ASSERT_EQ(entry.lsn, ++seen);
      ASSERT_NE((*reader)->end(), LogEnd::kCorrupt) << ToString((*reader)->damage());
      ASSERT_LT(seen, last);
      WriteFile(path, whole);
      (*reader)->Resume();
      while ((*reader)->Next(&entry).value()) ASSERT_EQ(entry.lsn, ++seen) << written;
      EXPECT_EQ((*reader)->end(), LogEnd::kClean) << written << " " << reserved;
      EXPECT_EQ(seen, last) << written << " " << reserved;
    }
  }
}

}  // namespace
}  // namespace fulcrum::decision_log
