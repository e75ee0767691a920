// Training from a decision log: which positions become rows, with which inputs and rewards.
#include "training/log_rows.h"

#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "decision_log/quarantine_plan.h"
#include "domain/detail.h"
#include "scoring/model.h"
#include "scoring/posteriors.h"
#include "tests/decision_log/log_fixture.h"
#include "training/columns.h"
#include "training/log_fold.h"
#include "training/trainer.h"

namespace fulcrum::training {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kStart = 1574553600000000;
constexpr int64_t kSecond = 1'000'000;
constexpr uint64_t kModel = 8;

const std::vector<config::ManifestColumn>& TheColumns() {
  static const auto* const columns = new std::vector<config::ManifestColumn>{
      {"city is north", config::ColumnSource::kUser, "city", "north"},
      {"hour", config::ColumnSource::kContext, "hour", std::nullopt},
      {"price", config::ColumnSource::kItem, "price", std::nullopt},
      {"affinity", config::ColumnSource::kCandidate, "affinity", std::nullopt}};
  return *columns;
}

// Two arms, `a` and `b`, and the neutral action; the arms' features and what the user saw.
struct Situation {
  uint64_t number = 0;
  int64_t occurred_us = 0;
  std::string city;
  double hour = 0;
  std::map<std::string, double> affinity;  // of some arms
  std::vector<std::string> drawn;          // one per position
  std::string surface = "home";
  uint64_t model = kModel;
};

std::map<std::string, Ticks> TicksOf() {
  return {{"a", kTicksTotal / 8},
          {"b", kTicksTotal / 2},
          {"none", kTicksTotal - kTicksTotal / 8 - kTicksTotal / 2}};
}

class TrainingLog : public decision_log::LogFixture {
 protected:
  void SetUp() override {
    writer_ = Open(Options());
    ASSERT_NE(writer_, nullptr);
    writer_->Start();
    encoder_ = EncoderOf(TheColumns());
  }

  static std::shared_ptr<const scoring::Model> EncoderOf(
      const std::vector<config::ManifestColumn>& columns) {
    config::ModelManifest manifest;
    manifest.columns = columns;
    scoring::XgboostModel model;
    model.forest = *scoring::Forest::Build(static_cast<uint32_t>(columns.size()), 0, {});
    return *scoring::Model::Create(manifest, std::move(model));
  }

  void Append(LogEvent event, std::optional<FeatureSnapshot> snapshot = std::nullopt) {
    FULCRUM_ASSERT_OK(
        writer_->Append(std::move(event), std::move(snapshot),
                        [](const absl::StatusOr<Lsn>& lsn) { FULCRUM_EXPECT_OK(lsn); }));
  }
  void Finish() { FULCRUM_ASSERT_OK(writer_->Stop()); }

  static DecisionRecord RecordOf(const Situation& situation) {
    DecisionRecord record;
    record.id = decision_log::MakeId(situation.number);
    record.surface = situation.surface;
    record.occurred_us = situation.occurred_us;
    record.segment = situation.city;
    record.versions.model = situation.model;
    record.exposure_required = true;
    record.exposure_window_us = 60 * kSecond;
    record.attribution_window_us = 100 * kSecond;
    record.reward_kind = "click";
    for (const char* arm : {"a", "b"}) {
      CandidateRecord candidate;
      candidate.action_id = arm;
      record.candidates.push_back(candidate);
    }
    const auto ticks = TicksOf();
    for (const std::string& drawn : situation.drawn) {
      PositionRecord position;
      position.action_id = drawn;
      position.ticks = {ticks.at("a"), ticks.at("b"), ticks.at("none")};
      record.positions.push_back(position);
    }
    return record;
  }

  static domain::FeatureValue Price(const std::string& arm) { return arm == "a" ? 1.5 : 2.5; }

