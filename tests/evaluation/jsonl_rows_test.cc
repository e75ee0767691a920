#include "evaluation/jsonl_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::evaluation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JsonlRows : public ::testing::Test {
 protected:
  absl::StatusOr<RowSet> Read(const std::string& text) {
    const std::string path = directory_.path() + "/log.jsonl";
    FULCRUM_EXPECT_OK(base::WriteFileAtomically(base::PosixFileSystem(), path, text));
    return ReadJsonlRows(base::PosixFileSystem(), path);
  }
  testing::TemporaryDirectory directory_;
};

TEST_F(JsonlRows, ReadsWhatIsRequired) {
  const auto rows = Read(
      "{\"action\":\"a\",\"propensity\":0.25,\"reward\":-1.5}\r\n"
      "\n"
      "  {\"id\":[1],\"time\":null,\"context\":{\"deep\":[[{}]]},\"reward\":2,\"propensity\":1,"
      "\"action\":7,\"position\":3}");
  FULCRUM_ASSERT_OK(rows);
  ASSERT_EQ(rows->rows.size(), 2u);
  EXPECT_EQ(rows->positions, 2u);
  EXPECT_EQ(rows->actions.Name(rows->rows[0].action), "a");
  EXPECT_EQ(rows->rows[0].propensity, 0.25);
  EXPECT_EQ(rows->rows[0].reward, -1.5);
  EXPECT_EQ(rows->rows[0].position, 1u);
  EXPECT_EQ(rows->rows[0].logged, kNoDistribution);
  EXPECT_EQ(rows->actions.Name(rows->rows[1].action), "7");
  EXPECT_EQ(rows->rows[1].position, 3u);
}

TEST_F(JsonlRows, ReadsCandidatesAndDropsWhatCouldNotBeDrawn) {
  const auto rows = Read(
      "{\"action\":\"b\",\"propensity\":0.25,\"reward\":0,\"candidates\":[\"a\",\"b\",\"c\"],"
      "\"probabilities\":[0,0.25,0.75]}\n"
      "{\"action\":\"b\",\"propensity\":0.25,\"reward\":0,\"candidates\":[\"a\",\"b\"]}\n");
  FULCRUM_ASSERT_OK(rows);
  const Distribution known = rows->distributions.Get(rows->rows[0].logged);
  ASSERT_EQ(known.actions.size(), 2u);
  EXPECT_EQ(rows->actions.Name(known.actions[1]), "c");
  EXPECT_THAT(known.probabilities, ElementsAre(0.25, 0.75));
  const Distribution names = rows->distributions.Get(rows->rows[1].logged);
  EXPECT_EQ(names.actions.size(), 2u);
  EXPECT_THAT(names.probabilities, IsEmpty());
}

TEST_F(JsonlRows, LinesOfOneDecisionThatFollowEachOtherAreASlate) {
  std::string text;
  for (const char* decision : {R"("x")", R"("x")", "7", R"("7")", R"("x")"}) {
    absl::StrAppend(&text, R"({"action":"a","propensity":0.5,"reward":0,"decision":)", decision,
                    "}\n");
  }
  absl::StrAppend(&text, R"({"action":"a","propensity":0.5,"reward":0})");
  const auto rows = Read(text);
  FULCRUM_ASSERT_OK(rows);
  std::vector<uint32_t> decisions;
  for (const Row& row : rows->rows) decisions.push_back(row.decision);
  EXPECT_THAT(decisions, ElementsAre(1, 1, 2, 2, 3, kNoDecision));
}

TEST_F(JsonlRows, ReadsAcrossBlocks) {
  std::string text;
  for (int i = 0; i < 4000; ++i) {
    absl::StrAppend(&text, "{\"action\":", i, ",\"propensity\":0.5,\"reward\":", i,
                    ",\"context\":\"", std::string(static_cast<size_t>(i % 97), 'x'), "\"}\n");
  }
  const auto rows = Read(text);
  FULCRUM_ASSERT_OK(rows);
  ASSERT_EQ(rows->rows.size(), 4000u);
  for (size_t i = 0; i < 4000; ++i) ASSERT_EQ(rows->rows[i].reward, static_cast<double>(i));
}

