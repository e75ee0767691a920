#include "apps/explain_command.h"

#include <rapidjson/document.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "apps/command_line.h"
#include "apps/explanation.h"
#include "base/random.h"
#include "domain/detail.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::apps {
namespace {

using decision_log::MakeDecision;
using decision_log::MakeId;
using decision_log::MakeSnapshot;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int64_t kSecond = 1'000'000;

class ExplainCommand : public decision_log::LogFixture {
 protected:
  // Decision `number` at second `number`, whose click counts for a minute.
  static DecisionRecord Decision(uint64_t number) {
    DecisionRecord record = MakeDecision(number);
    record.occurred_us = static_cast<int64_t>(number) * kSecond;
    record.attribution_window_us = 60 * kSecond;
    record.reward_kind = "click";
    return record;
  }
  static ExposureRecord Shown(uint64_t number, uint32_t position = 1) {
    return {MakeId(number), position, static_cast<int64_t>(number + 1) * kSecond, "tester"};
  }
  static OutcomeRecord Click(uint64_t number, const char* kind = "click", int64_t after = 2) {
    return {MakeId(number),
            1,
            absl::StrCat("o-", kind, after),
            kind,
            1,
            "",
            (static_cast<int64_t>(number) + after) * kSecond,
            "tester"};
  }
  void Write(const std::vector<LogEvent>& events) {
    const auto writer = Open(Options());
    writer->Start();
    for (const LogEvent& event : events) {
      const auto* const decision = std::get_if<DecisionRecord>(&event);
      std::optional<FeatureSnapshot> snapshot;
      if (decision != nullptr && decision->replayable == Replayable::kFull) {
        snapshot = MakeSnapshot(*decision);
        snapshot->values[1] = std::numeric_limits<double>::quiet_NaN();
        snapshot->masked_columns = {1};
      }
      FULCRUM_ASSERT_OK(writer->Append(event, snapshot, nullptr));
    }
    FULCRUM_ASSERT_OK(writer->Stop());
  }

  struct Ran {
    int exit_code = -1;
    std::string out;
    std::string error;
  };
  Ran Explain(const std::string& id, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"explain", id, "--log", log()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    CLI::App app("fulcrum");
    Ran ran;
    AddExplainCommand(app, &ran.exit_code);
    std::reverse(arguments.begin(), arguments.end());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    app.parse(arguments);
    ran.out = ::testing::internal::GetCapturedStdout();
    ran.error = ::testing::internal::GetCapturedStderr();
    return ran;
  }
  Ran Explain(uint64_t number) const { return Explain(MakeId(number).ToString()); }
  rapidjson::Document Json(uint64_t number) const {
    const Ran ran = Explain(MakeId(number).ToString(), {"--json"});
    EXPECT_EQ(ran.exit_code, kExitOk) << ran.error;
    rapidjson::Document document;
    EXPECT_FALSE(document.Parse(ran.out.c_str()).HasParseError()) << ran.out;
    EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1);
    return document;
  }
};

TEST_F(ExplainCommand, TellsWhatWasAskedKnownBelievedAndDrawn) {
  DecisionRecord record = Decision(1);
  record.features_missing = 2;
  record.candidates[1].mask = MaskReason::kNoHold;
  record.positions[0].debits = {{"budget-spring", INT64_MIN, 250000, 1000000, false},
                                {"cap-user", 1574553600000000, 1, 3, true}};
  Write({record});
  const Ran ran = Explain(1);
  EXPECT_EQ(ran.exit_code, kExitOk) << ran.error;
  const Ticks share = kTicksTotal / 4;
  EXPECT_THAT(ran.out, AllOf(HasSubstr(MakeId(1).ToString() + ", LSN 1, 1970-01-01T00:00:01+00:00"),
                             HasSubstr("surface home by tester, request_id request-1, slate of 1"),
                             HasSubstr("segment new"), HasSubstr("feature rows missing: 2"),
                             HasSubstr("no prices yet"), HasSubstr("worth 0, a known value"),
                             HasSubstr("bundle 0000000000000007, model 0000000000000008")));
  EXPECT_THAT(ran.out,
              ContainsRegex("action-1 +0.02 +Beta\\(2, 50\\) +0.0384615 +0.250000 +masked: one of "
                            "its hard limits had no room left"));
  EXPECT_THAT(ran.out, HasSubstr("action-0: #0=0, #1=missing (masked)\n"));
  const uint64_t uniform = base::DrawUniform(MakeId(1), 77);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("with probability 0.250000000"),
                             HasSubstr(absl::StrCat("seed 000000000000004d gives ", uniform,
                                                    ", which lies in [", uniform / share * share,
                                                    ", ", (uniform / share + 1) * share, ")"))));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("takes 250000 of budget-spring (limit 1000000)"),
                             HasSubstr("takes 1 of cap-user (limit 3 per user, from 2019-11-24")));
  EXPECT_THAT(ran.out, HasSubstr("of a budget of 10000 us"));
  EXPECT_THAT(ran.out, HasSubstr("note: the model's columns have no names: "));
}

