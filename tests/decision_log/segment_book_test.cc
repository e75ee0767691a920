// What the SHA-256 chain, indexes and footers show beyond checksums, and how segments of version 1
// are gone on from.
#include "decision_log/segment_book.h"

#include <filesystem>

#include "decision_log/verify.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

// A record's place in its segment.
struct Place {
  size_t offset = 0;
  RecordHeader header;
};

class SegmentBookTest : public LogFixture {
 protected:
  void WriteBlocks(uint64_t count, bool compress = true) {
    LogOptions options = Options();
    options.segment_bytes = uint64_t{200} << 10;
    options.compress = compress;
    const std::unique_ptr<LogWriter> writer = Open(std::move(options));
    ASSERT_NE(writer, nullptr);
    writer->Start();
    for (uint64_t number = 1; number <= count; number += 20) {
      ASSERT_EQ(AppendAndWait(writer.get(), number, 20), 20u);
    }
    FULCRUM_ASSERT_OK(writer->Stop());
  }

  static std::vector<Place> Places(std::string_view bytes) {
    std::vector<Place> places;
    for (size_t at = kSegmentHeaderBytes; at + kRecordHeaderBytes <= bytes.size();) {
      const RecordHeader header = DecodeRecordHeader(bytes.substr(at));
      places.push_back({at, header});
      at += RecordBytes(header.payload_bytes);
    }
    return places;
  }

  // Writes the segment again as somebody would who knows the format: all checksums are right.
  static std::string WithRightChecksums(const std::string& bytes) {
    std::string made = bytes.substr(0, kSegmentHeaderBytes);
    uint32_t previous = DecodeSegmentHeader(bytes)->previous_crc;
    for (const Place& place : Places(bytes)) {
      RecordHeader header = place.header;
      header.previous_crc = previous;
      previous = AppendRecord(
          header, bytes.substr(place.offset + kRecordHeaderBytes, header.payload_bytes), &made);
    }
    return made;
  }

  VerifyReport Verify() { return VerifyLog(base::PosixFileSystem(), log()).value(); }
};

TEST_F(SegmentBookTest, BlocksIndexAndFooterAreWritten) {
  WriteBlocks(2000, false);
  const std::string bytes = ReadFile(Segment(Stream::kDecisions, 1));
  size_t blocks = 0;
  size_t last_block = 0;
  for (const Place& place : Places(bytes)) {
    if (place.header.type != RecordType::kBlock) continue;
    ++blocks;
    EXPECT_GE(place.offset - last_block, kBlockBytes);
    EXPECT_LT(place.offset - last_block, kBlockBytes + 4096);
    last_block = place.offset;
  }
  EXPECT_GE(blocks, 2u);
  const auto summary = ReadSummary(base::PosixFileSystem(), Segment(Stream::kDecisions, 1));
  ASSERT_TRUE(summary->has_value());
  EXPECT_EQ((*summary)->index.size(), blocks + 1);
  const SegmentStats& stats = (*summary)->footer.stats;
  EXPECT_EQ(stats.records, (*summary)->footer.last_lsn);
  EXPECT_EQ(stats.by_type[static_cast<size_t>(RecordType::kDecision)], stats.records);
  EXPECT_EQ(stats.payload_bytes, stats.stored_bytes);
  EXPECT_TRUE(Verify().clean());
}

TEST_F(SegmentBookTest, CompressionMakesTheLogSmallerAndChangesNothingElse) {
  WriteBlocks(2000, false);
  const auto plain = Recovered();
  const auto size = [&] {
    uint64_t bytes = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(log())) {
      if (file.is_regular_file()) bytes += file.file_size();
    }
    return bytes;
  };
  const uint64_t before = size();
  std::filesystem::remove_all(log());
  WriteBlocks(2000, true);
  EXPECT_LT(size(), before * 6 / 10);
  const auto compressed = Recovered();
  ASSERT_EQ(plain.size(), compressed.size());
  for (size_t i = 0; i < plain.size(); ++i) ASSERT_TRUE(plain[i] == compressed[i]);
}

TEST_F(SegmentBookTest, AChangeWithRightChecksumsIsFoundByTheChain) {
  WriteBlocks(2000, false);
  const std::string path = Segment(Stream::kDecisions, 1);
  const std::string whole = ReadFile(path);
  const std::vector<Place> places = Places(whole);
  for (const size_t changed : {size_t{3}, places.size() / 2, places.size() - 6}) {
    ASSERT_EQ(places[changed].header.type, RecordType::kDecision);
    std::string bytes = whole;
    // The caller's name for the request: a letter of it.
    const size_t at = bytes.find("request-", places[changed].offset);
    bytes[at] = 'R';
    WriteFile(path, WithRightChecksums(bytes));
    const VerifyReport report = Verify();
    ASSERT_GE(report.corrupt.size(), 1u) << changed;
    EXPECT_THAT(report.corrupt[0].damage.what, HasSubstr("SHA-256 chain"));
    EXPECT_FALSE(report.corrupt[0].torn_tail);
  }
  WriteFile(path, whole);
  EXPECT_TRUE(Verify().clean());
}

TEST_F(SegmentBookTest, AChangedLastSegmentIsNotWrittenOn) {
  WriteBlocks(400, false);  // one segment, not finished
  const std::string path = Segment(Stream::kDecisions, 1);
  std::string bytes = ReadFile(path);
  bytes[bytes.find("request-", Places(bytes)[5].offset)] = 'R';
  WriteFile(path, WithRightChecksums(bytes));
  EXPECT_THAT(TryOpen(Options()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("SHA-256 chain")));
}

