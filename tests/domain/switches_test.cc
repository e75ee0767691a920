#include "domain/switches.h"

#include <gmock/gmock.h>

namespace fulcrum::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1574553600);
const SwitchTarget kSpring{SwitchKind::kCampaign, "spring"};
const SwitchTarget kAll{SwitchKind::kAll, ""};

AuditRecord Pause(const SwitchTarget& target, absl::Time at = kNow,
                  absl::Time until = absl::InfiniteFuture()) {
  return PauseRecord({target, "a reason", "ann", at, until});
}

std::vector<std::string> Names(const std::vector<Switch>& switches) {
  std::vector<std::string> names;
  for (const Switch& one : switches) names.push_back(ToText(one.target));
  return names;
}

TEST(Switches, FoldPausesAndTheirEnds) {
  Switches switches;
  EXPECT_TRUE(switches.Apply(3, Pause(kSpring)));
  EXPECT_TRUE(switches.Apply(4, Pause(kAll)));
  EXPECT_THAT(Names(switches.At(kNow)), ElementsAre("all", "campaign:spring"));
  const Switch spring = switches.At(kNow)[1];
  EXPECT_EQ(spring, (Switch{kSpring, "a reason", "ann", kNow, absl::InfiniteFuture(), 3}));
  EXPECT_TRUE(switches.Apply(5, ResumeRecord(kAll, "done", "ann", kNow)));
  EXPECT_THAT(Names(switches.At(kNow)), ElementsAre("campaign:spring"));
  EXPECT_TRUE(switches.Apply(6, ResumeRecord(kAll, "done", "ann", kNow))) << "does no harm";
  EXPECT_THAT(Names(switches.At(kNow)), ElementsAre("campaign:spring"));
}

TEST(Switches, PausingTwiceIsOneSwitchAndTheLaterWordHolds) {
  Switches switches;
  switches.Apply(1, Pause(kSpring, kNow, kNow + absl::Minutes(1)));
  switches.Apply(2, Pause(kSpring, kNow, kNow + absl::Minutes(5)));
  ASSERT_EQ(switches.all().size(), 1u);
  EXPECT_EQ(switches.all()[0].until, kNow + absl::Minutes(5));
  EXPECT_EQ(switches.all()[0].lsn, 2u);
}

TEST(Switches, EndByThemselvesByTheTimeThatIsAsked) {
  Switches switches;
  const absl::Time end = kNow + absl::Minutes(30) + absl::Microseconds(7);
  switches.Apply(1, Pause(kSpring, kNow, end));
  EXPECT_THAT(Names(switches.At(end - absl::Microseconds(1))), ElementsAre("campaign:spring"));
  EXPECT_THAT(switches.At(end), IsEmpty());
  EXPECT_EQ(switches.all().size(), 1u);
  switches.Apply(2, Pause(kAll, end));
  EXPECT_THAT(Names(switches.all()), ElementsAre("all")) << "what has ended is dropped";
}

TEST(Switches, OtherRecordsAreNotTheirs) {
  Switches switches;
  EXPECT_FALSE(switches.Apply(1, {.actor = "fulcrumd", .action = "service.start"}));
  EXPECT_FALSE(switches.Apply(2, {.action = "operator.pause", .target = "galaxy:x"}));
  AuditRecord odd = Pause(kSpring, kNow, kNow + absl::Minutes(1));
  odd.details.back().value = "soon";
  EXPECT_TRUE(switches.Apply(3, odd));
  EXPECT_EQ(switches.all()[0].until, absl::InfiniteFuture()) << "an end that cannot be read";
}

TEST(Switches, AreTheSameFromTheRecordsOfWhatHolds) {
  Switches switches;
  switches.Apply(1, Pause(kSpring, kNow, kNow + absl::Nanoseconds(1'234'567'890)));
  switches.Apply(9, Pause({SwitchKind::kFeature, "user.age"}));
  Switches again;
  for (const Switch& one : switches.all()) again.Apply(one.lsn, PauseRecord(one));
  EXPECT_EQ(again.all(), switches.all());
}

}  // namespace
}  // namespace fulcrum::domain
