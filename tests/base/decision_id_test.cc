#include "fulcrum/decision_id.h"

#include "tests/support/status_matchers.h"

namespace fulcrum {
namespace {

using ::testing::HasSubstr;

TEST(DecisionId, HasTheLayoutOfAVersion7Uuid) {
  const DecisionId id =
      DecisionId::FromTimeAndRandom(absl::FromUnixMillis(0x0123456789ab), ~0ULL, ~0ULL);
  EXPECT_EQ(id.ToString(), "01234567-89ab-7fff-bfff-ffffffffffff");
  EXPECT_EQ(DecisionId::FromTimeAndRandom(absl::FromUnixMillis(1), 0, 0).ToString(),
            "00000000-0001-7000-8000-000000000000");
}

TEST(DecisionId, SortsByTime) {
  EXPECT_LT(DecisionId::FromTimeAndRandom(absl::FromUnixMillis(5), ~0ULL, ~0ULL),
            DecisionId::FromTimeAndRandom(absl::FromUnixMillis(6), 0, 0));
}

TEST(DecisionId, TextAndBytesComeBack) {
  const DecisionId id(0x0123456789ab7cdeULL, 0x8123456789abcdefULL);
  EXPECT_EQ(*DecisionId::Parse(id.ToString()), id);
  EXPECT_EQ(*DecisionId::Parse("01234567-89AB-7CDE-8123-456789ABCDEF"), id);
  EXPECT_EQ(*DecisionId::FromBytes(id.ToBytes()), id);
}

TEST(DecisionId, RefusesAnythingElse) {
  for (const char* text :
       {"", "x", "01234567-89ab-7cde-8123-456789abcde", "01234567-89ab-7cde-8123-456789abcdefa",
        "0123456789ab-7cde-8123-456789abcdef-", "g1234567-89ab-7cde-8123-456789abcdef"}) {
    EXPECT_THAT(DecisionId::Parse(text), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                                           HasSubstr("not a decision id")))
        << text;
  }
  EXPECT_FALSE(DecisionId::FromBytes("short").ok());
}

}  // namespace
}  // namespace fulcrum
