#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "decision_log/record_codec.h"
#include "fulcrum/log/v1/decision_log.pb.h"
#include "tests/decision_log/log_fixture.h"
#include "tests/decision_log/made_up_events.h"

namespace fulcrum::decision_log {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

TEST(RecordCodec, EveryEventComesBackEqual) {
  MadeUpEvents any(20191124);
  RecordEncoder encoder;
  for (int i = 0; i < 5000; ++i) {
    const LogEvent event = any.Event();
    FULCRUM_ASSERT_OK(CheckEvent(event));
    const std::string payload(encoder.Encode(event));
    const absl::StatusOr<LogEvent> parsed = ParseEvent(TypeOf(event), payload);
    FULCRUM_ASSERT_OK(parsed);
    ASSERT_TRUE(*parsed == event) << i;
    ASSERT_EQ(std::string(encoder.Encode(*parsed)), payload) << "encoding must be a function";
  }
}

TEST(RecordCodec, SnapshotsKeepEveryBit) {
  MadeUpEvents any(7);
  RecordEncoder encoder;
  for (int i = 0; i < 500; ++i) {
    const FeatureSnapshot snapshot = any.Snapshot();
    const auto parsed = ParseSnapshot(encoder.Encode(snapshot));
    FULCRUM_ASSERT_OK(parsed);
    EXPECT_EQ(parsed->decision_id, snapshot.decision_id);
    EXPECT_EQ(parsed->model, snapshot.model);
    EXPECT_EQ(parsed->columns, snapshot.columns);
    EXPECT_EQ(parsed->masked_columns, snapshot.masked_columns);
    ASSERT_EQ(parsed->values.size(), snapshot.values.size());
    for (size_t k = 0; k < snapshot.values.size(); ++k) {
      EXPECT_EQ(std::bit_cast<uint64_t>(parsed->values[k]),
                std::bit_cast<uint64_t>(snapshot.values[k]));
    }
  }
}

TEST(RecordCodec, MaskedColumnsAreAscendingAndThere) {
  FeatureSnapshot snapshot{.decision_id = MakeId(1), .columns = 3};
  for (const std::vector<uint32_t>& bad :
       {std::vector<uint32_t>{3}, {1, 1}, {2, 0}, {0xffffffff}}) {
    snapshot.masked_columns = bad;
    EXPECT_FALSE(CheckSnapshot(snapshot).ok());
    RecordEncoder encoder;
    EXPECT_FALSE(ParseSnapshot(encoder.Encode(snapshot)).ok());
  }
  snapshot.masked_columns = {0, 2};
  EXPECT_TRUE(CheckSnapshot(snapshot).ok());
}

TEST(RecordCodec, MutatedPayloadsNeverDoMoreThanFail) {
  MadeUpEvents any(3);
  std::mt19937_64 random(4);
  RecordEncoder encoder;
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    const LogEvent event = any.Event();
    std::string payload(encoder.Encode(event));
    if (payload.empty()) continue;
    payload[random() % payload.size()] ^= static_cast<char>(1 + random() % 255);
    refused += !ParseEvent(TypeOf(event), payload).ok();
    ParseSnapshot(payload).IgnoreError();
  }
  EXPECT_GT(refused, 1000);
}

TEST(RecordCodec, RefusesUnknownEnumValues) {
  fulcrum::log::v1::DecisionRecord proto;
  RecordEncoder encoder;
  const std::string good(encoder.Encode(LogEvent(MakeDecision(1))));
  for (const int value : {0, 7, 99}) {
    ASSERT_TRUE(proto.ParseFromString(good));
    proto.set_answer(static_cast<fulcrum::log::v1::Answer>(value));
    EXPECT_THAT(ParseEvent(RecordType::kDecision, proto.SerializeAsString()),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("answer has the unknown value")));
  }
}

TEST(RecordCodec, RefusesTicksThatAreNoDistribution) {
  for (const int fault : {0, 1, 2, 3}) {
    DecisionRecord decision = MakeDecision(1);
    auto& ticks = decision.positions[0].ticks;
    if (fault == 0) ++ticks[0];
    if (fault == 1) --ticks[0];
    if (fault == 2) ticks.pop_back();
    if (fault == 3) ticks = {~Ticks{0}, kTicksTotal + 1, 0, 0};  // sums to 2^32 modulo 2^64
    EXPECT_THAT(CheckEvent(decision),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("position.ticks")));
    RecordEncoder encoder;
    const std::string payload(encoder.Encode(LogEvent(decision)));
    EXPECT_THAT(ParseEvent(RecordType::kDecision, payload),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("position.ticks")));
    FULCRUM_EXPECT_OK(DecodeEvent(RecordType::kDecision, payload));
  }
}

TEST(RecordCodec, RefusesWhatIsWrongBesideWhatWasServed) {
  const auto refused = [](const std::function<void(DecisionRecord*)>& change, const char* told) {
    DecisionRecord decision = MakeDecision(1);
    change(&decision);
    EXPECT_THAT(CheckEvent(decision),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(told)));
  };
  refused([](DecisionRecord* one) { one->holdout_ticks = kTicksTotal + 1; }, "holdout_ticks");
  refused([](DecisionRecord* one) { one->region = "\xff"; }, "region");
  refused(
      [](DecisionRecord* one) {
        one->positions[0].shadow_ticks = {{1, 2}};
      },
      "position.shadows");
  refused([](DecisionRecord* one) { one->positions[0].discounts = {0.5}; }, "position.discounts");
  refused(
      [](DecisionRecord* one) {
        one->unserved = one->positions;
        ++one->unserved[0].ticks[0];
      },
      "position.ticks");
}

TEST(RecordCodec, RefusesWhatCouldNotBeReadAgain) {
  DecisionRecord decision = MakeDecision(1);
  decision.candidates[0].action_id = "\xff";
  EXPECT_THAT(CheckEvent(decision),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not UTF-8")));
  OutcomeRecord outcome;
  outcome.value = std::nan("");
  EXPECT_THAT(CheckEvent(outcome),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("finite")));
  EXPECT_THAT(ParseEvent(RecordType::kExposure, "\x0a\x03xyz"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("16 bytes")));
  EXPECT_THAT(ParseEvent(RecordType::kMark, ""),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("not an event")));
}

}  // namespace
}  // namespace fulcrum::decision_log
