#include "edge/normalise.h"

#include <chrono>
#include <limits>

#include "fulcrum/v1/decision_service.pb.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::edge {
namespace {

using ::fulcrum::testing::IsOk;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr auto kBad = absl::StatusCode::kInvalidArgument;

class NormaliseTest : public ::testing::Test {
 protected:
  NormaliseTest() {
    config::Surface surface;
    surface.id = "page";
    surface.latency_budget = absl::Milliseconds(20);
    surface.slate_size_max = 3;
    bundle_.surfaces.push_back(surface);
    bundle_.surface_index["page"] = 0;
    bundle_.context_keys = {{"hour", true}, {"device", false}, {"affinity.*", true}};
    request_.set_surface("page");
    request_.set_user_id("ann");
  }

  absl::StatusOr<Normalised> Run() {
    return Normalise(request_, bundle_, ContextKeys(bundle_.context_keys), arrival_, mode_);
  }
  // The message of the error that the request gets.
  std::string Refused(absl::StatusCode code) {
    const auto result = Run();
    EXPECT_EQ(result.status().code(), code);
    return std::string(result.status().message());
  }
  Normalised Accepted() {
    auto result = Run();
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *std::move(result) : Normalised();
  }
  void SetNumber(const std::string& key, double number) {
    (*request_.mutable_context())[key].set_number(number);
  }
  void SetText(const std::string& key, const std::string& text) {
    (*request_.mutable_context())[key].set_text(text);
  }