TEST_F(JsonlRows, ErrorsNameFileAndLine) {
  const std::string good = R"({"action":"a","propensity":0.5,"reward":0})";
  const std::string start = R"({"action":"a","propensity":0.5,"reward":0,)";
  const std::pair<std::string, const char*> cases[] = {
      {"{\"action\":", "log.jsonl:2: column "},
      {"[1]", "log.jsonl:2: is no JSON object"},
      {R"({"propensity":0.5,"reward":0})", "log.jsonl:2: action: is missing"},
      {R"({"action":"a","reward":0})", "log.jsonl:2: propensity: is missing"},
      {R"({"action":"a","propensity":0.5})", "log.jsonl:2: reward: is missing"},
      {R"({"action":"","propensity":0.5,"reward":0})", "action: is neither a text nor"},
      {start + R"("decision":[1]})", "decision: is neither a text nor"},
      {R"({"action":1.5,"propensity":0.5,"reward":0})", "action: is neither a text nor"},
      {R"({"action":"a","propensity":0,"reward":0})", "propensity: is not above 0"},
      {R"({"action":"a","propensity":1.01,"reward":0})", "propensity: is not above 0"},
      {R"({"action":"a","propensity":"x","reward":0})", "propensity: is no number"},
      {R"({"action":"a","propensity":0.5,"reward":null})", "reward: is no number"},
      {R"({"action":"a","propensity":0.5,"reward":1e999})", "log.jsonl:2: column "},
      {R"({"action":"a","propensity":0.5,"reward":NaN})", "log.jsonl:2: column "},
      {start + R"("reward":1})", "member \"reward\" is given twice"},
      {start + R"("probabilites":[1]})", "unknown member \"probabilites\"; put what"},
      {start + R"("position":0})", "position: is no whole number from 1 to 1000"},
      {start + R"("position":1001})", "position: is no whole number"},
      {start + R"("position":1.5})", "position: is no whole number"},
      {start + R"("probabilities":[1]})", "probabilities: of what? candidates is missing"},
      {start + R"("candidates":"a"})", "candidates: is no array"},
      {start + R"("candidates":["b"]})", "candidates: does not have the action itself"},
      {start + R"("candidates":["a","a"]})", "candidates: has an action twice"},
      {start + R"("candidates":["a",{}]})", "candidates: is neither"},
      {start + R"("candidates":["a","b"],"probabilities":{}})", "probabilities: is no array"},
      {start + R"("candidates":["a","b"],"probabilities":[0.5]})", "does not have one number for"},
      {start + R"("candidates":["a","b"],"probabilities":[0.5,"x"]})", "is no number"},
      {start + R"("candidates":["a","b"],"probabilities":[0.5,-0.5]})", "-0.5 is not from 0 to 1"},
      {start + R"("candidates":["a","b"],"probabilities":[0.5,0.4]})", "sum to 0.9 instead of 1"},
      {start + R"("candidates":["a","b"],"probabilities":[0.4,0.6]})",
       "the action's is 0.4, its propensity 0.5"},
  };
  for (const auto& [line, error] : cases) {
    EXPECT_THAT(Read(good + "\n" + line + "\n"),
                testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                  ::testing::AllOf(HasSubstr("log.jsonl:2: "), HasSubstr(error))))
        << line;
  }
}

TEST_F(JsonlRows, RefusesALineWithoutEnd) {
  EXPECT_THAT(Read("{}\n" + std::string(3 << 20, ' ')),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("log.jsonl:1: ")));
  EXPECT_THAT(Read("\n" + std::string(3 << 20, ' ')),
              testing::StatusIs(absl::StatusCode::kResourceExhausted,
                                HasSubstr("log.jsonl:2: the line is longer than 1 MiB")));
  const std::string deep(100'000, '[');
  EXPECT_THAT(Read(R"({"context":)" + deep + "\n"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("log.jsonl:1: ")));
}

}  // namespace
}  // namespace fulcrum::evaluation
