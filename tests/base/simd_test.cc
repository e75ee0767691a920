#include "base/simd.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fulcrum::base {
namespace {

using ::testing::HasSubstr;

constexpr SimdLevel kAll[] = {SimdLevel::kSse2, SimdLevel::kAvx2, SimdLevel::kAvx512};

class Simd : public ::testing::Test {
 protected:
  ~Simd() override { EXPECT_TRUE(ForceSimdLevel(DetectedSimdLevel()).ok()); }
};

TEST_F(Simd, WordsAndLevelsAreInverse) {
  for (const SimdLevel level : kAll) {
    const auto parsed = ParseSimdLevel(SimdLevelName(level));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, level);
  }
  const auto detected = ParseSimdLevel("auto");
  ASSERT_TRUE(detected.ok()) << detected.status();
  EXPECT_EQ(*detected, DetectedSimdLevel());
}

TEST_F(Simd, AnUnknownWordIsRefusedWithTheKnownOnes) {
  const auto parsed = ParseSimdLevel("AVX2");
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(parsed.status().message(), HasSubstr("AVX2"));
  EXPECT_THAT(parsed.status().message(), HasSubstr("auto, sse2, avx2 or avx512"));
}

TEST_F(Simd, BeginsWithTheDetectedLevel) {
  EXPECT_EQ(ActiveSimdLevel(), DetectedSimdLevel());
}

TEST_F(Simd, WhatTheProcessorHasCanBeForcedAndNothingElse) {
  for (const SimdLevel level : kAll) {
    const SimdLevel before = ActiveSimdLevel();
    const absl::Status forced = ForceSimdLevel(level);
    if (level <= DetectedSimdLevel()) {
      EXPECT_TRUE(forced.ok()) << forced;
      EXPECT_EQ(ActiveSimdLevel(), level);
    } else {
      EXPECT_EQ(forced.code(), absl::StatusCode::kUnavailable);
      EXPECT_THAT(forced.message(), HasSubstr(std::string(SimdLevelName(DetectedSimdLevel()))));
      EXPECT_EQ(ActiveSimdLevel(), before);
    }
  }
}

TEST_F(Simd, AWordForcesWhatItNames) {
  EXPECT_TRUE(ForceSimdLevel("sse2").ok());
  EXPECT_EQ(ActiveSimdLevel(), SimdLevel::kSse2);
  EXPECT_EQ(ForceSimdLevel("mmx").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ActiveSimdLevel(), SimdLevel::kSse2);
  EXPECT_TRUE(ForceSimdLevel("auto").ok());
  EXPECT_EQ(ActiveSimdLevel(), DetectedSimdLevel());
}

}  // namespace
}  // namespace fulcrum::base
