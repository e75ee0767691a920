// A log as a table: what the rows say, and that an import reads them back.
#include <cmath>
#include <map>
#include <random>

#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "base/csv.h"
#include "exchange/decision_table.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "exchange/row_sink.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/decision_log/reward_join_fixture.h"
#include "tests/exchange/exchange_fixture.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::exchange {
namespace {

using decision_log::JoinDecision;
using decision_log::JoinOutcome;
using ::testing::HasSubstr;

using Row = std::map<std::string, std::string>;  // by column

// Drawn with a propensity of `ticks`, for campaign "spring".
DecisionRecord Drawn(uint64_t number, Ticks ticks, const std::string& surface) {
  DecisionRecord record = JoinDecision(number, static_cast<int64_t>(number));
  record.surface = surface;
  record.candidates.push_back({.action_id = "arm-0", .campaign_id = "spring"});
  record.positions[0].ticks = {ticks, kTicksTotal - ticks};
  return record;
}

class TableExport : public ::testing::Test {
 protected:
  TransferReport Export(const std::vector<LogEvent>& events, View view = View::kAll) {
    MakeLog(log_, events);
    ExportOptions options;
    options.format = ExportFormat::kCsv;
    options.view = view;
    const auto report = ExportLog(log_, path_, options);
    EXPECT_THAT(report, testing::IsOk());
    return report.value_or(TransferReport());
  }

  std::vector<Row> Rows() const {
    std::vector<Row> rows;
    const auto csv = base::CsvReader::Open(base::PosixFileSystem(), path_);
    EXPECT_THAT(csv, testing::IsOk());
    while ((*csv)->Next().value_or(false)) {
      Row& row = rows.emplace_back();
      for (size_t i = 0; i < (*csv)->header().size(); ++i) {
        row[(*csv)->header()[i]] = (*csv)->fields()[i];
      }
    }
    return rows;
  }

  const testing::TemporaryDirectory directory_;
  const std::string log_ = directory_.path() + "/log";
  const std::string path_ = directory_.path() + "/out.csv";
};

TEST_F(TableExport, SaysWhatAnAnalystAsks) {
  DecisionRecord decision = Drawn(0, kTicksTotal / 4, "a, \"b\"\r\n");
  decision.request_id = "r-1";
  decision.degradation = Degradation::kFeatureStale;
  decision.answer = Answer::kDegraded;
  decision.replayable = Replayable::kSelection;
  decision.versions = {
      .bundle = 0x12ab, .model = 0, .schema = 3, .posterior_lsn = 4, .price_version = ~uint64_t{0}};
  EXPECT_EQ(Export({decision, JoinOutcome(0, "x", 0.1, 5), JoinDecision(2, 100, 2)}).rows, 3U);
  const std::vector<Row> rows = Rows();
  ASSERT_EQ(rows.size(), 3U);
  const Row expected = {{"lsn", "1"},
                        {"decision_id", decision.id.ToString()},
                        {"time", "2019-11-24T00:00:00+00:00"},
                        {"request_id", "r-1"},
                        {"user_ref", "01000000000000000000000000000000"},
                        {"surface", "a, \"b\"\r\n"},
                        {"segment", "new"},
                        {"slate_size", "1"},
                        {"position", "1"},
                        {"action", "arm-0"},
                        {"campaign", "spring"},
                        {"propensity", "0.25"},
                        {"exposure", "assumed"},
                        {"state", "final"},
                        {"reward_kind", "click"},
                        {"reward", "0.1"},
                        {"attribution_window_us", "60000000"},
                        {"answer", "degraded"},
                        {"degradation", "feature_stale"},
                        {"replayable", "selection"},
                        {"bundle", "00000000000012ab"},
                        {"model", ""},
                        {"schema", "3"},
                        {"posterior_lsn", "4"},
                        {"price_version", "18446744073709551615"}};
  EXPECT_EQ(rows[0], expected);
  // Fallback answers have neither a propensity nor a reward yet.
  EXPECT_EQ(rows[2].at("position"), "2");
  EXPECT_EQ(rows[2].at("propensity"), "");
  EXPECT_EQ(rows[2].at("state"), "interim");
  EXPECT_EQ(rows[2].at("campaign"), "");
}

TEST_F(TableExport, AViewTakesItsRowsOnly) {
  const std::vector<LogEvent> events = {Drawn(0, 1, "p"), JoinDecision(200, 2000)};
  EXPECT_EQ(Export(events, View::kFinal).rows, 1U);
  EXPECT_EQ(Rows()[0].at("state"), "final");
  ExportOptions options{.format = ExportFormat::kCsv, .view = View::kInterim};
  ASSERT_THAT(ExportLog(log_, path_, options), testing::IsOk());
  ASSERT_EQ(Rows().size(), 1U);
  EXPECT_EQ(Rows()[0].at("state"), "interim");
}

TEST_F(TableExport, ARowThatCsvCannotSayIsToldNotWritten) {
  const TransferReport report =
      Export({Drawn(0, 1, "p"), Drawn(1, 1, std::string("a\0b", 3)), Drawn(2, 1, "p")});
  EXPECT_EQ(report.rows, 2U);
  EXPECT_THAT(report.bad_lines,
              ::testing::ElementsAre(BadLine{2, "the row has a NUL byte, which CSV cannot say"}));
  EXPECT_EQ(Rows().size(), 2U);
}

// Actions, surfaces, times, propensities to the tick and rewards to the bit.
TEST_F(TableExport, ATableImportReadsItBack) {
  std::mt19937_64 random(9);
  std::vector<LogEvent> events;
  std::vector<DecisionRecord> decisions;
  std::vector<double> rewards;
  for (uint64_t i = 0; i < 500; ++i) {
    decisions.push_back(Drawn(i, 1 + random() % kTicksTotal, i % 2 == 0 ? "a,b" : "ü\n\"c\""));
    decisions.back().occurred_us += static_cast<int64_t>(random() % 999999);
    rewards.push_back(
        std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 200) - 100) *
        (i % 3 == 0 ? -1 : 1));
    events.emplace_back(decisions.back());
    events.push_back(JoinOutcome(i, "o", rewards.back(), static_cast<int64_t>(i) + 2));
  }
  events.emplace_back(JoinDecision(9999, 100000));  // closes the windows of the others
  Export(events, View::kFinal);

  ImportOptions options{.format = ImportFormat::kTable, .strict = true};
  options.columns.time = "time";
  options.columns.surface_column = "surface";
  const std::string again = directory_.path() + "/again";
  const auto report = ImportLog(path_, again, options);
  ASSERT_THAT(report, testing::IsOk());
  ASSERT_EQ(report->events, 1000U);
  const auto reader = DecisionLogReader::Open(again);
  ASSERT_THAT(reader, testing::IsOk());
  LogEntry entry;
  for (size_t i = 0; i < decisions.size(); ++i) {
    ASSERT_TRUE((*reader)->Next(&entry).value_or(false));
    const auto& decision = std::get<DecisionRecord>(entry.event);
    EXPECT_EQ(decision.surface, decisions[i].surface);
    EXPECT_EQ(decision.occurred_us, decisions[i].occurred_us);
    EXPECT_EQ(decision.positions.at(0).action_id, "arm-0");
    EXPECT_EQ(DrawnTicks(decision, decision.positions[0]),
              DrawnTicks(decisions[i], decisions[i].positions[0]));
    ASSERT_TRUE((*reader)->Next(&entry).value_or(false));
    EXPECT_EQ(std::get<OutcomeRecord>(entry.event).value, rewards[i]);
  }
}

