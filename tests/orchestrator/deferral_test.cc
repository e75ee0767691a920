#include "orchestrator/deferral.h"

#include "orchestrator/windows.h"
#include "tests/orchestrator/ledger_fixture.h"
#include "tests/orchestrator/selection_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Window;
using policy::BetaArm;

absl::Time At(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return time;
}

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

struct OpeningCase {
  const char* name;
  std::vector<config::Hours> quiet;  // minutes from midnight
  const char* start;
  const char* end;
  const char* zone;
  const char* now;
  const char* opens;  // null: never
};

class CampaignOpening : public ::testing::TestWithParam<OpeningCase> {};

TEST_P(CampaignOpening, IsTheFirstMomentThatNothingIsInTheWay) {
  const OpeningCase& c = GetParam();
  config::Campaign campaign;
  campaign.time_zone = Zone(c.zone);
  campaign.quiet_hours = c.quiet;
  if (c.start != nullptr) campaign.start = At(c.start);
  if (c.end != nullptr) campaign.end = At(c.end);
  const int64_t opens = CampaignOpensUs(campaign, At(c.now));
  if (c.opens == nullptr) {
    EXPECT_EQ(opens, kNever);
    return;
  }
  EXPECT_EQ(absl::FromUnixMicros(opens), At(c.opens));
  EXPECT_EQ(CampaignMask(campaign, At(c.opens)), MaskReason::kNone);
}

INSTANTIATE_TEST_SUITE_P(
    Table, CampaignOpening,
    ::testing::Values(
        OpeningCase{
            "open", {}, nullptr, nullptr, "UTC", "2024-03-01T10:00:00Z", "2024-03-01T10:00:00Z"},
        OpeningCase{"not_yet",
                    {},
                    "2024-03-02T10:00:00Z",
                    nullptr,
                    "UTC",
                    "2024-03-01T10:00:00Z",
                    "2024-03-02T10:00:00Z"},
        OpeningCase{
            "ended", {}, nullptr, "2024-03-01T10:00:00Z", "UTC", "2024-03-01T10:00:00Z", nullptr},
        OpeningCase{"quiet",
                    {{540, 600}},
                    nullptr,
                    nullptr,
                    "UTC",
                    "2024-03-01T09:30:59Z",
                    "2024-03-01T10:00:00Z"},
        OpeningCase{"over_midnight_before",
                    {{1320, 450}},
                    nullptr,
                    nullptr,
                    "UTC",
                    "2024-02-28T23:00:00Z",
                    "2024-02-29T07:30:00Z"},
        OpeningCase{"over_midnight_after",
                    {{1320, 450}},
                    nullptr,
                    nullptr,
                    "UTC",
                    "2024-02-29T03:00:00Z",
                    "2024-02-29T07:30:00Z"},
        OpeningCase{"one_after_the_other",
                    {{540, 600}, {600, 660}, {650, 720}},
                    nullptr,
                    nullptr,
                    "UTC",
                    "2024-03-01T09:30:00Z",
                    "2024-03-01T12:00:00Z"},
        OpeningCase{"all_day",
                    {{0, 720}, {720, 0}},
                    nullptr,
                    nullptr,
                    "UTC",
                    "2024-03-01T09:30:00Z",
                    nullptr},
        OpeningCase{"quiet_when_it_starts",
                    {{0, 480}},
                    "2024-03-02T00:00:00Z",
                    nullptr,
                    "UTC",
                    "2024-03-01T10:00:00Z",
                    "2024-03-02T08:00:00Z"},
        OpeningCase{"quiet_until_it_ends",
                    {{540, 660}},
                    nullptr,
                    "2024-03-01T10:30:00Z",
                    "UTC",
                    "2024-03-01T09:30:00Z",
                    nullptr},
        // Clocks go forward at 02:00 to 03:00: 02:30 is not there.
        OpeningCase{"summer_time",
                    {{60, 150}},
                    nullptr,
                    nullptr,
                    "Europe/Berlin",
                    "2024-03-31T00:30:00Z",
                    "2024-03-31T01:00:00Z"},
        OpeningCase{"its_own_clock",
                    {{1320, 480}},
                    nullptr,
                    nullptr,
                    "Asia/Tokyo",
                    "2024-03-01T14:00:00Z",
                    "2024-03-01T23:00:00Z"}),
    [](const auto& one) { return one.param.name; });

