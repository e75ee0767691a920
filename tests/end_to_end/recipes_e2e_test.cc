// `fulcrum demo --recipe` with few shoppers through the real service: what each recipe's bundle
// promises, told from the log and from what the shoppers saw, never from the bundle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "apps/recipe_demo.h"
#include "fulcrum/propensity.h"
#include "tests/end_to_end/decision_events.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using apps::RecipeReport;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class RecipesTest : public ::testing::Test {
 protected:
  RecipeReport Play(const std::string& name, uint64_t visits, uint64_t seed = 1) {
    apps::RecipeOptions options;
    options.recipe = name;
    options.config = absl::StrCat(FULCRUM_SOURCE_DIR, "/configs/recipes/", name);
    options.work = absl::StrCat(temporary_.path(), "/", ++runs_);
    options.seed = seed;
    options.visits = visits;
    options.say = [](const std::string&) {};
    options.progress = [](size_t, size_t) {};
    auto report = apps::RunRecipe(options);
    FULCRUM_EXPECT_OK(report);
    if (!report.ok()) return {};
    EXPECT_EQ(report->traffic.visits, visits);
    EXPECT_EQ(report->traffic.fallbacks, 0u) << "the machine stalled";
    EXPECT_TRUE(report->clean()) << report->proof.finding << "; " << report->proof.replay_finding;
    return *std::move(report);
  }

  // Of shoppers, not those that only let time pass.
  static std::vector<DecisionRecord> DecisionsOf(const RecipeReport& report) {
    std::vector<DecisionRecord> decisions;
    for (const LogEvent& event : testing::DecisionEventsOf(report.log_directory)) {
      const auto* const record = std::get_if<DecisionRecord>(&event);
      if (record == nullptr) continue;
      if (!absl::StartsWith(record->request_id, apps::kClosingPrefix)) decisions.push_back(*record);
    }
    return decisions;
  }

  static absl::CivilSecond BerlinTime(const RecipeReport& report, const DecisionRecord& record) {
    return absl::ToCivilSecond(absl::FromUnixMicros(record.occurred_us), report.recipe.zone);
  }

  static const apps::RowUse& Row(const RecipeReport& report, const std::string& id) {
    const auto found = std::find_if(report.rows.begin(), report.rows.end(),
                                    [&id](const apps::RowUse& use) { return use.row == id; });
    EXPECT_NE(found, report.rows.end()) << id;
    return *found;
  }

  static void ExpectHardRowsHold(const RecipeReport& report) {
    for (const apps::RowUse& use : report.rows) {
      EXPECT_TRUE(use.soft || use.spent_max <= use.limit) << use.row;
    }
  }

  // Every guard forbade something to somebody of these visits, and was heard; but for those named,
  // which have nothing to say in the first hours.
  static void ExpectGuardsHold(const RecipeReport& report, const std::set<std::string>& later) {
    for (const apps::GuardCount& guard : report.traffic.guards) {
      EXPECT_EQ(guard.broken, 0u) << guard.what;
      EXPECT_EQ(guard.applied > 0, !later.contains(guard.what)) << guard.what;
    }
  }

  testing::TemporaryDirectory temporary_;
  int runs_ = 0;
};

bool IsEditorial(const std::string& action) {
  return action == "magazine" || action == "lookbook" || action == "size_guide";
}

// What time and the users' random salts put into a record, and nothing else, is taken out.
DecisionRecord Repeatable(DecisionRecord record) {
  record.times = {};
  record.user_ref = {};
  return record;
}

TEST_F(RecipesTest, TheSameSeedDecidesTheSame) {
  for (const std::string& name : simulation::RecipeNames()) {
    const std::vector<DecisionRecord> first = DecisionsOf(Play(name, 250, 7));
    const std::vector<DecisionRecord> again = DecisionsOf(Play(name, 250, 7));
    ASSERT_EQ(first.size(), 250u);
    ASSERT_EQ(again.size(), first.size());
    for (size_t i = 0; i < first.size(); ++i) {
      ASSERT_EQ(Repeatable(first[i]), Repeatable(again[i])) << name << ", decision " << i;
    }
  }
}

const CandidateRecord* Find(const DecisionRecord& record, const std::string& action) {
  for (const CandidateRecord& candidate : record.candidates) {
    if (candidate.action_id == action) return &candidate;
  }
  return nullptr;
}

// Whether nothing but the newsroom's pages could be drawn.
bool NothingElse(const DecisionRecord& record) {
  return std::all_of(
      record.candidates.begin(), record.candidates.end(), [](const CandidateRecord& candidate) {
        return candidate.mask != MaskReason::kNone || IsEditorial(candidate.action_id);
      });
}

TEST_F(RecipesTest, HomepageFillsThreePlacesWithinEveryCapAndFallsBackToTheNewsroom) {
  const RecipeReport report = Play("homepage", 2000);
  ExpectHardRowsHold(report);
  ExpectGuardsHold(report, {});
  uint64_t capped = 0, stills = 0;
  for (const DecisionRecord& record : DecisionsOf(report)) {
    ASSERT_EQ(record.positions.size(), 3u);
    std::set<std::string> shown;
    int heroes = 0;
    for (const PositionRecord& position : record.positions) {
      shown.insert(position.action_id);
      heroes += absl::StartsWith(position.action_id, "hero_") ? 1 : 0;
    }
    EXPECT_EQ(shown.size(), 3u) << "three different modules";
    EXPECT_FALSE(shown.contains(kNeutralActionId));
    EXPECT_LE(heroes, 1) << "one big picture per page";
    if (NothingElse(record)) {
      ++capped;
      EXPECT_THAT(shown, UnorderedElementsAre("magazine", "lookbook", "size_guide"));
    }
    if (!shown.contains("hero_film_still")) continue;
    ++stills;
    ASSERT_NE(Find(record, "hero_film"), nullptr);
    EXPECT_EQ(Find(record, "hero_film")->mask, MaskReason::kNoHold) << "the still stands in";
  }
  EXPECT_GT(capped, 50u) << "the cap did not bind";
  EXPECT_GT(stills, 50u) << "the film's budget did not bind";
  EXPECT_EQ(Row(report, "promotion-user-day").spent_max, 9);
  EXPECT_EQ(Row(report, "launches-user-12h").spent_max, 3);
  EXPECT_GT(report.traffic.exposures, 3000u);
  EXPECT_GT(report.traffic.outcomes, 100u);
}