  FeatureSnapshot SnapshotOf(const Situation& situation) const {
    FeatureSnapshot snapshot;
    snapshot.decision_id = decision_log::MakeId(situation.number);
    snapshot.model = situation.model;
    snapshot.columns = encoder_->columns();
    Values context = {{"hour", situation.hour}};
    for (const auto& [arm, value] : situation.affinity) context["affinity." + arm] = value;
    const Values user = {{"city", situation.city}};
    for (const char* arm : {"a", "b"}) {
      const Values item = {{"price", Price(arm)}};
      std::vector<double> row(encoder_->columns());
      encoder_->Encode(&user, &item, context, arm, absl::MakeSpan(row));
      snapshot.values.insert(snapshot.values.end(), row.begin(), row.end());
    }
    return snapshot;
  }

  void Decide(const Situation& situation) {
    Append(RecordOf(situation), situation.model == 0
                                    ? std::nullopt
                                    : std::optional<FeatureSnapshot>(SnapshotOf(situation)));
  }
  void Show(uint64_t number, uint32_t position, int64_t at_us) {
    Append(ExposureRecord{decision_log::MakeId(number), position, at_us, "tester"});
  }
  void Click(uint64_t number, uint32_t position, int64_t at_us, double value = 1,
             const std::string& id = "1") {
    Append(OutcomeRecord{decision_log::MakeId(number), position, id, "click", value, "", at_us,
                         "tester"});
  }
  // Ends every window of what was decided before.
  void EndWindows(uint64_t number, int64_t at_us) { Decide({number, at_us, "late", 0, {}, {"a"}}); }

  LogSource Source() const { return {log(), "", TheColumns(), {kModel}, {}}; }