  config::Bundle bundle_;
  v1::DecideRequest request_;
  Arrival arrival_{base::SteadyTime(std::chrono::seconds(100)), std::nullopt,
                   absl::FromUnixSeconds(1574553600)};
  ClockMode mode_ = ClockMode::kWall;
};

TEST_F(NormaliseTest, CarriesOverWhatIsWellFormed) {
  request_.set_request_id("r-1");
  request_.add_candidates("b");
  request_.add_candidates("a");
  const Normalised result = Accepted();
  EXPECT_EQ(result.surface, &bundle_.surfaces[0]);
  EXPECT_EQ(result.context.surface, "page");
  EXPECT_EQ(result.context.user_id, "ann");
  EXPECT_EQ(result.context.request_id, "r-1");
  EXPECT_THAT(result.context.candidates, ElementsAre("b", "a"));
  EXPECT_EQ(result.context.slate_size, 1u);
  EXPECT_EQ(result.context.now, arrival_.now);
  EXPECT_EQ(result.context.received, arrival_.received);
  EXPECT_THAT(result.context.values, IsEmpty());
}

TEST_F(NormaliseTest, NamesAnUnknownSurface) {
  request_.set_surface("pag");
  EXPECT_THAT(Refused(absl::StatusCode::kNotFound),
              AllOf(StartsWith("surface:"), HasSubstr("'pag'")));
  // What is long is not repeated in full.
  request_.set_surface(std::string(60000, 's'));
  EXPECT_LT(Refused(absl::StatusCode::kNotFound).size(), 200u);
}

struct SizeCase {
  const char* name;
  void (*fill)(v1::DecideRequest*, size_t bytes);
  size_t bytes_max;
  const char* field;
};

class Sizes : public NormaliseTest, public ::testing::WithParamInterface<SizeCase> {};

TEST_P(Sizes, AreBounded) {
  GetParam().fill(&request_, GetParam().bytes_max);
  EXPECT_THAT(Run(), IsOk());
  GetParam().fill(&request_, GetParam().bytes_max + 1);
  EXPECT_THAT(Refused(kBad), StartsWith(GetParam().field));
}

void FillEntries(v1::DecideRequest* request, size_t entries) {
  for (size_t i = 0; i < entries; ++i) {
    (*request->mutable_context())["affinity." + std::to_string(i)].set_number(1);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fields, Sizes,
    ::testing::Values(SizeCase{"UserId",
                               [](v1::DecideRequest* request, size_t n) {
                                 request->set_user_id(std::string(n, 'u'));
                               },
                               256, "user_id:"},
                      SizeCase{"RequestId",
                               [](v1::DecideRequest* request, size_t n) {
                                 request->set_request_id(std::string(n, 'r'));
                               },
                               64, "request_id:"},
                      SizeCase{"SlateSize",
                               [](v1::DecideRequest* request, size_t n) {
                                 request->set_slate_size(static_cast<uint32_t>(n));
                               },
                               3, "slate_size:"},
                      SizeCase{"ContextEntries", FillEntries, 512, "context:"},
                      SizeCase{"ContextKeys",
                               [](v1::DecideRequest* request, size_t n) {
                                 (*request->mutable_context())[std::string(n, 'k')].set_number(1);
                               },
                               128, "context:"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(NormaliseTest, TrimsUserIdsAndText) {
  request_.set_user_id(" \t ann\n");
  SetText("device", "  phone ");
  const Normalised result = Accepted();
  EXPECT_EQ(result.context.user_id, "ann");
  EXPECT_EQ(std::get<std::string>(result.context.values.at("device")), "phone");
}

TEST_F(NormaliseTest, AUserIdOfBlanksIsEmpty) {
  request_.set_user_id(" \t\n");
  EXPECT_THAT(Refused(kBad), AllOf(StartsWith("user_id:"), HasSubstr("empty")));
}

TEST_F(NormaliseTest, ASlateOfZeroIsOneAndTheBoundIsNamed) {
  request_.set_slate_size(0);
  EXPECT_EQ(Accepted().context.slate_size, 1u);
  request_.set_slate_size(3);
  EXPECT_EQ(Accepted().context.slate_size, 3u);
  request_.set_slate_size(4);
  EXPECT_THAT(Refused(kBad), AllOf(HasSubstr("'page' allows 3"), HasSubstr("slate_size_max")));
}

TEST_F(NormaliseTest, KeepsDeclaredContextAndCountsTheRest) {
  SetNumber("hour", 13);
  SetText("device", "phone");
  SetNumber("affinity.shoes", 2.5);
  SetNumber("unknown", 1);   // not declared
  SetNumber("affinity", 1);  // the prefix has a dot
  SetText("hours", "13");    // no prefix, so no match
  const Normalised result = Accepted();
  EXPECT_EQ(result.dropped_keys, 3u);
  EXPECT_EQ(result.context.values.size(), 3u);
  EXPECT_EQ(std::get<double>(result.context.values.at("hour")), 13);
  EXPECT_EQ(std::get<double>(result.context.values.at("affinity.shoes")), 2.5);
}

TEST_F(NormaliseTest, ValuesOfTheWrongTypeAreDropped) {
  SetText("hour", "13");
  SetNumber("device", 13);
  SetText("affinity.shoes", "much");
  const Normalised result = Accepted();
  EXPECT_EQ(result.dropped_keys, 3u);
  EXPECT_THAT(result.context.values, IsEmpty());
}

TEST_F(NormaliseTest, NanAndUnsetAreMissingAndInfiniteIsDropped) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  SetNumber("hour", std::numeric_limits<double>::quiet_NaN());
  (*request_.mutable_context())["device"];
  EXPECT_EQ(Accepted().dropped_keys, 0u);
  EXPECT_THAT(Accepted().context.values, IsEmpty());
  SetNumber("affinity.a", kInfinity);
  SetNumber("affinity.b", -kInfinity);
  EXPECT_EQ(Accepted().dropped_keys, 2u);
  EXPECT_THAT(Accepted().context.values, IsEmpty());
}

TEST_F(NormaliseTest, TextThatIsTooLongIsDroppedAfterTrimming) {
  SetText("device", "  " + std::string(256, 'x') + "  ");
  EXPECT_EQ(Accepted().dropped_keys, 0u);
  SetText("device", std::string(257, 'x'));
  EXPECT_EQ(Accepted().dropped_keys, 1u);
}

TEST_F(NormaliseTest, TheShorterDeadlineIsTheBudget) {
  EXPECT_EQ(Accepted().context.latency_budget, absl::Milliseconds(20));
  arrival_.caller_deadline = absl::Seconds(5);
  EXPECT_EQ(Accepted().context.latency_budget, absl::Milliseconds(20));
  arrival_.caller_deadline = absl::Milliseconds(8);
  const Normalised result = Accepted();
  EXPECT_EQ(result.context.latency_budget, absl::Milliseconds(8));
  EXPECT_EQ(result.context.alarm_at, arrival_.received + std::chrono::microseconds(7200));
}

TEST_F(NormaliseTest, TheBudgetIsSplitFromTheArrivalOn) {
  const Normalised result = Accepted();  // 20 ms
  EXPECT_EQ(result.context.features_until, arrival_.received + std::chrono::milliseconds(9));
  EXPECT_EQ(result.context.selection_until, arrival_.received + std::chrono::milliseconds(16));
  EXPECT_LT(result.context.selection_until, result.context.alarm_at);
}

TEST_F(NormaliseTest, APassedDeadlineIsRefused) {
  for (const absl::Duration left : {absl::ZeroDuration(), absl::Milliseconds(-3)}) {
    arrival_.caller_deadline = left;
    EXPECT_THAT(Refused(absl::StatusCode::kDeadlineExceeded), HasSubstr("deadline"));
  }
}

TEST(ReserveFor, IsATenthWithinBounds) {
  EXPECT_EQ(ReserveFor(absl::Milliseconds(20)), absl::Milliseconds(2));
  EXPECT_EQ(ReserveFor(absl::Milliseconds(2)), absl::Microseconds(500));
  EXPECT_EQ(ReserveFor(absl::Microseconds(600)), absl::Microseconds(300));
  EXPECT_EQ(ReserveFor(absl::Seconds(1)), absl::Milliseconds(5));
}

TEST_F(NormaliseTest, TheWallClockRefusesAForeignTime) {
  request_.mutable_occurred_at()->set_seconds(1);
  EXPECT_THAT(Refused(kBad), AllOf(StartsWith("occurred_at:"), HasSubstr("--clock request")));
}

TEST_F(NormaliseTest, TheRequestClockNeedsATime) {
  mode_ = ClockMode::kRequest;
  EXPECT_THAT(Refused(kBad), AllOf(StartsWith("occurred_at:"), HasSubstr("required")));
  request_.mutable_occurred_at()->set_seconds(1600000000);
  request_.mutable_occurred_at()->set_nanos(500000000);
  EXPECT_EQ(Accepted().context.now, absl::FromUnixMillis(1600000000500));
}

TEST_F(NormaliseTest, TheRequestClockRefusesImpossibleTimes) {
  mode_ = ClockMode::kRequest;
  const std::pair<int64_t, int32_t> kTimes[] = {{-1, 0},
                                                {253402300800, 0},
                                                {std::numeric_limits<int64_t>::max(), 0},
                                                {std::numeric_limits<int64_t>::min(), 0},
                                                {0, -1},
                                                {0, 1000000000}};
  for (const auto& [seconds, nanos] : kTimes) {
    request_.mutable_occurred_at()->set_seconds(seconds);
    request_.mutable_occurred_at()->set_nanos(nanos);
    EXPECT_THAT(Refused(kBad), StartsWith("occurred_at:")) << seconds << " " << nanos;
  }
}

TEST_F(NormaliseTest, TakesWhatTheCallerWouldHaveDone) {
  v1::BaselineAction* const first = request_.add_baseline_actions();
  first->set_action_id("shoes");
  first->set_propensity(0.25);
  request_.add_baseline_actions()->set_action_id("none");
  const auto baseline = Accepted().context.baseline;
  ASSERT_EQ(baseline.size(), 2u);
  EXPECT_EQ(baseline[0].action_id, "shoes");
  EXPECT_EQ(baseline[0].ticks, kTicksTotal / 4);
  EXPECT_EQ(baseline[1].ticks, 0u);
  for (const double bad : {0.0, -0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    first->set_propensity(bad);
    EXPECT_THAT(Refused(kBad), HasSubstr("baseline_actions: a propensity"));
  }
  first->set_propensity(1e-300);
  EXPECT_EQ(Accepted().context.baseline[0].ticks, 1u);
  for (int i = 0; i < 2; ++i) request_.add_baseline_actions()->set_action_id("none");
  EXPECT_THAT(Refused(kBad), AllOf(HasSubstr("baseline_actions: 4"), HasSubstr("allows 3")));
}

}  // namespace
}  // namespace fulcrum::edge