TEST_F(ExplainCommand, FollowsTheRewardUntilItHasSettled) {
  DecisionRecord required = Decision(3);
  required.exposure_required = true;
  required.exposure_window_us = 10 * kSecond;
  DecisionRecord later = required;
  later.id = MakeId(4);
  later.occurred_us = 4 * kSecond;
  Write({Decision(1), Decision(2), required, Click(1), Click(1), Click(1, "view"),
         Click(1, "click", 61), UnshownRecord{MakeId(3), 3, {1}, {}, {}, 14 * kSecond}, Shown(3),
         Decision(61), later});
  EXPECT_THAT(Explain(1).out, AllOf(HasSubstr("LSN 4  click 1 (o-click2) for position 1"),
                                    HasSubstr(": credited\n"), HasSubstr(": known already"),
                                    HasSubstr(": not the reward of one position"),
                                    HasSubstr(": after the attribution window"),
                                    HasSubstr("settled: shown, reward (click) 1")));
  EXPECT_THAT(Explain(2).out, HasSubstr("shown, reward (click) so far 0; pending until"));
  EXPECT_THAT(Explain(3).out, AllOf(HasSubstr("missing: its debits are returned"),
                                    HasSubstr("late: missing it remains"),
                                    HasSubstr("missing: not shown in time")));
  EXPECT_THAT(Explain(4).out, HasSubstr("pending: no exposure yet"));

  const auto json = Json(1);
  EXPECT_EQ(json["later"].Size(), 4u);
  EXPECT_STREQ(json["later"][0]["type"].GetString(), "outcome");
  EXPECT_STREQ(json["later"][0]["meaning"].GetString(), "credited");
  const auto& outcome = json["positions"][0]["outcome"];
  EXPECT_TRUE(outcome["settled"].GetBool());
  EXPECT_EQ(outcome["reward"].GetDouble(), 1);
  EXPECT_STREQ(Json(3)["positions"][0]["outcome"]["shown"].GetString(), "missing");
  EXPECT_STREQ(Json(4)["positions"][0]["outcome"]["shown"].GetString(), "pending");
}

TEST_F(ExplainCommand, TellsOfFallbacksAndOfWhatWasServedInstead) {
  DecisionRecord fallback = MakeDecision(2);
  fallback.candidates.clear();
  fallback.positions[0] = PositionRecord();
  fallback.positions[0].action_id = "action-7";
  fallback.answer = Answer::kEditorial;
  fallback.degradation = Degradation::kDeadline;
  fallback.log_pending = true;
  fallback.replayable = Replayable::kNone;
  fallback.replayable_reason = "not drawn";
  Write({Decision(1), fallback,
         SupersededRecord{MakeId(1), 1, kNeutralActionId, {}, {}, 2 * kSecond}});
  EXPECT_THAT(Explain(1).out, AllOf(HasSubstr("superseded: none was served instead"),
                                    HasSubstr("it was not served: the log took it too late")));
  EXPECT_STREQ(Json(1)["served_instead"].GetString(), kNeutralActionId);
  EXPECT_FALSE(Json(1)["evidence"].GetBool());
  const Ran ran = Explain(2);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("editorial: the latency budget ran out; it did not wait"),
                             HasSubstr("action-7, not drawn"), HasSubstr("none: not drawn"),
                             HasSubstr("no evidence"), Not(HasSubstr("candidates"))));
  EXPECT_TRUE(Json(2)["positions"][0]["draw"].IsNull());
}

TEST_F(ExplainCommand, ALinearPosteriorShowsItsX) {
  DecisionRecord record = Decision(1);
  for (CandidateRecord& candidate : record.candidates) {
    candidate.alpha = candidate.beta = 0;
    candidate.mean = 0.125;
    candidate.sd = 0.5;
  }
  record.positions[0].basis = {1, 0.03, 0};
  Write({record});
  EXPECT_THAT(Explain(1).out,
              AllOf(HasSubstr("Gauss(0.125, sd 0.5)"), HasSubstr("x: #0=1, #1=0.03, #2=0"),
                    HasSubstr("note: the terms of x have no names: ")));
  const auto json = Json(1);
  const auto& posterior = json["candidates"][0]["posterior"];
  EXPECT_STREQ(posterior["family"].GetString(), "gauss");
  EXPECT_EQ(posterior["sd"].GetDouble(), 0.5);
  EXPECT_EQ(json["positions"][0]["x"].Size(), 3u);
}

