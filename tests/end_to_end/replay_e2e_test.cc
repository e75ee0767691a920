// The log of a service that learns, is restarted and is killed decides again to the same bits:
// in this process's kind, at every level of vector instructions, and without FMA.
#include <set>

#include "base/simd.h"
#include "decision_log/log_writer.h"
#include "decision_log/stream_reader.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/verify.h"
#include "tests/end_to_end/replay_world.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/without_fma.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kDecisions = 1500;

class Replay : public testing::ReplayedLives<Replay, kDecisions / 3> {
 protected:
  static std::vector<LogEntry> ReadLog() {
    std::vector<LogEntry> entries;
    const auto reader = DecisionLogReader::Open(world_->LogDirectory());
    EXPECT_THAT(reader, IsOk());
    LogEntry entry;
    while (reader.ok() && *(*reader)->Next(&entry)) entries.push_back(entry);
    return entries;
  }
  static testing::ReplayWorld::Ran Verify(const std::vector<std::string>& more = {},
                                          const std::vector<std::string>& environment = {}) {
    std::vector<std::string> arguments = {"replay", "--verify", world_->LogDirectory()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return world_->RunFulcrum(arguments, environment);
  }
  static void ExpectAllIdentical(const testing::ReplayWorld::Ran& ran) {
    EXPECT_EQ(ran.exit_code, 0) << ran.out;
    EXPECT_THAT(ran.out, AllOf(HasSubstr(absl::StrCat("\"decisions\":", kDecisions, ",")),
                               HasSubstr("\"different\":0,\"first_difference\":null,")));
    EXPECT_THAT(ran.out, AllOf(HasSubstr("\"undegraded_full_identical_share\":1.0"),
                               HasSubstr("\"undegraded_replayable_full_share\":1.0")));
  }

  // A copy of the log in a folder of its own; returns the copy.
  static std::string Copy(const std::string& folder, bool artefacts) {
    const std::string to = directory_->path() + "/" + folder;
    std::filesystem::create_directories(to);
    const auto all = std::filesystem::copy_options::recursive;
    std::filesystem::copy(world_->LogDirectory(), to + "/log", all);
    if (artefacts) {
      std::filesystem::copy(directory_->path() + "/data/artefacts", to + "/artefacts", all);
    }
    return to + "/log";
  }
};

// What the others prove rests on this: there was something to get wrong.
TEST_F(Replay, TheLogHasAllThatMatters) {
  std::set<Lsn> posteriors;
  std::set<std::string> segments;
  int beta = 0;
  int gauss = 0;
  int no_hold = 0;
  int unshown = 0;
  int corrected = 0;
  for (const LogEntry& entry : ReadLog()) {
    unshown += std::holds_alternative<UnshownRecord>(entry.event) ? 1 : 0;
    corrected += std::holds_alternative<OutcomeRecord>(entry.event) ? 1 : 0;
    const auto* const record = std::get_if<DecisionRecord>(&entry.event);
    if (record == nullptr) continue;
    posteriors.insert(record->versions.posterior_lsn);
    segments.insert(record->segment);
    (record->surface == "page" ? beta : gauss) += 1;
    for (const CandidateRecord& candidate : record->candidates) {
      no_hold += candidate.mask == MaskReason::kNoHold ? 1 : 0;
    }
  }
  EXPECT_GT(posteriors.size(), 300u);
  EXPECT_EQ(segments, (std::set<std::string>{"", "gold", "new"}));
  EXPECT_GT(beta, kDecisions / 3);
  EXPECT_GT(gauss, kDecisions / 3);
  EXPECT_GT(no_hold, 20);
  EXPECT_GT(unshown, 100);
  EXPECT_GT(corrected, 500);
}

TEST_F(Replay, EveryDecisionIsIdenticalOnBothLevels) {
  auto report = replay::VerifyReplay(base::PosixFileSystem(), world_->LogDirectory());
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->clean());
  EXPECT_EQ(report->decisions, static_cast<uint64_t>(kDecisions));
  EXPECT_EQ(report->different, 0u);
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->full_identical, report->decisions);
  EXPECT_EQ(report->says_full, report->decisions);
  EXPECT_GT(report->undegraded, report->decisions * 9 / 10);
  if (report->first_difference.has_value()) {
    const auto& place = *report->first_difference;
    ADD_FAILURE() << "LSN " << place.lsn << ", position " << place.difference.position << ": "
                  << place.difference.what << " is " << place.difference.recorded << ", again "
                  << place.difference.recomputed;
  }
}

TEST_F(Replay, TheCommandSaysSo) {
  ExpectAllIdentical(Verify({"--json"}));
  const auto ran = Verify();
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr(absl::StrCat(kDecisions, " decisions\n")),
                             HasSubstr("\nidentical\n")));
}