TEST_F(RecipesTest, CartOfferKeepsToTheLawTheBudgetsAndTheCaps) {
  const RecipeReport report = Play("cart_offer", 900);
  ExpectHardRowsHold(report);
  ExpectGuardsHold(report, {"the spring box after its contract"});
  EXPECT_EQ(report.log.actions.at("warranty_plus").drawn, 0u) << "pending, not approved";
  for (const char* allowed : {"wine_crate", "pay_later", "warranty", "coupon_5", "coupon_2"}) {
    EXPECT_GT(report.log.actions.at(allowed).drawn, 0u) << allowed;
  }
  EXPECT_GT(Row(report, "coupons-day").spent_total, 0);
  EXPECT_GT(Row(report, "paid-hour").windows_full, 0u) << "the soft row did not bind";
  EXPECT_EQ(Row(report, "extras-user-day").spent_max, 4);
  // Two discounts never meet, neither in a slate nor for a user within 48 hours.
  std::map<UserRef, std::string> discount;
  for (const DecisionRecord& record : DecisionsOf(report)) {
    for (const PositionRecord& position : record.positions) {
      if (!absl::StartsWith(position.action_id, "coupon_")) continue;
      EXPECT_EQ(discount.emplace(record.user_ref, position.action_id).first->second,
                position.action_id);
    }
  }
  EXPECT_FALSE(discount.empty());
}

TEST_F(RecipesTest, EmailReactivationHoldsTheCapsTheNightAndTheHoldout) {
  constexpr uint64_t kDays = 4;
  const RecipeReport report = Play("email_reactivation", kDays * 500);
  ExpectHardRowsHold(report);
  ExpectGuardsHold(report, {});
  std::map<absl::CivilDay, int> sent;
  std::map<UserRef, int> per_user;
  std::map<UserRef, bool> held_out;
  uint64_t held_out_decisions = 0;
  for (const DecisionRecord& record : DecisionsOf(report)) {
    ASSERT_EQ(record.positions.size(), 1u);
    const std::string& action = record.positions[0].action_id;
    const bool held = record.answer == Answer::kHeldOut;
    EXPECT_EQ(held_out.emplace(record.user_ref, held).first->second, held)
        << "once held out, always";
    if (held) {
      ++held_out_decisions;
      EXPECT_EQ(action, kNeutralActionId);
      EXPECT_THAT(record.positions[0].debits, IsEmpty());
      EXPECT_EQ(record.unserved.size(), 1u) << "what would have been drawn is in the record";
    }
    EXPECT_NEAR(PropensityOf(record.holdout_ticks), 0.2, 1e-9);
    if (action == kNeutralActionId) continue;
    const absl::CivilSecond time = BerlinTime(report, record);
    EXPECT_GE(time.hour(), 8);
    EXPECT_LT(time.hour(), 20);
    ++sent[absl::CivilDay(time)];
    ++per_user[record.user_ref];
  }
  ASSERT_EQ(sent.size(), kDays);
  int most = 0;
  for (const auto& [day, count] : sent) most = std::max(most, count);
  EXPECT_EQ(most, 90) << "the day's limit did not bind";
  for (const auto& [user, count] : per_user) EXPECT_EQ(count, 1) << "one mail in seven days";
  const double share =
      static_cast<double>(std::count_if(held_out.begin(), held_out.end(),
                                        [](const auto& user) { return user.second; })) /
      static_cast<double>(held_out.size());
  EXPECT_NEAR(share, 0.2, 0.05);
  EXPECT_GT(held_out_decisions, 200u);
  ASSERT_TRUE(report.log.lift.has_value());
  EXPECT_EQ(report.log.lift->treated.users + report.log.lift->held_out.users, held_out.size());
  EXPECT_LT(report.log.lift->low, report.log.lift->high);
}

TEST_F(RecipesTest, TheResultSaysWhatHappenedInWordsAndAsJson) {
  const RecipeReport report = Play("email_reactivation", 500);
  const std::string table = apps::ToTable(report);
  for (const char* part :
       {"Recipe email_reactivation", "500, from 2026-03-02 to 2026-03-02", "mail_favourites",
        "mails-day", "its campaign's quiet hours", "a mail between 20:00 and 8:00",
        "uniform: drawing blindly", "experiment reactivation-2026, 20 % of the users held out",
        "a latency budget of 250ms, durability power", "identical: 502 of 502",
        "yes, at every record", "fulcrum explain "}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
  EXPECT_THAT(table, HasSubstr(report.log_directory));
  const std::string json = apps::ToJson(report);
  EXPECT_THAT(json, HasSubstr("\"recipe\":\"email_reactivation\""));
  EXPECT_THAT(json, HasSubstr("\"visits\":500"));
  EXPECT_THAT(json, HasSubstr("\"row\":\"mails-day\""));
  EXPECT_THAT(json, HasSubstr("\"experiment\":\"reactivation-2026\""));
}

}  // namespace
}  // namespace fulcrum
