#include "edge/convert.h"

#include <limits>

#include "tests/support/status_matchers.h"

namespace fulcrum::edge {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::StartsWith;

constexpr auto kBad = absl::StatusCode::kInvalidArgument;
constexpr char kId[] = "016e9a3c-d880-7abc-8123-456789abcdef";
const absl::Time kNow = absl::FromUnixMicros(1574553600123456);

domain::Principal Caller() {
  return {"loopback", {}};
}

TEST(ExposureOf, FillsTheRecord) {
  v1::ReportExposureRequest request;
  request.set_decision_id(kId);
  request.set_position(10);
  const auto record = ExposureOf(request, Caller(), kNow);
  FULCRUM_ASSERT_OK(record);
  EXPECT_EQ(record->decision_id.ToString(), kId);
  EXPECT_EQ(record->position, 10u);
  EXPECT_EQ(record->occurred_us, 1574553600123456);
  EXPECT_EQ(record->principal, "loopback");
}

TEST(ExposureOf, TakesTheCallersTime) {
  v1::ReportExposureRequest request;
  request.set_decision_id(kId);
  request.set_position(1);
  request.mutable_occurred_at()->set_seconds(1600000000);
  request.mutable_occurred_at()->set_nanos(999999999);
  EXPECT_EQ(ExposureOf(request, Caller(), kNow)->occurred_us, 1600000000999999);
  request.mutable_occurred_at()->set_nanos(-1);
  EXPECT_THAT(ExposureOf(request, Caller(), kNow), StatusIs(kBad, StartsWith("occurred_at:")));
  request.mutable_occurred_at()->set_nanos(0);
  for (const int64_t seconds : {int64_t{-1}, int64_t{253402300800}}) {
    request.mutable_occurred_at()->set_seconds(seconds);
    EXPECT_THAT(ExposureOf(request, Caller(), kNow), StatusIs(kBad, StartsWith("occurred_at:")));
  }
}

TEST(ExposureOf, RefusesOtherPositionsAndIds) {
  v1::ReportExposureRequest request;
  request.set_decision_id(kId);
  for (const uint32_t position : {0u, 11u, std::numeric_limits<uint32_t>::max()}) {
    request.set_position(position);
    EXPECT_THAT(ExposureOf(request, Caller(), kNow), StatusIs(kBad, StartsWith("position:")));
  }
  request.set_position(1);
  for (const char* id : {"", "7", "016e9a3c-d880-7abc-8123-456789abcdeg"}) {
    request.set_decision_id(id);
    EXPECT_THAT(ExposureOf(request, Caller(), kNow), StatusIs(kBad, StartsWith("decision_id:")));
  }
}

class OutcomeTest : public ::testing::Test {
 protected:
  OutcomeTest() {
    request_.set_decision_id(kId);
    request_.set_position(2);
    request_.set_outcome_id("order-7");
    request_.set_kind("purchase");
    request_.set_value(12.5);
    request_.set_currency("EUR");
  }
  void ExpectRefused(const char* field) {
    EXPECT_THAT(OutcomeOf(request_, Caller(), kNow), StatusIs(kBad, StartsWith(field)));
  }
  v1::ReportOutcomeRequest request_;
};

TEST_F(OutcomeTest, FillsTheRecord) {
  const auto record = OutcomeOf(request_, Caller(), kNow);
  FULCRUM_ASSERT_OK(record);
  OutcomeRecord expected;
  expected.decision_id = *DecisionId::Parse(kId);
  expected.position = 2;
  expected.outcome_id = "order-7";
  expected.kind = "purchase";
  expected.value = 12.5;
  expected.currency = "EUR";
  expected.occurred_us = 1574553600123456;
  expected.principal = "loopback";
  EXPECT_EQ(*record, expected);
}

TEST_F(OutcomeTest, MaySayWhatItCost) {
  for (const int64_t cost : {int64_t{0}, int64_t{1'000'000'000'000}}) {
    request_.set_cost_micros(cost);
    const auto record = OutcomeOf(request_, Caller(), kNow);
    FULCRUM_ASSERT_OK(record);
    EXPECT_EQ(record->cost_micros, cost);
  }
  for (const int64_t cost : {int64_t{-1}, int64_t{1'000'000'000'001}}) {
    request_.set_cost_micros(cost);
    ExpectRefused("cost_micros:");
  }
}

TEST_F(OutcomeTest, OfTheWholeSlateHasPositionZero) {
  request_.set_position(0);
  EXPECT_THAT(OutcomeOf(request_, Caller(), kNow), IsOk());
  request_.set_position(11);
  ExpectRefused("position:");
}

TEST_F(OutcomeTest, NamesTheFieldThatIsWrong) {
  const v1::ReportOutcomeRequest good = request_;
  request_.set_decision_id("x");
  ExpectRefused("decision_id:");
  for (const std::string& word : {std::string(), std::string(65, 'w')}) {
    request_ = good;
    request_.set_outcome_id(word);
    ExpectRefused("outcome_id:");
    request_ = good;
    request_.set_kind(word);
    ExpectRefused("kind:");
  }
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    request_ = good;
    request_.set_value(value);
    ExpectRefused("value:");
  }
  for (const char* currency : {"E", "EURO"}) {
    request_ = good;
    request_.set_currency(currency);
    ExpectRefused("currency:");
  }
  request_ = good;
  request_.mutable_occurred_at()->set_seconds(-1);
  ExpectRefused("occurred_at:");
}