TEST_F(Replay, EveryLevelOfVectorInstructionsGivesTheSameBits) {
  int levels = 0;
  for (const base::SimdLevel level :
       {base::SimdLevel::kSse2, base::SimdLevel::kAvx2, base::SimdLevel::kAvx512}) {
    const std::string name(base::SimdLevelName(level));
    const auto ran = Verify({"--json", "--simd", name});
    if (level > base::DetectedSimdLevel()) {
      EXPECT_EQ(ran.exit_code, 2) << name << ": " << ran.out;
      std::printf("this processor has no %s\n", name.c_str());
      continue;
    }
    ++levels;
    ExpectAllIdentical(ran);
    EXPECT_THAT(ran.out, HasSubstr(absl::StrCat("\"simd\":\"", name, "\"")));
  }
  EXPECT_GE(levels, 1);
  EXPECT_EQ(Verify({"--simd", "avx"}).exit_code, 2);
}

TEST_F(Replay, TheSameBitsWithoutFma) {
  ExpectAllIdentical(Verify({"--json"}, {testing::kWithoutFma}));
}

// The log once more, one record of it changed by `change`, in a directory of its own beside the
// same artefacts.
template <typename Change>
std::string Tampered(const std::vector<LogEntry>& log, const std::string& from,
                     const std::string& to, Lsn lsn, Change change) {
  std::filesystem::create_directories(to);
  std::filesystem::copy(from + "/data/artefacts", to + "/artefacts",
                        std::filesystem::copy_options::recursive);
  testing::SimulatedClock clock;
  decision_log::LogOptions options;
  options.directory = to + "/log";
  options.clock = &clock;
  decision_log::RecoveryReport recovery;
  auto writer = decision_log::LogWriter::Open(std::move(options), &recovery);
  EXPECT_THAT(writer, IsOk());
  (*writer)->Start();
  const auto snapshots = FeatureSnapshotReader::Open(from + "/data/log");
  EXPECT_THAT(snapshots, IsOk());
  for (LogEntry entry : log) {
    std::optional<FeatureSnapshot> snapshot;
    if (auto* const record = std::get_if<DecisionRecord>(&entry.event)) {
      FeatureEntry feature;
      if (*(*snapshots)->Next(&feature)) snapshot = feature.snapshot;
      EXPECT_TRUE(snapshot && snapshot->decision_id == record->id);
      if (entry.lsn == lsn) change(record, &*snapshot);
    }
    EXPECT_THAT((*writer)->Append(entry.event, snapshot, nullptr), IsOk());
    if (entry.lsn % 1000 == 0) {
      EXPECT_THAT((*writer)->Flush(), IsOk());
    }
  }
  EXPECT_THAT((*writer)->Stop(), IsOk());
  return to + "/log";
}

TEST_F(Replay, ATamperedRecordIsNamedWithItsPlace) {
  const std::vector<LogEntry> log = ReadLog();
  const auto victim = std::find_if(log.begin() + static_cast<std::ptrdiff_t>(log.size() / 2),
                                   log.end(), [](const LogEntry& entry) {
                                     const auto* const record =
                                         std::get_if<DecisionRecord>(&entry.event);
                                     return record != nullptr && record->surface == "page";
                                   });
  ASSERT_NE(victim, log.end());
  const auto find = [&](const std::string& folder, auto change) {
    const std::string path =
        Tampered(log, directory_->path(), directory_->path() + "/" + folder, victim->lsn, change);
    auto report = replay::VerifyReplay(base::PosixFileSystem(), path);
    EXPECT_THAT(report, IsOk());
    return report.value_or(replay::ReplayReport());
  };
  EXPECT_TRUE(find("same", [](DecisionRecord*, FeatureSnapshot*) {}).clean());

  // The lowest bit of a posterior, which changes no tick.
  replay::ReplayReport report = find("alpha", [](DecisionRecord* record, FeatureSnapshot*) {
    record->candidates[1].alpha = std::nextafter(record->candidates[1].alpha, 1e9);
  });
  EXPECT_EQ(report.different, 1u);
  EXPECT_EQ(report.full_identical, report.decisions - 1);
  ASSERT_TRUE(report.first_difference.has_value());
  EXPECT_EQ(report.first_difference->lsn, victim->lsn);
  EXPECT_EQ(report.first_difference->difference.what, "alpha of 'free-2'");

  // What the model is said to have seen.
  report = find("inputs", [](DecisionRecord*, FeatureSnapshot* snapshot) {
    for (double& value : snapshot->values) value = -value;
  });
  EXPECT_EQ(report.different, 1u);
  EXPECT_EQ(report.selection_identical, report.decisions) << "the record itself is sound";
  ASSERT_TRUE(report.first_difference.has_value());
  EXPECT_EQ(report.first_difference->lsn, victim->lsn);
  EXPECT_THAT(report.first_difference->difference.what, StartsWith("score of '"));

  // The posteriors of another moment.
  report = find("posterior_lsn", [](DecisionRecord* record, FeatureSnapshot*) {
    record->versions.posterior_lsn = 0;
  });
  EXPECT_EQ(report.different, 1u);
  ASSERT_TRUE(report.first_difference.has_value());
  EXPECT_THAT(report.first_difference->difference.what, HasSubstr(" of '"));
}