  std::unique_ptr<decision_log::LogWriter> writer_;
  std::shared_ptr<const scoring::Model> encoder_;
};

TEST_F(TrainingLog, LeavesOutAndCountsWhatIsNoEvidence) {
  const auto at = [](int64_t seconds) { return kStart + seconds * kSecond; };
  Decide({1, at(1), "north", 7, {{"a", 3}}, {"a"}});
  Show(1, 1, at(2));
  Click(1, 1, at(3));
  Decide({2, at(2), "south", 8, {}, {"b", "none"}});  // a slate
  Show(2, 1, at(3));
  Show(2, 2, at(3));
  Decide({3, at(3), "south", 9, {}, {"b"}});  // nobody saw it
  Append(UnshownRecord{decision_log::MakeId(3), 7, {1}, {}, {}, at(80)});
  Show(3, 1, at(81));  // too late
  Click(3, 1, at(82));
  Decide({4, at(4), "south", 9, {}, {"b"}});  // superseded
  Show(4, 1, at(5));
  Append(SupersededRecord{decision_log::MakeId(4), 11, "none", {}, {}, at(5)});
  DecisionRecord fallback = RecordOf({5, at(5), "south", 9, {}, {"none"}});
  fallback.answer = Answer::kNeutral;
  fallback.positions[0].ticks.clear();
  Append(fallback);
  DecisionRecord unlogged = RecordOf({6, at(6), "south", 9, {}, {"b"}});
  unlogged.log_pending = true;
  Append(unlogged);
  Decide({7, at(7), "south", 9, {}, {"a"}, "checkout"});
  Show(7, 1, at(8));
  Click(7, 1, at(9));
  Decide({8, at(8), "south", 9, {}, {"a"}, "home", 0});  // no model
  Show(8, 1, at(9));
  Decide({9, at(9), "south", 9, {}, {"a"}, "home", 99});  // another model
  Show(9, 1, at(10));
  Append(RecordOf({10, at(10), "south", 9, {}, {"a"}}));  // its snapshot is lost
  Show(10, 1, at(11));
  Decide({11, at(11), "south", 1e300, {}, {"a"}});  // beyond float32
  Show(11, 1, at(12));
  Decide({12, at(12), "south", 9, {}, {"b"}});  // two clicks: 2
  Show(12, 1, at(13));
  Click(12, 1, at(14), 1, "first");
  Click(12, 1, at(15), 1, "second");
  Decide({13, at(13), "south", 9, {}, {"b"}});  // a click, taken back
  Show(13, 1, at(14));
  Click(13, 1, at(15), 1);
  Click(13, 1, at(16), 0);
  EndWindows(20, at(300));  // itself pending
  Finish();

  LogSource source = Source();
  source.surface = "home";
  const auto rows = ReadLogRows(source);
  FULCRUM_ASSERT_OK(rows);
  const LogTally& tally = rows->tally;
  EXPECT_EQ(tally.decisions, 14);
  EXPECT_EQ(tally.fallbacks, 2);
  EXPECT_EQ(tally.superseded, 1);
  EXPECT_EQ(tally.positions, 12);
  EXPECT_EQ(tally.missing, 1);
  EXPECT_EQ(tally.pending, 1);
  EXPECT_EQ(tally.settled, 10);
  EXPECT_EQ(tally.neutral, 1);
  EXPECT_EQ(tally.other_surface, 1);
  EXPECT_EQ(tally.without_model, 1);
  EXPECT_EQ(tally.other_model, 1);
  EXPECT_EQ(tally.without_snapshot, 1);
  EXPECT_EQ(tally.unusable, 1);
  EXPECT_EQ(tally.rows, 4);
  EXPECT_EQ(tally.rewards_clipped, 1);
  EXPECT_EQ(tally.settled, tally.neutral + tally.other_surface + tally.without_model +
                               tally.other_model + tally.without_detail + tally.without_snapshot +
                               tally.unusable + tally.rows);
  EXPECT_EQ(tally.positions, tally.settled + tally.missing + tally.pending);
  EXPECT_EQ(tally.lsn, 35);
  EXPECT_FALSE(tally.torn_tail);

  const DataSet& data = rows->data;
  EXPECT_EQ(data.times_us, (std::vector<int64_t>{at(1), at(2), at(12), at(13)}));
  EXPECT_EQ(data.labels, (std::vector<float>{1, 0, 1, 0}));
  EXPECT_EQ(data.propensities, (std::vector<double>{0.125, 0.5, 0.5, 0.5}));
  ASSERT_EQ(data.values.size(), 16);
  EXPECT_THAT(absl::MakeConstSpan(data.values).first(4), ::testing::ElementsAre(1, 7, 1.5, 3));
  EXPECT_THAT(absl::MakeConstSpan(data.values).subspan(4, 3), ::testing::ElementsAre(0, 8, 2.5));
  EXPECT_TRUE(std::isnan(data.values[7]));
  // Counted is whatever was shown, on whichever surface and however it was scored.
  EXPECT_EQ(rows->counts_csv,
            "segment,action_id,trials,successes\n"
            ",a,6,2\n,b,3,1\n,none,1,0\n"
            "north,a,1,1\n"
            "south,a,5,1\nsouth,b,3,1\nsouth,none,1,0\n");
  EXPECT_THAT(ToText(tally), HasSubstr("1 of other surfaces"));
}

// What was taken out of the log is no evidence: neither rows nor counts, and the report says so.
TEST_F(TrainingLog, WhatIsQuarantinedIsPassedOverAndTold) {
  Finish();
  std::filesystem::remove_all(log());
  decision_log::LogOptions options = Options();
  options.segment_bytes = uint64_t{4} << 10;
  writer_ = Open(std::move(options));
  ASSERT_NE(writer_, nullptr);
  writer_->Start();
  const auto at = [](int64_t seconds) { return kStart + seconds * kSecond; };
  constexpr int64_t kDecisions = 60;
  for (int64_t number = 1; number <= kDecisions; ++number) {
    Decide({static_cast<uint64_t>(number), at(number), "south", 9, {}, {"b"}});
    Show(static_cast<uint64_t>(number), 1, at(number));
    FULCRUM_ASSERT_OK(writer_->Flush());
  }
  EndWindows(1000, at(1000));
  Finish();
  const auto whole = ReadLogRows(Source());
  FULCRUM_ASSERT_OK(whole);
  ASSERT_EQ(whole->tally.rows, static_cast<uint64_t>(kDecisions));
  EXPECT_EQ(whole->tally.quarantined, 0u);

  const auto segments =
      *decision_log::ListSegments(base::PosixFileSystem(), log(), decision_log::Stream::kDecisions);
  ASSERT_GE(segments.size(), 4u);
  const std::string path = Segment(decision_log::Stream::kDecisions, segments[1]);
  std::string bytes = ReadFile(path);
  bytes[bytes.size() / 2] ^= 1;
  WriteFile(path, bytes);
  EXPECT_THAT(ReadLogRows(Source()),
              testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("fulcrum log verify")));
  decision_log::QuarantineOptions quarantine;
  quarantine.clock = &clock_;
  quarantine.directory = log();
  quarantine.actor = "tester";
  FULCRUM_ASSERT_OK(decision_log::ApplyQuarantine(quarantine));

