#include "fulcrum/switch.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"

namespace fulcrum {
namespace {

using ::testing::HasSubstr;

TEST(SwitchTarget, IsReadAsItIsWritten) {
  for (const char* text : {"all", "surface:home", "campaign:spring", "action:a:b", "creative:x",
                           "model", "feature:user.age"}) {
    const auto target = ParseSwitchTarget(text);
    ASSERT_THAT(target, testing::IsOk()) << text;
    EXPECT_EQ(ToText(*target), text);
  }
  EXPECT_EQ(ParseSwitchTarget("action:a:b")->id, "a:b");
}

TEST(SwitchTarget, WhatItCanBeIsTold) {
  for (const char* text : {"", "campaign", "campaign:", "all:", "all:x", "model:m", "campain:x"}) {
    const auto target = ParseSwitchTarget(text);
    EXPECT_EQ(target.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(target.status().message()), HasSubstr("campaign:ID")) << text;
  }
}

}  // namespace
}  // namespace fulcrum
