#include <bit>
#include <cmath>
#include <limits>

#include "decision_log/record_codec.h"
#include "fulcrum/log/v1/decision_log.pb.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

// Any legal value of every field, extremes included.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  uint64_t Word() { return random_() >> (random_() % 64); }
  int64_t Signed() { return static_cast<int64_t>(random_()) >> (random_() % 64); }
  size_t Below(size_t bound) { return random_() % bound; }
  std::string Text() {
    static const char* const kTexts[] = {"", "a", "next-best-offer", "\xc3\xbc\xe2\x82\xac",
                                         "none"};
    return absl::StrCat(kTexts[Below(5)], Below(2) == 0 ? "" : std::to_string(Below(1000)));
  }
  std::string Name() { return "n" + Text(); }
  double Number() {
    static const double kNumbers[] = {0.0,    -0.0, 1e-300,
                                      5e-324, 0.25, std::numeric_limits<double>::max()};
    return Below(3) == 0 ? kNumbers[Below(6)] : static_cast<double>(Word()) / 7;
  }
  template <typename Enum>
  Enum Any(Enum last) {
    return static_cast<Enum>(Below(static_cast<size_t>(last) + 1));
  }
  UserRef Ref() {
    UserRef ref{};
    if (Below(3) != 0) {
      for (uint8_t& byte : ref) byte = static_cast<uint8_t>(Below(256));
    }
    return ref;
  }
  DecisionId Id() { return DecisionId(random_(), random_()); }

  std::vector<Debit> Debits() {
    std::vector<Debit> debits(Below(4));
    for (Debit& debit : debits) {
      debit.row = Name();
      debit.window_start_us = Below(3) == 0 ? std::numeric_limits<int64_t>::min() : Signed();
      debit.amount = 1 + static_cast<int64_t>(Word() >> 1) / 2;
      debit.limit = static_cast<int64_t>(Word() >> 1);
      debit.per_user = Below(2) == 0;
    }
    return debits;
  }

  std::vector<Ticks> Distribution(size_t entries) {
    std::vector<Ticks> ticks(entries, 0);
    Ticks left = kTicksTotal;
    for (size_t i = 0; i + 1 < entries; ++i) {
      ticks[i] = Below(3) == 0 ? 0 : random_() % (left + 1);
      left -= ticks[i];
    }
    ticks.back() = left;
    return ticks;
  }

  LogEvent Decision() {
    DecisionRecord record;
    record.id = Id();
    record.request_id = Text();
    record.principal = Text();
    record.surface = Text();
    record.user_ref = Ref();
    record.occurred_us = Signed();
    record.context_hash = Word();
    record.segment = Text();
    record.slate_size = static_cast<uint32_t>(Word());
    record.answer = Any(Answer::kNeutral);
    record.degradation = Any(Degradation::kShed);
    record.log_pending = Below(2) == 0;
    record.versions = {Word(), Word(), static_cast<uint32_t>(Word()), Word(), Word()};
    record.neutral_known = Below(2) == 0;
    record.neutral_value = Number();
    record.neutral_alpha = Number();
    record.neutral_beta = Number();
    record.neutral_mean = Number();
    record.neutral_sd = Number();
    record.exploration_floor = Number();
    record.candidates.resize(Below(12));
    for (CandidateRecord& one : record.candidates) {
      one = {Name(),   Text(),  Any(MaskReason::kLedgerUnavailable), Number(), Number(), Number(),
             Number(), Number()};
    }
    record.positions.resize(Below(4));
    for (PositionRecord& one : record.positions) {
      one.action_id = Name();
      if (Below(4) != 0) one.ticks = Distribution(record.candidates.size() + 1);
      one.seed = Word();
      one.debits = Debits();
      one.basis.resize(Below(5));
      for (double& term : one.basis) term = static_cast<double>(Signed()) / 3;
    }
    record.features_missing = static_cast<uint32_t>(Word());
    record.features_stale = static_cast<uint32_t>(Word());
    record.times = {Signed(), Signed(), Signed(), Signed(), Signed()};
    record.latency_budget_us = Signed();
    record.replayable = Any(Replayable::kFull);
    record.replayable_reason = Text();
    record.exposure_required = Below(2) == 0;
    record.exposure_window_us = Signed();
    record.attribution_window_us = Signed();
    record.reward_kind = Text();
    return record;
  }

  LogEvent Event() {
    switch (Below(5)) {
      case 0:
        return ExposureRecord{Id(), 1 + static_cast<uint32_t>(Word() / 2), Signed(), Text()};
      case 1:
        return OutcomeRecord{
            Id(),  static_cast<uint32_t>(Word()), Text(), Text(), Number(), Text(), Signed(),
            Text()};
      case 2:
        return SupersededRecord{Id(), 1 + Word() / 2, Text(), Debits(), Ref(), Signed()};
      case 3: {
        UnshownRecord record{Id(),     1 + Word() / 2, {static_cast<uint32_t>(1 + Below(3))},
                             Debits(), Ref(),          Signed()};
        if (Below(2) == 0)
          record.positions.push_back(record.positions.back() + 1 + static_cast<uint32_t>(Below(9)));
        return record;
      }
      default:
        return Decision();
    }
  }

 private:
  std::mt19937_64 random_;
};

TEST(RecordCodec, EveryEventComesBackEqual) {
  Generator any(20191124);
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
  std::mt19937_64 random(7);
  RecordEncoder encoder;
  for (int i = 0; i < 500; ++i) {
    FeatureSnapshot snapshot;
    snapshot.decision_id = MakeId(static_cast<uint64_t>(i));
    snapshot.model = random();
    snapshot.columns = static_cast<uint32_t>(random() % 5);
    const size_t rows = random() % 6;
    for (size_t k = 0; k < rows * snapshot.columns; ++k) {
      // Every pattern is kept, NaNs with a payload too.
      snapshot.values.push_back(std::bit_cast<double>(
          random() % 4 == 0 ? 0x7ff8000000000000ULL | (random() >> 13) : random()));
    }
    const auto parsed = ParseSnapshot(encoder.Encode(snapshot));
    FULCRUM_ASSERT_OK(parsed);
    EXPECT_EQ(parsed->decision_id, snapshot.decision_id);
    EXPECT_EQ(parsed->model, snapshot.model);
    EXPECT_EQ(parsed->columns, snapshot.columns);
    ASSERT_EQ(parsed->values.size(), snapshot.values.size());
    for (size_t k = 0; k < snapshot.values.size(); ++k) {
      EXPECT_EQ(std::bit_cast<uint64_t>(parsed->values[k]),
                std::bit_cast<uint64_t>(snapshot.values[k]));
    }
  }
}

TEST(RecordCodec, MutatedPayloadsNeverDoMoreThanFail) {
  Generator any(3);
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
  for (const int value : {0, 5, 99}) {
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