  const auto rows = ReadLogRows(Source());
  FULCRUM_ASSERT_OK(rows);
  const uint64_t gone = segments[2] - segments[1];
  EXPECT_EQ(rows->tally.quarantined, gone);
  // Two records of each decision; one at an edge of the gap may have lost its exposure alone.
  EXPECT_LE(rows->tally.rows, kDecisions - gone / 2);
  EXPECT_GE(rows->tally.rows, kDecisions - gone / 2 - 2);
  EXPECT_THAT(ToText(rows->tally), HasSubstr(absl::StrCat("(", gone, " of them quarantined)")));
}

// A row with detail stands for those that were as likely and lost theirs: its weight, the inverse
// of the propensity, is that much larger. Counts need no detail.
TEST_F(TrainingLog, SampledDetailIsWeighedAndCounted) {
  const auto at = [](int64_t seconds) { return kStart + seconds * kSecond; };
  const auto decide = [&](uint64_t number, Detail detail) {
    const Situation situation = {number, at(static_cast<int64_t>(number)), "south", 9, {}, {"b"}};
    DecisionRecord record = RecordOf(situation);
    record.detail_ticks = kTicksTotal / 4;
    if (detail == Detail::kWhole) {
      Append(record, SnapshotOf(situation));
    } else {
      domain::DropDetail(detail, "", &record);
      Append(record);
    }
    Show(number, 1, at(static_cast<int64_t>(number)));
  };
  decide(1, Detail::kWhole);
  decide(2, Detail::kSampledOut);
  decide(3, Detail::kWithheld);
  EndWindows(20, at(300));
  Finish();
  const auto rows = ReadLogRows(Source());
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(rows->data.propensities, std::vector<double>{0.5 / 4});
  EXPECT_EQ(rows->tally.without_detail, 2);
  EXPECT_EQ(rows->tally.rows, 1);
  EXPECT_EQ(rows->counts_csv, "segment,action_id,trials,successes\n,b,3,0\nsouth,b,3,0\n");
  EXPECT_THAT(ToText(rows->tally), HasSubstr("2 without detail"));
}

// The same story as a log and as rows for TrainModel.
class TwoForms : public TrainingLog {
 protected:
  void Play(int decisions) {
    base::RandomStream random(5);
    for (int i = 1; i <= decisions; ++i) {
      const auto number = static_cast<uint64_t>(i);
      Situation now = {number, kStart + i * kSecond, random.NextBelow(2) == 0 ? "north" : "south"};
      now.hour = static_cast<double>(random.NextBelow(24));
      for (const char* arm : {"a", "b"}) {
        if (random.NextBelow(3) != 0) {
          now.affinity[arm] = static_cast<double>(random.NextBelow(5)) / 3;
        }
      }
      const uint64_t roll = random.NextBelow(8);
      const std::string drawn = roll == 0 ? "a" : roll < 5 ? "b" : "none";
      now.drawn = {drawn};
      Decide(now);
      if (random.NextBelow(10) == 0) continue;  // nobody saw it
      Show(number, 1, now.occurred_us + 1);
      const double rate = now.city == "north" ? 0.7 : 0.2 + (now.affinity.contains("b") ? 0.1 : 0);
      const bool clicked = random.NextUniform() < rate;
      if (clicked) Click(number, 1, now.occurred_us + 2);
      rows_.push_back(RowOf(now, drawn, clicked));
    }
    EndWindows(1'000'000, kStart + (decisions + 1000) * kSecond);
    Finish();
  }

