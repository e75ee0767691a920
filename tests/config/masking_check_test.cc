// What is refused of masking rules: one good bundle, one change, the message it must give.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/loader.h"
#include "config/masking_fields.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::config {
namespace {

using ::testing::HasSubstr;

constexpr char kGood[] = R"(surfaces:
  - id: home
    campaigns: [house]
    segment_feature: level
    reward_kind: order
    linear: {segments: [gold], context_keys: [hour]}
campaigns:
  - {id: house, account: shop, currency: EUR, actions: [{id: magazine}]}
feature_views:
  - name: users
    entity: user
    features: [{name: level, type: text}, {name: age}, {name: city, type: text}]
  - {name: things, entity: item, features: [{name: price}]}
context_keys: [{name: hour}, {name: geo_*}]
log:
  masking:
    salt_file: salt
    rules:
      - {name: coarse, fields: [user.age], action: round, step: 10}
      - {name: gone, fields: [user.city, context.geo_*, item.price], action: drop}
      - {name: ids, fields: [request_id, context_hash], action: hash}
      - {name: mails, fields: [outcome_id], action: hash, pattern: '[^ @]+@[^ @]+'}
      - {name: kinds, fields: [outcome_kind], action: replace, pattern: ':.*', replacement: '\0\\'}
)";

absl::StatusOr<std::shared_ptr<const Bundle>> Load(const std::string& text) {
  Problems problems;
  return BuildBundle(base::PosixFileSystem(), {{"a.yaml", text}}, "/nowhere", &problems);
}

TEST(MaskingCheck, GoodRulesAreResolvedInTheirOrder) {
  const auto bundle = Load(kGood);
  FULCRUM_ASSERT_OK(bundle);
  const Masking& masking = (*bundle)->log.masking;
  EXPECT_EQ(masking.salt_file, "/nowhere/salt");
  ASSERT_EQ(masking.rules.size(), 5u);
  EXPECT_EQ(masking.rules[0].name, "coarse");
  EXPECT_EQ(masking.rules[0].action, MaskingAction::kRound);
  EXPECT_EQ(masking.rules[0].step, 10);
  EXPECT_EQ(masking.rules[1].action, MaskingAction::kDrop);
  EXPECT_EQ(masking.rules[2].action, MaskingAction::kHash);
  EXPECT_EQ(masking.rules[2].pattern, nullptr);
  EXPECT_EQ(masking.rules[3].pattern->expression(), "[^ @]+@[^ @]+");
  EXPECT_EQ(masking.rules[4].action, MaskingAction::kReplace);
  EXPECT_EQ(masking.rules[4].replacement, "\\0\\\\");
}

// The order of rules has a meaning, that of a rule's fields has none.
TEST(MaskingCheck, TheVersionFollowsTheMeaning) {
  const uint64_t version = (*Load(kGood))->version;
  const auto changed = [](const char* from, const char* to) {
    return (*Load(absl::StrReplaceAll(kGood, {{from, to}})))->version;
  };
  EXPECT_EQ(changed("[user.city, context.geo_*", "[context.geo_*, user.city"), version);
  EXPECT_NE(changed("step: 10", "step: 5"), version);
}

TEST(MaskingCheck, ABundleWithoutRulesHasNone) {
  const auto bundle = Load(std::string(kGood).substr(0, std::string_view(kGood).find("log:\n")));
  FULCRUM_ASSERT_OK(bundle);
  EXPECT_TRUE((*bundle)->log.masking.rules.empty());
  EXPECT_EQ((*bundle)->log.masking.salt_file, "");
}

struct Case {
  std::string name;
  std::string from;
  std::string to;
  std::string message;
};

class MaskingErrors : public ::testing::TestWithParam<Case> {};

TEST_P(MaskingErrors, NamesPlaceAndRemedy) {
  const Case& test = GetParam();
  ASSERT_NE(std::string(kGood).find(test.from), std::string::npos) << test.from;
  EXPECT_THAT(Load(absl::StrReplaceAll(kGood, {{test.from, test.to}})),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.message)));
}