TEST_F(ExplainCommand, JsonHasEveryNumber) {
  Write({Decision(1)});
  const auto json = Json(1);
  EXPECT_EQ(json["lsn"].GetInt(), 1);
  EXPECT_STREQ(json["asked"]["surface"].GetString(), "home");
  EXPECT_STREQ(json["asked"]["user_ref"].GetString(), "01020301000000000000000000000000");
  EXPECT_TRUE(json["versions"]["price_version"].IsNull());
  ASSERT_EQ(json["candidates"].Size(), 3u);
  EXPECT_EQ(json["candidates"][2]["posterior"]["alpha"].GetDouble(), 2);
  EXPECT_TRUE(json["candidates"][0]["inputs"][1].IsNull()) << "missing";
  ASSERT_EQ(json["masked_columns"].Size(), 1u);
  EXPECT_EQ(json["masked_columns"][0].GetInt(), 1);
  ASSERT_EQ(json["positions"][0]["ticks"].Size(), 4u);
  int64_t sum = 0;
  for (const auto& ticks : json["positions"][0]["ticks"].GetArray()) sum += ticks.GetInt64();
  EXPECT_EQ(sum, static_cast<int64_t>(kTicksTotal));
  const auto& draw = json["positions"][0]["draw"];
  EXPECT_LE(draw["low"].GetInt64(), draw["uniform"].GetInt64());
  EXPECT_LT(draw["uniform"].GetInt64(), draw["high"].GetInt64());
  EXPECT_EQ(json["neutral"]["known_value"].GetDouble(), 0);
  EXPECT_EQ(json["time_us"]["scoring"].GetInt(), 30);
}

TEST_F(ExplainCommand, SaysWhetherTheDetailIsThereAndIfNotWhy) {
  DecisionRecord kept = Decision(2);
  kept.detail_ticks = kTicksTotal / 4;
  DecisionRecord dropped = kept;
  dropped.id = MakeId(3);
  domain::DropDetail(Detail::kSampledOut, "detail sampled out", &dropped);
  DecisionRecord withheld = Decision(4);
  withheld.redacted = {"no-prices"};
  domain::DropDetail(Detail::kWithheld, "masking failed", &withheld);
  Write({Decision(1), kept, dropped, withheld});
  EXPECT_THAT(Explain(1).out, Not(HasSubstr("detail")));
  EXPECT_THAT(Explain(2).out, HasSubstr("kept, with probability 0.25"));
  EXPECT_THAT(Explain(3).out, HasSubstr("sampled out; it would have been kept with probability "
                                        "0.25"));
  EXPECT_THAT(Explain(4).out, AllOf(HasSubstr("withheld: a masking rule could not be applied"),
                                    HasSubstr("by no-prices")));
  const auto expect = [&](uint64_t number, const char* state, double probability, const char* why) {
    const auto json = Json(number);
    EXPECT_STREQ(json["detail"]["state"].GetString(), state);
    EXPECT_EQ(json["detail"]["probability"].GetDouble(), probability);
    EXPECT_THAT(json["detail"]["why"].GetString(), StartsWith(why));
    EXPECT_EQ(json["positions"][0]["propensity"].GetDouble(), 0.25) << "of the core";
  };
  expect(1, "whole", 1, "");
  expect(2, "whole", 0.25, "kept");
  expect(3, "sampled_out", 0.25, "sampled out");
  expect(4, "withheld", 1, "withheld");
  EXPECT_STREQ(Json(4)["detail"]["masked_by"][0].GetString(), "no-prices");
}

TEST_F(ExplainCommand, AnUnknownDecisionIsNoSuccess) {
  Write({Decision(1), Shown(2)});
  const Ran unknown = Explain(5);
  EXPECT_EQ(unknown.exit_code, kExitFinding);
  EXPECT_THAT(unknown.error, AllOf(HasSubstr(MakeId(5).ToString()), HasSubstr(log()),
                                   HasSubstr("ends with LSN 2;"), HasSubstr("server.data_dir")));
  EXPECT_THAT(Explain(2).error, HasSubstr("though reports of it are"));
  EXPECT_EQ(Explain("7").exit_code, kExitFailure);
  std::filesystem::remove_all(log());
  EXPECT_EQ(Explain(1).exit_code, kExitFailure);
}

TEST_F(ExplainCommand, ADamagedLogIsReadAsFarAsItCanBe) {
  Write({Decision(1), Decision(2), Shown(1)});
  const std::string segment = Segment(decision_log::Stream::kDecisions, 1);
  std::string bytes = ReadFile(segment);
  const size_t second = bytes.find("request-2");
  ASSERT_NE(second, std::string::npos);
  bytes[second] ^= 1;
  WriteFile(segment, bytes);
  const Ran ran = Explain(1);
  EXPECT_EQ(ran.exit_code, kExitFinding);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("LSN 3  position 1 reported as shown"),
                             HasSubstr("note: the log cannot be read everywhere: log segment ")));
}

}  // namespace
}  // namespace fulcrum::apps