struct NextCase {
  const char* name;
  Window window;
  const char* zone;
  const char* now;
  const char* next;
};

class NextWindow : public ::testing::TestWithParam<NextCase> {};

TEST_P(NextWindow, BeginsWhereThisOneEnds) {
  const NextCase& c = GetParam();
  config::Constraint row;
  row.window = c.window;
  row.time_zone = Zone(c.zone);
  const absl::Time next = absl::FromUnixMicros(NextWindowUs(row, At(c.now)));
  EXPECT_EQ(next, At(c.next));
  // It is another window, and the moment before is of this one.
  EXPECT_NE(WindowStartUs(row, next), WindowStartUs(row, At(c.now)));
  EXPECT_EQ(WindowStartUs(row, next - absl::Microseconds(1)), WindowStartUs(row, At(c.now)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, NextWindow,
    ::testing::Values(
        NextCase{"day", Window::kDay, "UTC", "2024-01-31T12:00:00Z", "2024-02-01T00:00:00Z"},
        NextCase{"leap_day", Window::kDay, "UTC", "2024-02-28T23:59:59Z", "2024-02-29T00:00:00Z"},
        NextCase{"no_leap_day", Window::kDay, "UTC", "2023-02-28T00:00:00Z",
                 "2023-03-01T00:00:00Z"},
        NextCase{"short_day", Window::kDay, "Europe/Berlin", "2024-03-31T00:00:00Z",
                 "2024-03-31T22:00:00Z"},
        NextCase{"long_day", Window::kDay, "Europe/Berlin", "2024-10-27T00:00:00Z",
                 "2024-10-27T23:00:00Z"},
        NextCase{"no_midnight", Window::kDay, "America/Sao_Paulo", "2018-11-03T12:00:00Z",
                 "2018-11-04T03:00:00Z"},
        NextCase{"hour", Window::kHour, "UTC", "2024-12-31T23:30:00Z", "2025-01-01T00:00:00Z"},
        NextCase{"half_zone", Window::kHour, "Asia/Kathmandu", "2024-01-01T00:00:00Z",
                 "2024-01-01T00:15:00Z"},
        // 02:00 to 03:00 is there twice and is one window.
        NextCase{"repeated_hour", Window::kHour, "Europe/Berlin", "2024-10-27T00:30:00Z",
                 "2024-10-27T02:00:00Z"},
        NextCase{"repeated_again", Window::kHour, "Europe/Berlin", "2024-10-27T01:30:00Z",
                 "2024-10-27T02:00:00Z"},
        NextCase{"skipped_hour", Window::kHour, "Europe/Berlin", "2024-03-31T00:30:00Z",
                 "2024-03-31T01:00:00Z"}),
    [](const auto& one) { return one.param.name; });

TEST(NextWindow, OfOthersThereIsNone) {
  config::Constraint row;
  row.window = Window::kTotal;
  EXPECT_EQ(NextWindowUs(row, At("2024-01-01T00:00:00Z")), kNever);
}

// Campaigns h, i, j with one action each of cost 10; what the rows have no room for is known.
class Deferral : public ::testing::Test {
 protected:
  int64_t DeferredUs() {
    Orchestrator orchestrator(ledger_.get());
    std::vector<Contender> contenders;
    for (size_t i = 0; i < bundle_->actions.size(); ++i) {
      contenders.push_back({static_cast<int32_t>(i), MaskReason::kNone, BetaArm{2, 50}});
    }
    const config::Surface surface = TestSurface();
    const auto selection = orchestrator.Select(
        *bundle_, surface, surface.choice, TestContext(home_.now(), ++number_, 1), {}, User(1),
        policy::Baseline{0.0, {}}, absl::MakeSpan(contenders), domain::Wait::kMayWait);
    EXPECT_THAT(selection, ::fulcrum::testing::IsOk());
    return selection.ok() ? selection->defer_until_us : -1;
  }
  void Start(const BundleBuilder& builder) {
    bundle_ = builder.Build();
    ledger_ = home_.Start(bundle_);
  }
  int64_t Us(absl::Time time) const { return absl::ToUnixMicros(time); }

  LedgerHome home_;  // at midnight UTC
  std::shared_ptr<config::Bundle> bundle_;
  std::unique_ptr<Ledger> ledger_;
  uint64_t number_ = 0;
};

TEST_F(Deferral, IsNoneWhileThereIsAChoice) {
  Start(BundleBuilder()
            .Campaign("h")
            .Cost("h.hour", Window::kHour, 10)
            .Action("a", 10)
            .Campaign("i")
            .Action("b", 10));
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 0));
  EXPECT_EQ(DeferredUs(), 0);
}