TEST(TableExportDocument, HasTheColumnsInTheirOrder) {
  constexpr const char* kTypes[] = {"text", "uint64", "int64", "double", "time"};
  const std::string document = ReadFile(FULCRUM_SOURCE_DIR "/docs/exchange.md");
  size_t at = 0;
  for (const Column& column : DecisionColumns()) {
    const std::string line =
        absl::StrCat("\n| `", column.name, "` | ", kTypes[static_cast<size_t>(column.type)], " |");
    at = document.find(line, at);
    ASSERT_NE(at, std::string::npos) << line;
  }
}

TEST_F(TableExport, ParquetWithoutArrowNamesTheOption) {
  if (NewParquetSink(DecisionColumns()).ok()) GTEST_SKIP() << "this build has Arrow";
  MakeLog(log_, {Drawn(0, 1, "p")});
  ExportOptions options;
  options.format = ExportFormat::kParquet;
  EXPECT_THAT(
      ExportLog(log_, path_, options),
      testing::StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("-DFULCRUM_WITH_ARROW=ON")));
  EXPECT_FALSE(base::PosixFileSystem()->Exists(path_ + ".partial").value_or(true));
  options.transfer.resume = true;
  EXPECT_THAT(ExportLog(log_, path_, options),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("begin anew")));
}

TEST_F(TableExport, ParquetIsWrittenWhereArrowIs) {
  if (!NewParquetSink(DecisionColumns()).ok()) {
    GTEST_SKIP() << "configured without FULCRUM_WITH_ARROW; `make golden` builds with it";
  }
  MakeLog(log_, {Drawn(0, 1, "p"), Drawn(1, 1, std::string("a\0b", 3))});
  ExportOptions options;
  options.format = ExportFormat::kParquet;
  const auto report = ExportLog(log_, path_, options);
  ASSERT_THAT(report, testing::IsOk());
  EXPECT_EQ(report->rows, 2U) << "Parquet can say what CSV cannot";
  const std::string content = ReadFile(path_);
  EXPECT_TRUE(content.starts_with("PAR1") && content.ends_with("PAR1"));
}

}  // namespace
}  // namespace fulcrum::exchange
