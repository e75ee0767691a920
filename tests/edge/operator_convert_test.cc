#include "edge/operator_convert.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"

namespace fulcrum::edge {
namespace {

using ::testing::HasSubstr;

v1::Target Target(v1::TargetKind kind, const std::string& id) {
  v1::Target target;
  target.set_kind(kind);
  target.set_id(id);
  return target;
}

TEST(OperatorConvert, TargetsAreTaken) {
  const auto campaign = TargetOf(Target(v1::TARGET_KIND_CAMPAIGN, "spring"));
  ASSERT_THAT(campaign, testing::IsOk());
  EXPECT_EQ(*campaign, (SwitchTarget{SwitchKind::kCampaign, "spring"}));
  EXPECT_EQ(TargetOf(Target(v1::TARGET_KIND_ALL, ""))->kind, SwitchKind::kAll);
  EXPECT_EQ(TargetOf(Target(v1::TARGET_KIND_FEATURE, "user.age"))->kind, SwitchKind::kFeature);
}

TEST(OperatorConvert, WhatIsNoTargetNamesItsField) {
  const std::pair<v1::Target, const char*> kWrong[] = {
      {Target(v1::TARGET_KIND_UNSPECIFIED, "x"), "target.kind"},
      {Target(static_cast<v1::TargetKind>(99), "x"), "target.kind"},
      {Target(v1::TARGET_KIND_CAMPAIGN, ""), "target.id"},
      {Target(v1::TARGET_KIND_CAMPAIGN, std::string(257, 'a')), "target.id"},
      {Target(v1::TARGET_KIND_ALL, "x"), "target.id"},
      {Target(v1::TARGET_KIND_MODEL, "x"), "target.id"}};
  for (const auto& [target, field] : kWrong) {
    const auto status = TargetOf(target).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  }
}

TEST(OperatorConvert, SpansAreAboveZeroAndMayBeAbsent) {
  v1::PauseRequest request;
  EXPECT_EQ(*SpanOf(request), absl::InfiniteDuration());
  request.mutable_lasts()->set_seconds(90);
  request.mutable_lasts()->set_nanos(5);
  EXPECT_EQ(*SpanOf(request), absl::Seconds(90) + absl::Nanoseconds(5));
  for (const int64_t seconds : {int64_t{0}, int64_t{-1}, int64_t{1} << 40}) {
    request.mutable_lasts()->set_seconds(seconds);
    request.mutable_lasts()->set_nanos(0);
    EXPECT_THAT(std::string(SpanOf(request).status().message()), HasSubstr("lasts"));
  }
}

TEST(OperatorConvert, SwitchesAreTold) {
  v1::ListSwitchesResponse response;
  const absl::Time since = absl::FromUnixMicros(1'574'553'600'000'007);
  FillSwitches({{{SwitchKind::kAll, ""}, "why", "ann", since, absl::InfiniteFuture(), 7},
                {{SwitchKind::kSurface, "home"}, "why", "ann", since, since + absl::Hours(1), 8}},
               &response);
  ASSERT_EQ(response.switches_size(), 2);
  EXPECT_EQ(response.switches(0).target().kind(), v1::TARGET_KIND_ALL);
  EXPECT_FALSE(response.switches(0).has_expires_at());
  EXPECT_EQ(response.switches(0).paused_at().nanos(), 7000);
  EXPECT_EQ(response.switches(1).target().id(), "home");
  EXPECT_EQ(response.switches(1).expires_at().seconds(), 1'574'557'200);
  EXPECT_EQ(response.switches(1).lsn(), 8u);
}

}  // namespace
}  // namespace fulcrum::edge