  static TrainingRow RowOf(const Situation& now, const std::string& drawn, bool clicked) {
    TrainingRow row;
    row.event_time_us = now.occurred_us;
    row.action_id = drawn;
    row.reward = clicked ? 1 : 0;
    row.propensity = PropensityOf(TicksOf().at(drawn));
    row.segment = now.city;
    row.user["city"] = now.city;
    row.context["hour"] = now.hour;
    if (drawn != "none") row.item["price"] = Price(drawn);
    const auto affinity = now.affinity.find(drawn);
    if (affinity != now.affinity.end()) row.candidate["affinity"] = affinity->second;
    return row;
  }

  std::vector<TrainingRow> rows_;
};

TEST_F(TwoForms, GiveTheSameModel) {
  Play(1500);
  TrainingOptions options;
  options.segment_key = "city";
  options.rounds_max = 30;
  const auto by_rows = TrainModel(rows_, options);
  FULCRUM_ASSERT_OK(by_rows);

  LogSource source = Source();
  source.columns = by_rows->manifest.columns;  // the log of a service that ran with this model
  for (config::ManifestColumn& column : source.columns) column.summary.reset();
  testing::TemporaryDirectory other;
  std::filesystem::remove_all(log());
  rows_.clear();
  encoder_ = EncoderOf(source.columns);
  writer_ = Open(Options());
  ASSERT_NE(writer_, nullptr);
  writer_->Start();
  Play(1500);
  auto rows = ReadLogRows(source);
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(rows->tally.settled, rows_.size());
  EXPECT_GT(rows->tally.neutral, 300);
  EXPECT_GT(rows->tally.pending, 100);  // not seen, and no `unshown` record in this log

  std::vector<TrainingRow> shown = rows_;
  std::erase_if(shown, [](const TrainingRow& row) { return row.action_id == "none"; });
  const auto encoded = EncodeRows(shown, source.columns);
  FULCRUM_ASSERT_OK(encoded);
  ASSERT_EQ(rows->data.values.size(), encoded->size());
  for (size_t i = 0; i < encoded->size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(rows->data.values[i]), std::bit_cast<uint32_t>((*encoded)[i]))
        << i;
  }
  EXPECT_EQ(rows->counts_csv, by_rows->counts_csv);
  const auto by_log =
      TrainOnDataSet(rows->data, std::move(rows->counts_csv), rows->tally.lsn, options);
  FULCRUM_ASSERT_OK(by_log);
  EXPECT_EQ(by_log->forest_json, by_rows->forest_json);
  config::ModelManifest expected = by_rows->manifest;
  expected.counts_lsn = rows->tally.lsn;
  EXPECT_EQ(config::WriteManifest(by_log->manifest), config::WriteManifest(expected));
}

