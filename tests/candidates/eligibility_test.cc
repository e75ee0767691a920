// Which actions a request may choose among under rules, jurisdictions, approval, expiry and
// regions.
#include "candidates/candidates.h"
#include "config/loader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::candidates {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kBundle[] = R"(surfaces:
  - {id: page, campaigns: [all, adults, night], region_key: context.country, candidates_max: 4}
  - {id: plain, campaigns: [all, house]}
  - {id: house, campaigns: [house]}
campaigns:
  - id: all
    account: shop
    currency: EUR
    actions:
      - {id: a-any}
      - {id: b-denied, approval: denied}
      - {id: c-pending, approval: pending}
      - {id: d-expires, expires: 2026-12-01T12:00:00Z}
      - {id: e-german, regions: [de, at]}
      - {id: f-home, eligible: context.country == action.home,
         attributes: [{name: home, text: fr}, {name: weight, number: 2}]}
      - {id: g-heavy, eligible: 'action.weight > 1 and action.tags intersects ["new"]',
         attributes: [{name: weight, number: 1.5}, {name: tags, texts: [old, new]}]}
  - id: adults
    account: shop
    currency: EUR
    eligible: user.age >= 18
    actions:
      - {id: wine, categories: [alcohol], eligible: context.country != "no"}
  - id: night
    account: shop
    currency: EUR
    time_zone: Asia/Tokyo
    eligible: now in hours("20:00", "06:00")
    actions: [{id: z-bar, categories: [alcohol]}]
  - {id: house, account: shop, currency: EUR, actions: [{id: magazine}]}
jurisdictions:
  - {id: eu, regions: [de, fr], eligible: not ("alcohol" in action.categories)}
feature_views: [{name: users, entity: user, features: [{name: age}]}]
context_keys: [{name: country, type: text}]
)";

class EligibilityTest : public ::testing::Test {
 protected:
  void SetUp() override { Load(kBundle); }

  void Load(const std::string& yaml) {
    config::Problems problems;
    auto bundle =
        config::BuildBundle(base::PosixFileSystem(), {{"a.yaml", yaml}}, "/nowhere", &problems);
    FULCRUM_ASSERT_OK(bundle);
    bundle_ = *bundle;
  }

  absl::StatusOr<std::vector<int32_t>> Ask(const char* surface) {
    const config::Surface& asked = *bundle_->FindSurface(surface);
    const auto list = ReadList(*bundle_, asked, context_);
    if (!list.ok()) return list.status();
    return FindCandidates(*bundle_, asked, context_, user_.empty() ? nullptr : &user_, *list);
  }
  std::vector<std::string> Find(const char* surface = "page") {
    const auto found = Ask(surface);
    FULCRUM_EXPECT_OK(found);
    std::vector<std::string> ids;
    for (const int32_t one : *found) ids.push_back(bundle_->actions[static_cast<size_t>(one)].id);
    return ids;
  }
  void At(const char* time) {
    std::string problem;
    ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, time, &context_.now, &problem)) << problem;
  }

  std::shared_ptr<const config::Bundle> bundle_;
  domain::DecisionContext context_;
  UserValues user_;
};

TEST_F(EligibilityTest, WhatIsNotKnownIsNotEligible) {
  At("2026-12-01T13:00:00Z");
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy"))
      << "no region, so every jurisdiction and no action of a region; no age";
}

TEST_F(EligibilityTest, ApprovalAndExpiryHoldWhateverIsKnown) {
  At("2026-12-01T11:59:59Z");
  EXPECT_THAT(Find(), ElementsAre("a-any", "d-expires", "g-heavy"));
  At("2026-12-01T12:00:00Z");
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy")) << "the instant itself is too late";
}

TEST_F(EligibilityTest, RegionsAndRulesReadTheContext) {
  At("2026-12-02T03:00:00Z");
  context_.values["country"] = "at";
  EXPECT_THAT(Find(), ElementsAre("a-any", "e-german", "g-heavy"));
  context_.values["country"] = "fr";
  EXPECT_THAT(Find(), ElementsAre("a-any", "f-home", "g-heavy"));
  context_.values["country"] = 7.0;
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy"));
}

TEST_F(EligibilityTest, TheStricterOfCampaignActionAndJurisdictionWins) {
  At("2026-12-02T03:00:00Z");
  context_.values["country"] = "uk";
  user_["age"] = 17.0;
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy"));
  user_["age"] = 18.0;
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy", "wine"));
  context_.values["country"] = "no";
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy"));
  context_.values["country"] = "fr";
  EXPECT_THAT(Find(), ElementsAre("a-any", "f-home", "g-heavy"));
}

TEST_F(EligibilityTest, TheClockIsTheCampaignsAndARegionThatIsNotKnownIsInEveryJurisdiction) {
  context_.values["country"] = "uk";
  At("2026-12-02T10:59:00Z");
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy"));
  At("2026-12-02T11:00:00Z");
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy", "z-bar")) << "20:00 in Tokyo";
  context_.values["country"] = "";
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy")) << "an empty region is not known";
  context_.values.clear();
  EXPECT_THAT(Find(), ElementsAre("a-any", "g-heavy"));
}

TEST_F(EligibilityTest, OfTheCallersListTheOthersAreDropped) {
  At("2026-12-01T13:00:00Z");
  context_.candidates = {"wine", "a-any", "b-denied"};
  EXPECT_THAT(Find(), ElementsAre("a-any"));
  context_.candidates = {"wine"};
  EXPECT_THAT(Find(), IsEmpty()) << "none is left; not all";
  context_.candidates = {"magazine"};
  EXPECT_THAT(Ask("page"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no action")));
}

TEST_F(EligibilityTest, TheBoundIsOnWhatIsEligible) {
  At("2026-12-01T11:00:00Z");
  context_.values["country"] = "de";
  EXPECT_THAT(Find(), ElementsAre("a-any", "d-expires", "e-german", "g-heavy"));
  context_.values["country"] = "at";
  EXPECT_THAT(Ask("page"), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("5 actions, but surface 'page' allows 4")));
}

TEST_F(EligibilityTest, AJurisdictionIsForEverySurface) {
  EXPECT_NE(bundle_->FindSurface("house")->filed_actions, nullptr);
  std::string without = kBundle;
  without.erase(without.find("jurisdictions:"),
                without.find("feature_views") - without.find("jurisdictions:"));
  Load(without);
  EXPECT_EQ(bundle_->FindSurface("house")->filed_actions, nullptr) << "nothing to ask there";
  EXPECT_THAT(Find("house"), ElementsAre("magazine"));
}

}  // namespace
}  // namespace fulcrum::candidates