TEST_F(SegmentBookTest, AReplacedSegmentDoesNotFollow) {
  WriteBlocks(2000, false);
  const auto segments = *ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions);
  ASSERT_GE(segments.size(), 2u);
  // Another history of the same length, whose last checksum is made to be what the next segment
  // expects.
  const std::string second = Segment(Stream::kDecisions, segments[1]);
  std::string bytes = ReadFile(second);
  SegmentHeader header = DecodeSegmentHeader(bytes).value();
  header.chain[0] ^= 1;
  bytes.replace(0, kSegmentHeaderBytes, EncodeSegmentHeader(header));
  WriteFile(second, bytes);
  const VerifyReport report = Verify();
  ASSERT_GE(report.corrupt.size(), 1u);
  EXPECT_EQ(report.corrupt[0].damage.offset, 0u);
  EXPECT_THAT(report.corrupt[0].damage.what, HasSubstr("does not lead from the segment before"));
}

// Damage to the one place that all compressed records of a segment need.
TEST_F(SegmentBookTest, ALostDictionaryTakesNoRecordWithIt) {
  WriteBlocks(2000);
  const std::string path = Segment(Stream::kDecisions, 1);
  std::string bytes = ReadFile(path);
  std::vector<size_t> dictionaries;
  for (const Place& place : Places(bytes)) {
    if (place.header.type == RecordType::kDictionary) dictionaries.push_back(place.offset);
  }
  ASSERT_GE(dictionaries.size(), 2u);
  bytes[dictionaries[0] + 100] ^= 1;
  WriteFile(path, bytes);
  const VerifyReport report = Verify();
  EXPECT_EQ(report.corrupt_count, 1u);
  EXPECT_EQ(report.records, 2000u);
  // Both copies lost: what needs them is told, nothing wrong is read.
  bytes[dictionaries[1] + 100] ^= 1;
  WriteFile(path, bytes);
  EXPECT_GT(Verify().corrupt_count, 0u);
  EXPECT_LT(Verify().records, 2000u);
}

// The writer that goes on in a segment knows again what is in it.
TEST_F(SegmentBookTest, BooksSurviveReopening) {
  for (uint64_t round = 0; round < 12; ++round) {
    LogOptions options = Options();
    options.segment_bytes = uint64_t{70} << 10;
    const std::unique_ptr<LogWriter> writer = Open(std::move(options));
    ASSERT_NE(writer, nullptr);
    writer->Start();
    ASSERT_EQ(AppendAndWait(writer.get(), round * 150 + 1, 150), 150u);
    if (round % 3 == 0) continue;  // stopped by the destructor
    FULCRUM_ASSERT_OK(writer->Stop());
  }
  EXPECT_GT(ListSegments(base::PosixFileSystem(), log(), Stream::kFeatures)->size() +
                ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions)->size(),
            3u);
  const VerifyReport report = Verify();
  EXPECT_EQ(report.corrupt_count, 0u);
  EXPECT_EQ(report.records, 1800u);
}

TEST_F(SegmentBookTest, AFinishedSegmentIsFollowedByANewOneAfterARestart) {
  WriteBlocks(2000);
  const auto segments = *ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions);
  ASSERT_GE(segments.size(), 2u);
  // As after a death between two segments: the last one is finished, with reserved room behind.
  for (size_t i = 1; i < segments.size(); ++i) {
    std::filesystem::remove(Segment(Stream::kDecisions, segments[i]));
  }
  std::filesystem::resize_file(Segment(Stream::kDecisions, 1), 300 << 10);
  CutOffMark(Stream::kFeatures);
  ForgetHighWater();
  LogOptions options = Options();
  const std::unique_ptr<LogWriter> writer = Open(std::move(options));
  ASSERT_NE(writer, nullptr);
  writer->Start();
  EXPECT_EQ(AppendAndWait(writer.get(), 5000, 1), 1u);
  FULCRUM_ASSERT_OK(writer->Stop());
  EXPECT_EQ(ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions)->back(), segments[1]);
  EXPECT_TRUE(ReadSummary(base::PosixFileSystem(), Segment(Stream::kDecisions, 1))->has_value());
  EXPECT_EQ(Recovered().size(), segments[1]);
}

TEST_F(SegmentBookTest, ALogOfVersion1IsGoneOnFromInANewSegment) {
  std::filesystem::copy(FULCRUM_SOURCE_DIR "/tests/golden/decision_log/v1", log(),
                        std::filesystem::copy_options::recursive);
  {
    const std::unique_ptr<LogWriter> writer = Open(Options());
    ASSERT_NE(writer, nullptr);
    EXPECT_EQ(report_.decisions.version, 1);
    writer->Start();
    EXPECT_EQ(AppendAndWait(writer.get(), 100, 3), 3u);
    FULCRUM_ASSERT_OK(writer->Stop());
  }
  const auto segments = *ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions);
  EXPECT_THAT(segments, ::testing::ElementsAre(1, 4, 7));
  EXPECT_EQ(Recovered().size(), 9u);
  const VerifyReport report = Verify();
  EXPECT_EQ(report.corrupt_count, 0u);
  EXPECT_EQ(report.records, 9u);
}

}  // namespace
}  // namespace fulcrum::decision_log