TEST_F(OutcomeTest, AnyFiniteValueAndNoCurrencyAreFine) {
  request_.set_currency("");
  for (const double value : {-3.0, 0.0, std::numeric_limits<double>::max()}) {
    request_.set_value(value);
    EXPECT_THAT(OutcomeOf(request_, Caller(), kNow), IsOk());
  }
}

TEST(PrincipalOf, IsWhoeverIsOnThisMachine) {
  for (const char* peer : {"unix:", "unix:/run/fulcrum.sock", "ipv4:127.0.0.1:40000",
                           "ipv4:127.9.8.7:1", "ipv6:[::1]:40000", "ipv6:%5B::1%5D:40000"}) {
    const auto principal = PrincipalOf(peer);
    FULCRUM_ASSERT_OK(principal) << peer;
    EXPECT_EQ(principal->name, "loopback");
    EXPECT_EQ(principal->roles.size(), 5u);
  }
  for (const char* peer : {"", "ipv4:10.0.0.1:1", "ipv4:128.0.0.1:1", "ipv4:1.127.0.0:1",
                           "ipv6:[::2]:1", "ipv6:[fe80::1]:1", "ipv6:[::10]:1", "vsock:1"}) {
    EXPECT_THAT(PrincipalOf(peer),
                StatusIs(absl::StatusCode::kPermissionDenied, ::testing::HasSubstr("machine")))
        << peer;
  }
}