INSTANTIATE_TEST_SUITE_P(
    Rules, MaskingErrors,
    ::testing::Values(
        Case{"BadPattern", "':.*'", "'(:'",
             "a.yaml:23:73: log.masking.rules[4].pattern: is no regular expression of RE2: missing "
             "): (:"},
        Case{"PatternOfNothing", "':.*'", "':*'",
             "a.yaml:23:73: log.masking.rules[4].pattern: matches the empty text"},
        Case{"LongPattern", "':.*'", std::string(513, 'a'),
             "log.masking.rules[4].pattern: longer than 512 bytes"},
        Case{"HungryPattern", "':.*'", "'((a{100}){100}){100}'",
             "log.masking.rules[4].pattern: is no regular expression of RE2"},
        Case{"NoSuchGroup", "'\\0\\\\'", "'\\1'",
             "log.masking.rules[4].replacement: cannot be used: Rewrite schema requests 1 matches"},
        Case{"ReplacementMatches", "'\\0\\\\'", "'a:b'",
             "log.masking.rules[4].replacement: matches the pattern itself"},
        Case{"ReplaceWithoutPattern", "pattern: ':.*', ", "",
             "a.yaml:23:9: log.masking.rules[4].pattern: missing: 'replace' needs to know"},
        Case{"UnknownField", "[user.age]", "[user.aeg]",
             "a.yaml:19:33: log.masking.rules[0].fields[0]: the bundle has no 'user.aeg'; the "
             "nearest valid name is 'user.age'"},
        Case{"NoField", "[request_id,", "[requestid,",
             "a.yaml:21:30: log.masking.rules[2].fields[0]: there is no field 'requestid' to mask; "
             "the nearest valid name is 'request_id'"},
        Case{"Debits", "[request_id,", "[debits,",
             "log.masking.rules[2].fields[0]: 'debits' cannot be masked: what was spent is the sum "
             "over it"},
        Case{"DecisionId", "[request_id,", "[decision_id,",
             "'decision_id' cannot be masked: outcomes, repeats and look-ups find the decision"},
        Case{"UserRef", "[request_id,", "[user_ref,",
             "'user_ref' cannot be masked: it stands for the user already"},
        Case{"Segment", "[user.age]", "[user.level]",
             "log.masking.rules[0].fields[0]: 'user.level' cannot be masked: it is the segment of "
             "surface 'home', by which rewards are counted"},
        Case{"SegmentByStar", "[user.city,", "['user.*',",
             "'user.level' cannot be masked: it is the segment of surface 'home'"},
        Case{"TermOfAPosterior", "[user.age]", "[context.hour]",
             "'context.hour' cannot be masked: surface 'home' learns from it; take it out of "
             "linear.context_keys first"},
        Case{"TextRounded", "[user.age]", "[user.city]",
             "'user.city' is text, which a model sees as 0 or 1; use 'drop'"},
        Case{"InputHashed", "[request_id,", "[user.age,",
             "log.masking.rules[2].fields[0]: model inputs are logged as numbers; use 'drop'"},
        Case{"IdDropped", "[user.city,", "[request_id,",
             "request_id tells repeats apart, so different ones must stay different; use 'hash'"},
        Case{"HashOfNumberInPart", "[outcome_id]", "[context_hash]",
             "context_hash is a number; use 'hash' without a pattern"},
        Case{"RewardKind", "':.*'", "'ord'",
             "the pattern matches 'order', the reward_kind of surface 'home', which would then "
             "learn nothing"},
        Case{"ChargedKind", "feature_views:\n",
             "constraints: [{id: row, resource: exposures, window: total, limit: 1, "
             "charged_on: 'view:long'}]\nfeature_views:\n",
             "the pattern matches a kind of outcome that constraint 'row' is charged or returned "
             "on"},
        Case{"ReturnedKind", "feature_views:\n",
             "constraints: [{id: row, resource: exposures, window: total, limit: 1, "
             "returned_on: [back, 'order:void']}]\nfeature_views:\n",
             "the pattern matches a kind of outcome that constraint 'row' is charged or returned "
             "on"},
        Case{"RuleTwice", "name: gone", "name: coarse",
             "a.yaml:20:16: log.masking.rules[1].name: 'coarse' is given twice; first at "
             "a.yaml:19:16"},
        Case{"FieldTwice", "[user.city,", "[user.age,",
             "'user.age' is masked by rule 'coarse' already, at a.yaml:19:33"},
        Case{"WholeAndPart", "[outcome_id]", "[request_id]",
             "log.masking.rules[3].fields[0]: 'request_id' is masked by rule 'ids' already"},
        Case{"NoSalt", "    salt_file: salt\n", "",
             "log.masking.salt_file: missing, but rule 'kinds' needs it: name a file with 16 to "
             "4096 random bytes"},
        Case{"NoStep", ", step: 10", "", "log.masking.rules[0].step: missing: 'round' needs"},
        Case{"StepOfADrop", "action: drop", "action: drop, step: 1",
             "log.masking.rules[1].step: only 'round' has a step; remove it"},
        Case{"StepOfNothing", "step: 10", "step: 0", "log.masking.rules[0].step: must be"},
        Case{"NoAction", "action: drop", "step: 1",
             "a.yaml:20:9: log.masking.rules[1] needs 'action'"}),
    [](const auto& test) { return test.param.name; });

TEST(MaskingCheck, RulesAndFieldsAreBounded) {
  std::string text = std::string(kGood).substr(0, std::string_view(kGood).find("log:\n"));
  absl::StrAppend(&text, "log:\n  masking:\n    rules:\n");
  for (int i = 0; i < 65; ++i) {
    absl::StrAppend(&text, "      - {name: r", i, ", fields: [context.geo_", i,
                    "], action: drop}\n");
  }
  EXPECT_THAT(Load(text), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("log.masking.rules: 65 rules; at most 64")));
}

TEST(MaskingFields, NamesOverlapWhereBothLeaveRoomForOne) {
  EXPECT_TRUE(NamesOverlap("user.age", "user.age"));
  EXPECT_FALSE(NamesOverlap("user.age", "user.ages"));
  EXPECT_TRUE(NamesOverlap("user.*", "user.age"));
  EXPECT_TRUE(NamesOverlap("user.age", "user.a*"));
  EXPECT_FALSE(NamesOverlap("user.b*", "user.age"));
  EXPECT_TRUE(NamesOverlap("user.a*", "user.*"));
  EXPECT_TRUE(NamesOverlap("user.*", "user.a*"));
  EXPECT_TRUE(NamesOverlap("user.a*", "user.a*"));
  EXPECT_FALSE(NamesOverlap("user.a*", "user.b*"));
  EXPECT_FALSE(NamesOverlap("user.*", "item.age"));
  EXPECT_TRUE(NamesOverlap("user.age*", "user.age"));
}

}  // namespace
}  // namespace fulcrum::config
