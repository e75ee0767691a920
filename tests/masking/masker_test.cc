#include "masking/masker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "masking/masking_sink.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::masking {
namespace {

using config::ColumnSource;
using config::MaskingAction;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::NanSensitiveDoubleEq;

constexpr char kSalt[] = "sixteen bytes or more";
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

config::MaskingRule Rule(const std::string& name, const std::vector<std::string>& fields,
                         MaskingAction action, double step = 0) {
  config::MaskingRule rule;
  rule.name = name;
  rule.fields = fields;
  rule.action = action;
  rule.step = step;
  return rule;
}

config::Masking Rules() {
  config::Masking masking;
  masking.rules = {Rule("gone", {"user.city", "context.geo.*"}, MaskingAction::kDrop),
                   Rule("coarse", {"user.age"}, MaskingAction::kRound, 10),
                   Rule("ids", {"request_id", "outcome_id", "context_hash"}, MaskingAction::kHash)};
  return masking;
}

config::ModelManifest Manifest() {
  config::ModelManifest manifest;
  manifest.version = 8;
  manifest.columns = {{"a", ColumnSource::kUser, "age", {}, {}},
                      {"b", ColumnSource::kUser, "city", "Rome", {}},
                      {"c", ColumnSource::kItem, "age", {}, {}},
                      {"d", ColumnSource::kCandidate, "geo", {}, {}},
                      {"e", ColumnSource::kContext, "geo.lat", {}, {}}};
  return manifest;
}

DecisionRecord Decision() {
  DecisionRecord record;
  record.id = DecisionId::FromTimeAndRandom(absl::FromUnixMillis(1574553600000), 1, 2);
  record.request_id = "ann@x.org";
  record.context_hash = 42;
  record.candidates.resize(2);
  record.candidates[0].action_id = "a";
  record.candidates[1].action_id = "b";
  PositionRecord position;
  position.action_id = "b";
  position.ticks = {kTicksTotal / 4, kTicksTotal / 2, kTicksTotal / 4};
  record.positions.push_back(position);
  record.replayable = Replayable::kFull;
  return record;
}

FeatureSnapshot Snapshot() {
  FeatureSnapshot snapshot;
  snapshot.decision_id = Decision().id;
  snapshot.model = 8;
  snapshot.columns = 5;
  snapshot.values = {37, 1, 37, 4.5, 50.1, 34, 0, 37, 4.25, 50.1};
  return snapshot;
}

// What the sink behind the rules gets.
class Collector final : public domain::DecisionSink {
 public:
  absl::Status Append(LogEvent event, std::optional<FeatureSnapshot> snapshot,
                      domain::Logged) override {
    events.emplace_back(std::move(event), std::move(snapshot));
    return absl::OkStatus();
  }
  double Fill() const override { return 0.25; }
  std::vector<std::pair<LogEvent, std::optional<FeatureSnapshot>>> events;
};

class MaskerTest : public ::testing::Test {
 protected:
  DecisionRecord Log(DecisionRecord record, std::optional<FeatureSnapshot> snapshot) {
    MaskingSink sink(&masker_, &log_);
    EXPECT_THAT(sink.Append(std::move(record), std::move(snapshot), nullptr), testing::IsOk());
    return std::get<DecisionRecord>(log_.events.back().first);
  }
  const std::optional<FeatureSnapshot>& snapshot() const { return log_.events.back().second; }