TEST_F(TwoForms, TheSameLogGivesTheSameBytes) {
  Play(800);
  std::vector<std::string> bytes;
  for (int run = 0; run < 2; ++run) {
    auto rows = ReadLogRows(Source());
    FULCRUM_ASSERT_OK(rows);
    const auto model =
        TrainOnDataSet(rows->data, std::move(rows->counts_csv), rows->tally.lsn, TrainingOptions());
    FULCRUM_ASSERT_OK(model);
    bytes.push_back(absl::StrCat(model->forest_json, model->counts_csv,
                                 config::WriteManifest(model->manifest)));
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

TEST_F(TrainingLog, RowsAreByTimeWhateverTheOrderInTheLog) {
  const int64_t late = kStart + 50 * kSecond;
  Decide({1, late, "north", 1, {}, {"a"}});
  Decide({2, kStart, "north", 2, {}, {"a", "b"}});
  for (const auto& [number, position] : {std::pair(1, 1), std::pair(2, 1), std::pair(2, 2)}) {
    Show(static_cast<uint64_t>(number), static_cast<uint32_t>(position), late);
  }
  EndWindows(3, kStart + 500 * kSecond);
  Finish();
  const auto rows = ReadLogRows(Source());
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(rows->data.times_us, (std::vector<int64_t>{kStart, kStart, late}));
  EXPECT_EQ(rows->data.propensities, (std::vector<double>{0.125, 0.5, 0.125}));
  EXPECT_EQ(rows->data.values[1], 2);
  EXPECT_EQ(rows->data.values[9], 1);
}

TEST_F(TrainingLog, ACorrectionAfterTheWindowCounts) {
  Decide({1, kStart, "north", 1, {}, {"a"}});
  Show(1, 1, kStart);
  Click(1, 1, kStart + 1);
  EndWindows(2, kStart + 150 * kSecond);
  Click(1, 1, kStart + 2, 0);  // the refund, reported late but of a time within the window
  Finish();
  const auto rows = ReadLogRows(Source());
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(rows->data.labels, std::vector<float>{0});
  EXPECT_EQ(rows->counts_csv, "segment,action_id,trials,successes\n,a,1,0\nnorth,a,1,0\n");
}

TEST_F(TrainingLog, CountsAreNotOfSurfacesWithLinearPosteriors) {
  Decide({1, kStart, "north", 1, {}, {"a"}});
  Decide({2, kStart + 1, "north", 1, {}, {"b"}, "checkout"});
  Show(1, 1, kStart);
  Show(2, 1, kStart);
  EndWindows(3, kStart + 500 * kSecond);
  Finish();
  LogSource source = Source();
  source.uncounted = {"home"};
  const auto rows = ReadLogRows(source);
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(rows->tally.rows, 2);
  EXPECT_EQ(rows->tally.counted, 1);
  EXPECT_EQ(rows->counts_csv, "segment,action_id,trials,successes\n,b,1,0\nnorth,b,1,0\n");
  EXPECT_THAT(ToText(rows->tally), HasSubstr("not counted: 1 of surfaces with linear"));
}

TEST_F(TrainingLog, WithoutAModelThereIsNothingAndTheRemedyIsSaid) {
  Decide({1, kStart, "north", 1, {}, {"a"}, "home", 0});
  Show(1, 1, kStart);
  EndWindows(2, kStart + 500 * kSecond);
  Finish();
  EXPECT_THAT(ReadLogRows(Source()),
              testing::StatusIs(absl::StatusCode::kFailedPrecondition,
                                ::testing::AllOf(HasSubstr(log()), HasSubstr("without a model"),
                                                 HasSubstr("fulcrum train --csv"))));
}

TEST_F(TrainingLog, AnEmptyLogAndNoLogAreSaid) {
  Finish();
  EXPECT_THAT(ReadLogRows(Source()), testing::StatusIs(absl::StatusCode::kFailedPrecondition,
                                                       HasSubstr("holds no decisions")));
  LogSource source = Source();
  source.directory += "-not";
  EXPECT_THAT(ReadLogRows(source),
              testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("-not")));
}

TEST_F(TrainingLog, DamageInTheDecisionsIsRefused) {
  for (uint64_t i = 1; i <= 50; ++i) {
    Decide({i, kStart + static_cast<int64_t>(i), "north", 1, {}, {"a"}});
    Show(i, 1, kStart);
  }
  EndWindows(99, kStart + 500 * kSecond);
  Finish();
  FULCRUM_ASSERT_OK(ReadLogRows(Source()));
  const std::string path = Segment(decision_log::Stream::kDecisions, 1);
  std::string bytes = ReadFile(path);
  bytes[2000] ^= 1;
  WriteFile(path, bytes);
  EXPECT_THAT(ReadLogRows(Source()),
              testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("fulcrum log verify")));
}