TEST_F(Replay, AnyNumberOfThreadsGivesTheSameReport) {
  // Two decisions that differ, of which the first must be named.
  std::vector<LogEntry> log = ReadLog();
  const auto change = [](DecisionRecord* record, FeatureSnapshot*) {
    record->candidates[0].score = std::nextafter(record->candidates[0].score, 1);
  };
  const auto is_decision = [](const LogEntry& entry) {
    return std::holds_alternative<DecisionRecord>(entry.event);
  };
  const auto third = static_cast<std::ptrdiff_t>(log.size() / 3);
  const auto early = std::find_if(log.begin() + third, log.end(), is_decision);
  const auto late = std::find_if(log.begin() + 2 * third, log.end(), is_decision);
  ASSERT_NE(late, log.end());
  change(&std::get<DecisionRecord>(early->event), nullptr);
  const std::string tampered =
      Tampered(log, directory_->path(), directory_->path() + "/twice", late->lsn, change);
  // And a part that cannot be read.
  const std::string cut = Copy("damaged", /*artefacts=*/true);
  const auto segments =
      decision_log::ListSegments(base::PosixFileSystem(), cut, decision_log::Stream::kDecisions);
  ASSERT_THAT(segments, IsOk());
  std::filesystem::resize_file(
      cut + "/decisions/" + decision_log::SegmentName((*segments)[segments->size() / 2]), 5000);
  for (const std::string& path : {world_->LogDirectory(), tampered, cut}) {
    for (const char* const level : {"full", "selection"}) {
      const auto run = [&](const char* threads) {
        return world_->RunFulcrum(
            {"replay", "--verify", path, "--json", "--level", level, "--threads", threads});
      };
      const testing::ReplayWorld::Ran one = run("1");
      const bool finds = path == cut || (path == tampered && level == std::string("full"));
      EXPECT_EQ(one.exit_code, finds ? 1 : 0) << one.out;
      for (const char* const threads : {"2", "5"}) {
        const testing::ReplayWorld::Ran several = run(threads);
        EXPECT_EQ(several.exit_code, one.exit_code);
        EXPECT_EQ(several.out, one.out) << path << ", " << threads << " threads";
      }
    }
  }
}

TEST_F(Replay, WithoutItsArtefactsALogIsReplayedFromItsRecords) {
  auto report = replay::VerifyReplay(base::PosixFileSystem(), Copy("bare", /*artefacts=*/false));
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->clean());
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->full_identical, 0u);
  ASSERT_EQ(report->full_not_replayed.size(), 1u);
  EXPECT_THAT(report->full_not_replayed.begin()->first, HasSubstr("is not archived"));
  EXPECT_EQ(report->full_not_replayed.begin()->second, report->decisions);
}

TEST_F(Replay, WithoutItsFeaturesStreamToo) {
  const std::string bare = Copy("no_features", /*artefacts=*/true);
  std::filesystem::remove_all(bare + "/features");
  auto report = replay::VerifyReplay(base::PosixFileSystem(), bare);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->different, 0u);
  EXPECT_EQ(report->full_not_replayed,
            (replay::Reasons{{"no feature snapshot in the log", report->decisions}}));
}

TEST_F(Replay, ALogThatLacksItsBeginningHasNoPosteriorsToFold) {
  const std::string bare = Copy("cut", /*artefacts=*/true);
  const auto segments =
      decision_log::ListSegments(base::PosixFileSystem(), bare, decision_log::Stream::kDecisions);
  ASSERT_THAT(segments, IsOk());
  ASSERT_GT(segments->size(), 2u);
  std::filesystem::remove(bare + "/decisions/" + decision_log::SegmentName((*segments)[0]));
  auto report = replay::VerifyReplay(base::PosixFileSystem(), bare);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->different, 0u);
  EXPECT_LT(report->decisions, static_cast<uint64_t>(kDecisions));
  EXPECT_EQ(report->selection_identical, report->decisions);
  EXPECT_EQ(report->full_identical, 0u);
  EXPECT_THAT(report->full_not_replayed,
              ::testing::ElementsAre(::testing::Pair(HasSubstr("the log lacks records before it"),
                                                     report->decisions)));
}

TEST_F(Replay, NoLogIsAFailureThatNamesIt) {
  const auto ran = world_->RunFulcrum({"replay", "--verify", directory_->path() + "/nothing"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.out, HasSubstr("is not a decision log"));
}

}  // namespace
}  // namespace fulcrum