TEST(ToGrpc, KeepsCodeAndMessage) {
  const grpc::Status status = ToGrpc(absl::NotFoundError("surface: no"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "surface: no");
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
}

decider::Reply DrawnReply() {
  decider::Reply reply;
  reply.id = *DecisionId::Parse(kId);
  reply.actions.push_back({"shoes", kTicksTotal / 4, 0.25, -0.125});
  reply.actions.push_back({kNeutralActionId, kTicksTotal, std::nullopt, std::nullopt});
  reply.versions.bundle = 0xab;
  reply.versions.schema = 3;
  reply.versions.posterior_lsn = 9;
  reply.times = {1, 2, 3, 4, 5};
  reply.total_us = 1234567;
  reply.features_missing = 7;
  reply.features_stale = 8;
  return reply;
}

TEST(FillResponse, OfADrawnReply) {
  v1::DecideResponse response;
  FillResponse(DrawnReply(), &response);
  EXPECT_EQ(response.decision_id(), kId);
  ASSERT_EQ(response.actions_size(), 2);
  EXPECT_EQ(response.actions(0).action_id(), "shoes");
  EXPECT_EQ(response.actions(0).position(), 1u);
  EXPECT_EQ(response.actions(0).propensity(), 0.25);
  EXPECT_EQ(response.joint_propensity(), 0.25);
  EXPECT_EQ(response.actions(0).propensity_ticks(), kTicksTotal / 4);
  EXPECT_EQ(response.actions(0).score(), 0.25);
  EXPECT_EQ(response.actions(0).uplift(), -0.125);
  EXPECT_THAT(response.actions(0).reason_codes(), ElementsAre("sampled"));
  EXPECT_EQ(response.actions(1).position(), 2u);
  EXPECT_FALSE(response.actions(1).has_score());
  EXPECT_FALSE(response.actions(1).has_uplift());
  EXPECT_THAT(response.actions(1).reason_codes(), ElementsAre("sole_candidate"));
  EXPECT_EQ(response.signature().bundle(), "00000000000000ab");
  EXPECT_EQ(response.signature().model(), "");
  EXPECT_EQ(response.signature().schema(), 3u);
  EXPECT_EQ(response.signature().posterior_lsn(), 9u);
  EXPECT_EQ(response.timing().edge().nanos(), 1000);
  EXPECT_EQ(response.timing().features().nanos(), 2000);
  EXPECT_EQ(response.timing().scoring().nanos(), 3000);
  EXPECT_EQ(response.timing().orchestration().nanos(), 4000);
  EXPECT_EQ(response.timing().log().nanos(), 5000);
  EXPECT_EQ(response.timing().total().seconds(), 1);
  EXPECT_EQ(response.timing().total().nanos(), 234567000);
  EXPECT_FALSE(response.degraded());
  EXPECT_EQ(response.degradation_reason(), v1::DEGRADATION_REASON_UNSPECIFIED);
  EXPECT_FALSE(response.log_pending());
  EXPECT_EQ(response.features_missing(), 7u);
  EXPECT_EQ(response.features_stale(), 8u);
}

TEST(FillResponse, OfWhatThePolicyDidNotDrawSaysWhy) {
  decider::Reply reply = DrawnReply();
  v1::DecideResponse held_out, baseline;
  reply.answer = Answer::kHeldOut;
  reply.actions = {{kNeutralActionId, kTicksTotal, std::nullopt, std::nullopt, 0.25}};
  FillResponse(reply, &held_out);
  EXPECT_THAT(held_out.actions(0).reason_codes(), ElementsAre("held_out"));
  EXPECT_EQ(held_out.actions(0).propensity(), 1);
  EXPECT_EQ(held_out.actions(0).marginal_propensity(), 0.25);
  EXPECT_FALSE(held_out.degraded());
  reply.answer = Answer::kBaseline;
  reply.actions = {{"shoes", 0, std::nullopt, std::nullopt}};
  FillResponse(reply, &baseline);
  EXPECT_THAT(baseline.actions(0).reason_codes(), ElementsAre("baseline"));
  EXPECT_EQ(baseline.actions(0).propensity_ticks(), 0u);
}

TEST(FillResponse, OfAFallbackSaysSo) {
  decider::Reply reply = DrawnReply();
  reply.answer = Answer::kNeutral;
  reply.degradation = Degradation::kShed;
  reply.log_pending = true;
  reply.actions = {{kNeutralActionId, kTicksTotal, std::nullopt, std::nullopt}};
  v1::DecideResponse response;
  FillResponse(reply, &response);
  EXPECT_THAT(response.actions(0).reason_codes(), ElementsAre("fallback"));
  EXPECT_TRUE(response.degraded());
  EXPECT_EQ(response.degradation_reason(), v1::DEGRADATION_REASON_SHED);
  EXPECT_TRUE(response.log_pending());
}

}  // namespace
}  // namespace fulcrum::edge
