// Bands of parity: one good bundle, what it becomes, and what is refused of it.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "config/loader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kGood[] = R"(surfaces:
  - {id: cart, campaigns: [house], segment_feature: level, region_key: context.country}
  - {id: home, campaigns: [house, shoes]}
campaigns:
  - id: house
    account: shop
    currency: EUR
    actions: [{id: gift, categories: [deal]}, {id: mug, value_micros: 2500000}]
  - id: shoes
    account: shop
    currency: EUR
    actions: [{id: boots, categories: [deal]}]
parity:
  - {id: deals, by: segment, categories: [deal], ratio_min: 0.9, span: 6h, decisions_min: 50}
  - {id: by-country, by: region, cohorts: [FR, DE], surfaces: [cart], campaign: house, actions: [mug]}
feature_views:
  - {name: users, entity: user, features: [{name: level, type: text}]}
context_keys: [{name: country, type: text}]
)";

absl::StatusOr<std::shared_ptr<const Bundle>> Load(const std::string& text, Problems* problems) {
  return BuildBundle(base::PosixFileSystem(), {{"a.yaml", text}}, "/nowhere", problems);
}

// boots 0, gift 1, mug 2
TEST(Parity, IsResolved) {
  Problems problems;
  const auto loaded = Load(kGood, &problems);
  FULCRUM_ASSERT_OK(loaded);
  const std::vector<Parity>& parity = (*loaded)->parity;
  ASSERT_EQ(parity.size(), 2u);
  EXPECT_EQ(parity[0].id, "by-country");
  EXPECT_EQ(parity[0].by, ParityBy::kRegion);
  EXPECT_THAT(parity[0].cohorts, ElementsAre("DE", "FR"));
  EXPECT_THAT(parity[0].surfaces, ElementsAre(0));
  EXPECT_THAT(parity[0].actions, ElementsAre(2));
  EXPECT_EQ(parity[0].ratio_min, 0.8);
  EXPECT_EQ(parity[0].span_us, int64_t{24} * 3600 * 1'000'000);
  EXPECT_EQ(parity[0].decisions_min, 1000u);
  EXPECT_EQ(parity[1].by, ParityBy::kSegment);
  EXPECT_THAT(parity[1].cohorts, IsEmpty());
  EXPECT_THAT(parity[1].surfaces, IsEmpty());
  EXPECT_THAT(parity[1].actions, ElementsAre(0, 1));
  EXPECT_EQ(parity[1].ratio_min, 0.9);
  EXPECT_EQ(parity[1].decisions_min, 50u);
  EXPECT_EQ((*loaded)->actions[2].value_micros, 2'500'000);
}

TEST(Parity, OrderOfWhatHasNoneDoesNotMatter) {
  Problems problems;
  const auto one = Load(kGood, &problems);
  const auto other = Load(absl::StrReplaceAll(kGood, {{"[FR, DE]", "[DE, FR]"}}), &problems);
  FULCRUM_ASSERT_OK(one);
  FULCRUM_ASSERT_OK(other);
  EXPECT_EQ((*one)->digest, (*other)->digest);
}

struct RefusedCase {
  const char* name;
  const char* from;
  const char* to;
  const char* place;
  const char* message;
};

class ParityRefused : public ::testing::TestWithParam<RefusedCase> {};

TEST_P(ParityRefused, NamesThePlaceAndTheRemedy) {
  const RefusedCase& c = GetParam();
  const std::string text = absl::StrReplaceAll(kGood, {{c.from, c.to}});
  ASSERT_NE(text, kGood);
  Problems problems;
  EXPECT_FALSE(Load(text, &problems).ok());
  ASSERT_EQ(problems.kept().size(), 1u);
  EXPECT_THAT(problems.kept()[0].message, HasSubstr(c.place));
  EXPECT_THAT(problems.kept()[0].message, HasSubstr(c.message));
  EXPECT_GT(problems.kept()[0].place.line, 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ParityRefused,
    ::testing::Values(
        RefusedCase{"twice", "id: by-country", "id: deals", "parity[1].id", "given twice"},
        RefusedCase{"surface", "surfaces: [cart]", "surfaces: [car]", "parity[1].surfaces[0]",
                    "nearest valid name is 'cart'"},
        RefusedCase{"action", "actions: [mug]", "actions: [jug]", "parity[1].actions[0]",
                    "no action 'jug'"},
        RefusedCase{"category", "by: segment, categories: [deal]",
                    "by: segment, categories: [dear]", "parity[0].categories[0]",
                    "no category 'dear'"},
        RefusedCase{"nothing", "actions: [mug]", "actions: [boots]", "parity[1]",
                    "counts no action"},
        RefusedCase{"one_cohort", "[FR, DE]", "[FR]", "parity[1].cohorts", "takes two"},
        RefusedCase{"no_region", "surfaces: [cart]", "surfaces: [home]", "parity[1].by",
                    "no surface in its scope has a 'region_key'"},
        RefusedCase{"no_segment", "segment_feature: level, ", "", "parity[0].by",
                    "no surface in its scope has a 'segment_feature'"},
        RefusedCase{"no_by", "by: segment, ", "", "parity[0]", "needs 'by'"},
        RefusedCase{"ratio", "ratio_min: 0.9", "ratio_min: 1.1", "parity[0].ratio_min",
                    "must be 0 to 1"}),
    [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace fulcrum::config