  const config::ModelManifest manifest_ = Manifest();
  Masker masker_{Rules(), kSalt, &manifest_};
  Collector log_;
};

TEST_F(MaskerTest, InputsAreMaskedByTheirColumns) {
  const DecisionRecord record = Log(Decision(), Snapshot());
  ASSERT_TRUE(snapshot().has_value());
  const std::vector<double> expected = {40, kNan, 37, kNan, kNan, 30, kNan, 37, kNan, kNan};
  EXPECT_THAT(snapshot()->values, ::testing::Pointwise(NanSensitiveDoubleEq(), expected));
  EXPECT_THAT(snapshot()->masked_columns, ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(record.redacted, ElementsAre("gone", "coarse", "ids"));
  EXPECT_EQ(record.replayable, Replayable::kSelection);
  EXPECT_EQ(record.replayable_reason, "model inputs masked by gone, coarse");
  EXPECT_EQ(record.detail, Detail::kWhole);
  EXPECT_EQ(record.candidates, Decision().candidates);
  EXPECT_EQ(record.positions, Decision().positions);
}

TEST_F(MaskerTest, IdsAreHashedAndTheIndexCanTell) {
  const DecisionRecord record = Log(Decision(), std::nullopt);
  EXPECT_EQ(record.request_id, KeyedHash(kSalt, "request_id", "ann@x.org", 16));
  EXPECT_EQ(record.request_id, masker_.RequestId("ann@x.org"));
  EXPECT_NE(record.context_hash, 42u);
  EXPECT_EQ(record.context_hash, masker_.ContextHash(42));
  EXPECT_NE(masker_.ContextHash(43), masker_.ContextHash(42));
  EXPECT_THAT(record.redacted, ElementsAre("ids"));
  EXPECT_EQ(record.replayable, Replayable::kFull);  // neither is an input
}

TEST_F(MaskerTest, OutcomesAreMaskedAndOthersLeftAlone) {
  OutcomeRecord outcome;
  outcome.outcome_id = "order of ann";
  outcome.kind = "order";
  const ExposureRecord exposure{.principal = "ann"};
  LogEvent event = outcome;
  std::optional<FeatureSnapshot> none;
  masker_.Apply(&event, &none);
  EXPECT_EQ(std::get<OutcomeRecord>(event).outcome_id,
            KeyedHash(kSalt, "outcome_id", "order of ann", 16));
  EXPECT_EQ(std::get<OutcomeRecord>(event).kind, "order");
  event = exposure;
  masker_.Apply(&event, &none);
  EXPECT_EQ(std::get<ExposureRecord>(event), exposure);
}

// What is missing or round already was not changed, and can be replayed.
TEST_F(MaskerTest, WhatNoRuleChangesIsNotMasked) {
  FeatureSnapshot clean = Snapshot();
  clean.values = {40, kNan, 1, kNan, kNan, -kNan, kNan, 2, kNan, kNan};
  const DecisionRecord record = Log(Decision(), clean);
  EXPECT_THAT(snapshot()->masked_columns, IsEmpty());
  EXPECT_THAT(record.redacted, ElementsAre("ids"));
  EXPECT_EQ(record.replayable, Replayable::kFull);
}

TEST_F(MaskerTest, AFailedRuleWithholdsTheDetailAndNothingElse) {
  FeatureSnapshot other = Snapshot();
  other.model = 9;
  FeatureSnapshot narrow = Snapshot();
  narrow.columns = 2;
  for (const FeatureSnapshot& unfit : {other, narrow}) {
    const DecisionRecord record = Log(Decision(), unfit);
    EXPECT_FALSE(snapshot().has_value());
    EXPECT_EQ(record.detail, Detail::kWithheld);
    EXPECT_THAT(record.candidates, IsEmpty());
    EXPECT_EQ(record.positions[0].action_id, "b");
    EXPECT_EQ(record.positions[0].drawn_ticks, kTicksTotal / 2);
    EXPECT_EQ(record.replayable, Replayable::kNone);
    EXPECT_THAT(record.replayable_reason, HasSubstr("masking rule coarse failed"));
    EXPECT_EQ(record.request_id, masker_.RequestId("ann@x.org"));  // the core is masked too
  }
  EXPECT_EQ(masker_.Stats()[1].rule, "coarse");
  EXPECT_EQ(masker_.Stats()[1].failed, 2u);
  EXPECT_EQ(masker_.Stats()[1].changed, 0u);
  EXPECT_EQ(masker_.Stats()[2].changed, 2u);
}

TEST_F(MaskerTest, RoundingTwiceIsRoundingOnce) {
  for (const double step : {0.1, 0.3, 7.0, 1e12}) {
    config::Masking rules;
    rules.rules = {Rule("round", {"user.age"}, MaskingAction::kRound, step)};
    const InputMask mask(rules.rules, &manifest_);
    for (const double value : {0.05, -0.05, 12.34, -1e6 / 3, 1e15 / 7, 1e300, -1e308}) {
      FeatureSnapshot snapshot = Snapshot();
      snapshot.values[0] = value;
      Masked masked;
      mask.Apply(&snapshot, &masked);
      const double once = snapshot.values[0];
      EXPECT_LE(std::abs(once - value), std::max(step / 2 * (1 + 1e-12), 0.0)) << value;
      mask.Apply(&snapshot, &masked);
      EXPECT_EQ(snapshot.values[0], once) << value << " to " << step;
    }
  }
}

// A text that fails is hashed as a whole; an answer that was not drawn has no detail to withhold.
TEST_F(MaskerTest, AFailedTextWithholdsOnlyFromWhatWasDrawn) {
  config::Masking parts;
  parts.rules = {Rule("mails", {"request_id"}, MaskingAction::kHash)};
  parts.rules[0].pattern = *config::TextPattern::Compile("[a-z]");
  Masker masker(parts, kSalt, nullptr);
  DecisionRecord fallback = Decision();
  fallback.candidates.clear();
  fallback.positions[0].ticks.clear();
  std::optional<FeatureSnapshot> none;
  for (const DecisionRecord& record : {Decision(), fallback}) {
    LogEvent event = record;
    masker.Apply(&event, &none);
    const auto& masked = std::get<DecisionRecord>(event);
    EXPECT_EQ(masked.request_id, KeyedHash(kSalt, "request_id", "ann@x.org", 16));
    EXPECT_EQ(masked.detail, record.candidates.empty() ? Detail::kWhole : Detail::kWithheld);
    EXPECT_THAT(masked.redacted, ElementsAre("mails"));
  }
  EXPECT_EQ(masker.Stats()[0].failed, 2u);
}

// A surface without a model has a snapshot of shared terms alone, which no rule may name.
TEST(Masker, SnapshotsWithoutColumnsPassWithoutAModel) {
  Masker masker(Rules(), kSalt, nullptr);
  LogEvent event = Decision();
  std::optional<FeatureSnapshot> snapshot = FeatureSnapshot{.basis = {1, 2}};
  masker.Apply(&event, &snapshot);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_THAT(snapshot->basis, ElementsAre(1, 2));
  EXPECT_EQ(std::get<DecisionRecord>(event).replayable, Replayable::kFull);
}

TEST(Salt, IsReadAndChecked) {
  testing::MemoryFileSystem files;
  config::Masking masking;
  EXPECT_EQ(ReadSalt(&files, masking).value(), "");
  masking.salt_file = "/salt";
  EXPECT_THAT(ReadSalt(&files, masking),
              testing::StatusIs(absl::StatusCode::kNotFound,
                                HasSubstr("log.masking.salt_file needs 16 to 4096 secret bytes")));
  files.SetContent("/salt", "fifteen bytes..");
  EXPECT_THAT(ReadSalt(&files, masking),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("/salt: has 15 bytes; log.masking.salt_file needs")));
  files.SetContent("/salt", "sixteen bytes...");
  EXPECT_EQ(ReadSalt(&files, masking).value(), "sixteen bytes...");
  files.SetContent("/salt", std::string(4097, 's'));
  EXPECT_FALSE(ReadSalt(&files, masking).ok());
}

}  // namespace
}  // namespace fulcrum::masking