TEST_F(Deferral, WaitsForTheFirstActionAndForAllItsRows) {
  BundleBuilder builder;
  builder.Campaign("h").Cost("h.hour", Window::kHour, 10).Cost("h.day", Window::kDay, 10);
  builder.Action("a", 10);
  builder.Campaign("i").Cost("i.day", Window::kDay, 5).Action("b", 10);  // never has room
  builder.Campaign("j").Cost("j.total", Window::kTotal, 10).Action("c", 10);
  Start(builder);
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 0));
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 2));
  EXPECT_EQ(DeferredUs(), Us(home_.now() + absl::Hours(24)));
  home_.clock().Advance(absl::Hours(24));
  EXPECT_EQ(DeferredUs(), 0);
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 0));
}

TEST_F(Deferral, OfATotalThereIsNone) {
  Start(BundleBuilder().Campaign("h").Cost("h.total", Window::kTotal, 10).Action("a", 10));
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 0));
  EXPECT_EQ(DeferredUs(), 0);
}

TEST_F(Deferral, OfAMovingSpanIsWhenEnoughHasFallenOut) {
  BundleBuilder builder;
  builder.Campaign("h").Cap("h.cap", Window::kRolling, 2);
  builder.row().span_us = absl::ToInt64Microseconds(absl::Hours(32));  // steps of an hour
  builder.Action("a", 10);
  Start(builder);
  const absl::Time first = home_.now();
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 0));
  home_.clock().Advance(absl::Hours(5));
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 0));
  home_.clock().Advance(absl::Minutes(90));
  EXPECT_FALSE(home_.SpendOne(ledger_.get(), 0));
  const int64_t until = DeferredUs();
  EXPECT_EQ(until, Us(first + absl::Hours(33)));
  home_.clock().Advance(absl::FromUnixMicros(until) - home_.now() - absl::Microseconds(1));
  EXPECT_FALSE(home_.SpendOne(ledger_.get(), 0));
  home_.clock().Advance(absl::Microseconds(1));
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 0));
}

TEST_F(Deferral, EndsWithTheRow) {
  BundleBuilder builder;
  builder.Campaign("h").Cost("h.total", Window::kTotal, 10).Action("a", 10);
  builder.row().end = home_.now() + absl::Hours(3);
  Start(builder);
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 0));
  EXPECT_EQ(DeferredUs(), Us(home_.now() + absl::Hours(3)));
}

TEST_F(Deferral, IsWhenACampaignStarts) {
  BundleBuilder builder;
  builder.Campaign("h").Cost("h.day", Window::kDay, 10).Action("a", 10);
  builder.Campaign("i").Dates(home_.now() + absl::Hours(2), absl::InfiniteFuture());
  builder.Action("b", 10);
  Start(builder);
  EXPECT_TRUE(home_.SpendOne(ledger_.get(), 0));
  EXPECT_EQ(DeferredUs(), Us(home_.now() + absl::Hours(2)));
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