TEST_F(TrainingLog, DamageInTheFeaturesLosesRowsAndIsCounted) {
  for (uint64_t i = 1; i <= 50; ++i) {
    Decide({i, kStart + static_cast<int64_t>(i), "north", 1, {}, {"a"}});
    Show(i, 1, kStart);
  }
  EndWindows(99, kStart + 500 * kSecond);
  Finish();
  const std::string path = Segment(decision_log::Stream::kFeatures, 1);
  std::string bytes = ReadFile(path);
  bytes[200] ^= 1;  // in the first record, right behind the header of 128 bytes
  WriteFile(path, bytes);
  const auto rows = ReadLogRows(Source());
  FULCRUM_ASSERT_OK(rows);
  EXPECT_GE(rows->tally.without_snapshot, 1);
  EXPECT_EQ(rows->tally.rows + rows->tally.without_snapshot, 50);
}

// They are trained on as they are, and the report says how many there are.
TEST_F(TrainingLog, RowsWithMaskedInputsAreCounted) {
  for (uint64_t i = 1; i <= 4; ++i) {
    const Situation situation{i, kStart + static_cast<int64_t>(i), "north", 1, {}, {"a"}};
    FeatureSnapshot snapshot = SnapshotOf(situation);
    if (i % 2 == 0) snapshot.masked_columns = {1};
    Append(RecordOf(situation), snapshot);
    Show(i, 1, kStart);
  }
  EndWindows(99, kStart + 500 * kSecond);
  Finish();
  const auto rows = ReadLogRows(Source());
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(rows->tally.rows, 4u);
  EXPECT_EQ(rows->tally.masked, 2u);
  EXPECT_THAT(ToText(rows->tally), HasSubstr("inputs as masking rules left them: 2\n"));
}

TEST_F(TrainingLog, ModelsOfTheArchiveCountIfTheirColumnsAreTheSame) {
  Finish();
  base::FileSystem* const files = base::PosixFileSystem();
  config::ModelManifest served;
  served.name = "click";
  served.columns = TheColumns();
  served.version = 77;
  EXPECT_EQ(*ModelsWithColumnsOf(files, log(), served), std::vector<uint64_t>{77});

  const auto archive = [&](const std::string& name, const config::ModelManifest& manifest) {
    TrainedModel model;
    model.manifest = manifest;
    model.manifest.forest_file = "forest.json";
    model.manifest.counts_file = "counts.csv";
    model.manifest.forest_sha256 = base::ToHex(base::Sha256(""));
    model.manifest.counts_sha256 = base::ToHex(base::Sha256(""));
    const std::string path = absl::StrCat(log(), "/../artefacts/", name);
    FULCRUM_EXPECT_OK(WriteModel(files, path, model));
    const auto written = config::LoadManifest(files, path + "/manifest.yaml");
    FULCRUM_EXPECT_OK(written);
    return written.ok() ? written->version : 0;
  };
  config::ModelManifest earlier = served;
  earlier.name = "earlier";
  earlier.columns[0].name = "only for people";
  earlier.columns[0].summary = {0, 1, 0, 0, {}};
  config::ModelManifest narrower = served;
  narrower.columns.pop_back();
  config::ModelManifest other_schema = served;
  other_schema.schema_version = 2;
  const uint64_t version = archive("model-0000000000000001", earlier);
  archive("model-0000000000000002", narrower);
  archive("model-0000000000000003", other_schema);
  archive("bundle-0000000000000004", earlier);
  std::filesystem::create_directories(log() + "/../artefacts/model-0000000000000005");
  EXPECT_EQ(*ModelsWithColumnsOf(files, log(), served), (std::vector<uint64_t>{77, version}));
}

}  // namespace
}  // namespace fulcrum::training
