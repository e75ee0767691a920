#include "decision_log/segment_index.h"

#include <random>

#include "base/random.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

using testing::StatusIs;

std::vector<DecisionId> Ids(uint64_t first, uint64_t count) {
  std::vector<DecisionId> ids;
  for (uint64_t i = 0; i < count; ++i) ids.push_back(MakeId(first + i));
  return ids;
}

std::vector<IndexEntry> MadeUpEntries(size_t count) {
  std::mt19937_64 random(5);
  std::vector<IndexEntry> entries;
  IndexEntry entry{.next_lsn = 1};
  for (size_t i = 0; i < count; ++i) {
    entry.min_time_us = static_cast<int64_t>(random());
    entry.max_time_us = static_cast<int64_t>(random());
    entry.ids = IdFilter::Of(Ids(i * 1000, random() % 300));
    entries.push_back(entry);
    entry.offset += 8 * (1 + random() % 10000);
    entry.next_lsn += random() % 3;
  }
  return entries;
}

TEST(IdFilter, HoldsWhatWasPutIntoItAndLittleElse) {
  for (const uint64_t count : {1, 2, 7, 60, 1000, 20000}) {
    const IdFilter filter = IdFilter::Of(Ids(1, count));
    for (const DecisionId& id : Ids(1, count)) ASSERT_TRUE(filter.MayHold(id));
    uint64_t wrong = 0;
    constexpr uint64_t kAsked = 20000;
    for (const DecisionId& id : Ids(1'000'000, kAsked)) wrong += filter.MayHold(id) ? 1 : 0;
    EXPECT_LT(wrong, kAsked / 40) << count;
  }
  EXPECT_FALSE(IdFilter().MayHold(MakeId(1)));
}

// Ids of one millisecond, as a busy service makes them, differ only in their random bits.
TEST(IdFilter, ToldIdsOfOneMillisecondApart) {
  std::mt19937_64 random(7);
  const auto draw = [&] {
    return DecisionId::FromTimeAndRandom(absl::FromUnixMillis(1574553600000), random(), random());
  };
  std::vector<DecisionId> ids(500);
  for (DecisionId& id : ids) id = draw();
  const IdFilter filter = IdFilter::Of(ids);
  uint64_t wrong = 0;
  for (int i = 0; i < 20000; ++i) wrong += filter.MayHold(draw()) ? 1 : 0;
  EXPECT_LT(wrong, 500u);
}

TEST(SegmentIndex, IsReadAsItWasWritten) {
  for (const size_t count : {1, 3, 5000}) {
    const std::vector<IndexEntry> entries = MadeUpEntries(count);
    std::vector<IndexEntry> read;
    const std::vector<std::string> payloads = EncodeIndex(entries);
    EXPECT_EQ(payloads.size() > 1, count == 5000);
    for (const std::string& payload : payloads) {
      ASSERT_LE(payload.size(), kPayloadBytesMax);
      FULCRUM_ASSERT_OK(DecodeIndex(payload, &read));
    }
    EXPECT_TRUE(read == entries);
  }
}

TEST(SegmentIndex, WhatIsCutOrOutOfOrderIsRefused) {
  const std::string payload = EncodeIndex(MadeUpEntries(3)).front();
  for (size_t cut = 1; cut < payload.size(); ++cut) {
    std::vector<IndexEntry> read;
    const absl::Status status = DecodeIndex(payload.substr(0, cut), &read);
    // Cut between two entries, it is a shorter index.
    EXPECT_TRUE(status.ok() ? EncodeIndex(read).front().size() == cut : absl::IsDataLoss(status));
  }
  std::vector<IndexEntry> twice;
  FULCRUM_ASSERT_OK(DecodeIndex(payload, &twice));
  EXPECT_THAT(DecodeIndex(payload, &twice), StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
  std::string huge = payload;
  huge.replace(32, 8, std::string(8, '\xff'));  // the number of the filter's words
  std::vector<IndexEntry> read;
  EXPECT_THAT(DecodeIndex(huge, &read), StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
}

TEST(SegmentFooter, IsReadAsItWasWritten) {
  SegmentFooter footer;
  footer.index_offset = 4096;
  footer.last_lsn = 99;
  footer.dictionary_offset = 128;
  footer.stats.by_type[1] = 7;
  footer.stats.by_type[16] = 9;
  footer.stats.records = 16;
  footer.stats.min_time_us = -5;
  footer.stats.max_time_us = 1574553600000000;
  footer.stats.payload_bytes = 1000;
  footer.stats.stored_bytes = 300;
  footer.chain = base::Sha256("chain");
  const std::string payload = EncodeFooter(footer);
  EXPECT_EQ(payload.size(), kFooterPayloadBytes);
  EXPECT_TRUE(DecodeFooter(payload).value() == footer);
  EXPECT_THAT(DecodeFooter(payload.substr(1)), StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
}

}  // namespace
}  // namespace fulcrum::decision_log
