#include "decision_log/compression.h"

#include <random>

#include "decision_log/log_format.h"
#include "decision_log/record_codec.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

using testing::StatusIs;

std::string Dictionary() {
  RecordEncoder encoder;
  std::string dictionary;
  for (uint64_t i = 0; i < 20; ++i) dictionary += encoder.Encode(LogEvent(MakeDecision(i)));
  return dictionary;
}

TEST(Compression, GivesBackWhatItTookWithAndWithoutADictionary) {
  std::mt19937_64 random(3);
  for (const bool with : {false, true}) {
    PayloadCompressor compressor;
    PayloadDecompressor decompressor;
    if (with) {
      compressor.SetDictionary(Dictionary());
      FULCRUM_ASSERT_OK(decompressor.SetDictionary(Dictionary()));
    }
    size_t plain = 0;
    size_t stored = 0;
    RecordEncoder encoder;
    for (uint64_t i = 100; i < 300; ++i) {
      std::string payload(encoder.Encode(LogEvent(MakeDecision(i, 1 + random() % 20))));
      if (i % 10 == 0) {  // noise, which does not get smaller
        for (char& byte : payload) byte = static_cast<char>(random());
      }
      uint8_t flags = 0;
      const std::string bytes(compressor.Compress(payload, &flags));
      EXPECT_EQ((flags & kFlagCompressed) != 0, bytes.size() < payload.size());
      if (flags != 0) {
        EXPECT_EQ((flags & kFlagDictionary) != 0, with);
      }
      ASSERT_EQ(decompressor.Decompress(bytes, flags).value(), payload);
      plain += payload.size();
      stored += bytes.size();
    }
    EXPECT_LT(stored, plain);
  }
}

// `noisy` bytes of noise, then zeros.
std::string Payload(size_t noisy, size_t bytes, std::mt19937_64* random) {
  std::string payload(bytes, '\0');
  for (size_t i = 0; i < noisy; ++i) payload[i] = static_cast<char>((*random)());
  return payload;
}

TEST(Compression, SavesAQuarterOrIsLeftOut) {
  std::mt19937_64 random(4);
  for (const size_t noisy : {0, 200, 500, 700, 740, 760, 800, 900, 1000}) {
    PayloadCompressor compressor;
    uint8_t flags = 0;
    const std::string payload = Payload(noisy, 1000, &random);
    const size_t stored = compressor.Compress(payload, &flags).size();
    if (flags == 0) {
      EXPECT_EQ(stored, payload.size());
      EXPECT_GT(noisy, 700U);
    } else {
      EXPECT_LE(stored, 750U);
      EXPECT_LE(noisy, 750U);
    }
  }
}

TEST(Compression, GivesUpForAWhileWhereItSavesNothing) {
  std::mt19937_64 random(5);
  PayloadCompressor compressor;
  uint8_t flags = 0;
  const auto compresses = [&](size_t noisy) {
    const std::string payload = Payload(noisy, 1000, &random);
    static_cast<void>(compressor.Compress(payload, &flags));
    return flags != 0;
  };
  // Three misses are not enough, nor are four that do not follow each other.
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(compresses(1000));
  EXPECT_TRUE(compresses(0));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(compresses(1000));
  for (int i = 0; i < 60; ++i) EXPECT_FALSE(compresses(0)) << i;
  EXPECT_TRUE(compresses(0));
  // A dictionary is a reason to try anew.
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(compresses(1000));
  compressor.SetDictionary(Dictionary());
  EXPECT_TRUE(compresses(0));
}

TEST(Compression, ADictionaryMakesSmallRecordsMuchSmaller) {
  RecordEncoder encoder;
  const std::string payload(encoder.Encode(LogEvent(MakeDecision(1000))));
  uint8_t flags = 0;
  PayloadCompressor compressor;
  const size_t without = compressor.Compress(payload, &flags).size();
  compressor.SetDictionary(Dictionary());
  EXPECT_LT(compressor.Compress(payload, &flags).size(), without / 2);
}

TEST(Compression, WhatCannotBeDecompressedIsRefused) {
  PayloadCompressor compressor;
  compressor.SetDictionary(Dictionary());
  RecordEncoder encoder;
  const std::string payload(encoder.Encode(LogEvent(MakeDecision(1000))));
  uint8_t flags = 0;
  const std::string stored(compressor.Compress(payload, &flags));
  ASSERT_EQ(flags, kFlagCompressed | kFlagDictionary);
  PayloadDecompressor decompressor;
  EXPECT_THAT(decompressor.Decompress(stored, flags),
              StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
  FULCRUM_ASSERT_OK(decompressor.SetDictionary(Dictionary()));
  FULCRUM_EXPECT_OK(decompressor.Decompress(stored, flags));
  EXPECT_THAT(decompressor.Decompress(stored.substr(0, stored.size() / 2), flags),
              StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
  EXPECT_THAT(decompressor.Decompress("no frame", flags),
              StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
  // A frame that claims to hold 1 TiB: refused by its size, before memory is taken.
  const std::string huge("\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\1\0\0\1\0\0", 16);
  EXPECT_THAT(decompressor.Decompress(huge, kFlagCompressed),
              StatusIs(absl::StatusCode::kDataLoss, ::testing::HasSubstr("legal size")));
}

}  // namespace
}  // namespace fulcrum::decision_log
