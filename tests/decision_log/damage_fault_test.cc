// Damage to bytes that were written: in sampled places of whole logs a bit is flipped, or a sector
// or a page zeroed, doubled, or overwritten by a write that was meant for somewhere else. Whatever
// it is, `verify` reports it, the writer refuses what was durable and cuts off what was not at the
// last whole record before, and readers return every record that is still whole, on both sides of
// the damage, and nothing else.
//
// FULCRUM_DAMAGE_PLACES sets how many places (600), FULCRUM_DAMAGE_SEED which (1).
#include <cstdio>

#include "absl/strings/str_join.h"
#include "decision_log/verify.h"
#include "tests/decision_log/damage_oracle.h"
#include "tests/support/environment.h"

namespace fulcrum::decision_log {
namespace {

enum class Kind : uint8_t { kBitFlip, kZeroed, kDoubled, kMisdirected, kMisdirectedAndLost };
constexpr size_t kKinds = 5;
constexpr const char* kKindNames[kKinds] = {"bit flips", "zeroed", "doubled", "misdirected",
                                            "misdirected and lost"};
constexpr uint64_t kSector = 512;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kTailBytes = uint64_t{6} << 10;

struct Tally {
  std::map<std::string, int> places;  // by kind
  int verified = 0;                   // damage that `verify` tells
  int shorter = 0;                    // of it, told by the high-water mark alone
  int refused = 0;
  int cut = 0;
  int went_on = 0;  // the last segments are whole
  int recovery_refused = 0;
  int read_on_both_sides = 0;
  int astray = 0;              // streams of which whole records were read elsewhere
  int without_dictionary = 0;  // records that lost all copies of it, by one place of damage
};

class DamageTest : public ::testing::Test {
 protected:
  static const std::vector<DamageLog>& Logs() {
    static const auto* const logs = [] {
      auto* const made = new std::vector<DamageLog>;
      made->push_back(MakeDamageLog("closed", Durability::kProcess, 830, true));
      made->push_back(MakeDamageLog("crashed", Durability::kProcess, 1239, false));
      made->push_back(MakeDamageLog("crashed, each synced", Durability::kPower, 815, false));
      made->push_back(WithoutLastSegments((*made)[1], "crashed between segments"));
      return made;
    }();
    return *logs;
  }

  // Somewhere in the written bytes; often near the end of a stream.
  static const WholeSegment& Draw(const DamageLog& log, std::mt19937_64* random, uint64_t* offset) {
    const WholeStream& stream = log.streams[(*random)() % 2];
    if ((*random)() % 3 == 0) {
      const WholeSegment& last = stream.segments.back();
      *offset = last.end - 1 - (*random)() % std::min(last.end, kTailBytes);
      return last;
    }
    const WholeSegment& segment = stream.segments[(*random)() % stream.segments.size()];
    *offset = (*random)() % segment.end;
    return segment;
  }

  static std::string* Content(const WholeSegment& segment, Damaged* damaged) {
    return &damaged->try_emplace(segment.path, segment.bytes).first->second;
  }

  // Damage of `kind` that changes at least one written byte.
  static Damaged Damage(const DamageLog& log, Kind kind, std::mt19937_64* random) {
    for (;;) {
      Damaged damaged;
      uint64_t at = 0;
      const WholeSegment& target = Draw(log, random, &at);
      std::string* const bytes = Content(target, &damaged);
      const uint64_t unit = (*random)() % 4 == 0 ? kPage : kSector;
      const uint64_t begin = at / unit * unit;
      const uint64_t length = std::min<uint64_t>(unit, bytes->size() - begin);
      if (kind == Kind::kBitFlip) {
        (*bytes)[at] ^= static_cast<char>(1 << (*random)() % 8);
      } else if (kind == Kind::kZeroed) {
        bytes->replace(begin, length, length, '\0');
      } else if (kind == Kind::kDoubled) {
        const bool last = begin + unit >= bytes->size();
        const bool before = begin != 0 && (last || (*random)() % 2 == 0);
        if (last && !before) continue;
        const std::string copy = bytes->substr(before ? begin - unit : begin + unit, length);
        bytes->replace(begin, copy.size(), copy);
      } else {
        uint64_t from = 0;
        const WholeSegment& source = Draw(log, random, &from);
        from = from / unit * unit;
        const std::string copy = source.bytes.substr(from, length);
        bytes->replace(begin, copy.size(), copy);
        if (kind == Kind::kMisdirectedAndLost) {
          Content(source, &damaged)->replace(from, copy.size(), copy.size(), '\0');
        }
      }
      if (bytes->substr(0, target.end) != target.bytes.substr(0, target.end)) return damaged;
    }
  }

  // The places, by file and by the LSN that is expected there.
  static std::string Describe(const DamageLog& log, const Damaged& damaged) {
    std::vector<std::string> places;
    for (const WholeStream& stream : log.streams) {
      for (const WholeSegment& segment : stream.segments) {
        const auto first = FindDamage(segment, damaged);
        if (!first.has_value()) continue;
        places.push_back(absl::StrCat(segment.path, " from the record at ", first->offset, ", LSN ",
                                      first->lsn));
      }
    }
    return absl::StrJoin(places, " and ");
  }

  // Reads as DecisionLogReader does: on behind each damage.
  static void ReadAll(base::FileSystem* files, Stream stream,
                      std::map<Lsn, std::pair<RecordType, std::string>>* records) {
    auto reader = StreamReader::Open(files, kDamageLog, stream, 0);
    ASSERT_THAT(reader, testing::IsOk());
    bool resync = false;
    Lsn last = 0;
    for (;;) {
      RecordView record;
      const auto found = resync ? (*reader)->Resync(&record) : (*reader)->Next(&record);
      ASSERT_THAT(found, testing::IsOk());
      if (*found == Found::kEnd) return;
      resync = *found == Found::kDamaged;
      if (resync) continue;
      ASSERT_GT(record.header.lsn, last) << "in order, and none twice";
      last = record.header.lsn;
      (*records)[last] = {record.header.type, std::string(record.payload)};
    }
  }

  const std::map<Lsn, std::pair<RecordType, std::string>>& Whole(const DamageLog& log,
                                                                 Stream stream) {
    auto& known = whole_[{log.name, stream}];
    if (known.empty()) ReadAll(log.files.get(), stream, &known);
    return known;
  }

  void CheckVerify(const DamageLog& log, const Damaged& damaged, base::FileSystem* files) {
    const auto report = VerifyLog(files, kDamageLog);
    ASSERT_THAT(report, testing::IsOk());
    ASSERT_FALSE(report->clean()) << "damage is not found";
    ++tally_.verified;
    bool shorter = true;
    for (const WholeStream& stream : log.streams) {
      const bool lost = std::any_of(
          report->corrupt.begin(), report->corrupt.end(),
          [&](const auto& place) { return place.stream == stream.stream && place.lost_tail; });
      ASSERT_TRUE(!lost || LooksShorter(stream, damaged)) << "taken for a log that ends earlier";
      shorter = shorter && LooksShorter(stream, damaged);
    }
    tally_.shorter += shorter ? 1 : 0;
  }

  void CheckReaders(const DamageLog& log, const Damaged& damaged, base::FileSystem* files) {
    for (const WholeStream& stream : log.streams) {
      const auto& whole = Whole(log, stream.stream);
      std::map<Lsn, std::pair<RecordType, std::string>> records;
      ReadAll(files, stream.stream, &records);
      for (const auto& [lsn, record] : records) {
        const auto original = whole.find(lsn);
        ASSERT_NE(original, whole.end()) << "invented LSN " << lsn;
        ASSERT_TRUE(record == original->second) << "changed LSN " << lsn;
      }
      const auto readable = Readable(stream, damaged, &tally_.without_dictionary);
      // Whole records that stand only where a stray write put them, and those that are in their
      // place, may exclude each other; the reader takes the more of them.
      const bool astray = std::any_of(records.begin(), records.end(), [&](const auto& record) {
        return !readable.contains(record.first);
      });
      tally_.astray += astray ? 1 : 0;
      for (const auto& [lsn, type] : readable) {
        ASSERT_TRUE(records.contains(lsn) || astray) << "LSN " << lsn << " is whole, and not read";
      }
      const bool both =
          records.size() < whole.size() && records.contains(1) && records.contains(stream.last_lsn);
      if (both) ++tally_.read_on_both_sides;
    }
  }

  void CheckWriter(const DamageLog& log, const Damaged& damaged, testing::MemoryFileSystem* files,
                   bool append) {
    const Opening decisions = ExpectOpening(log.streams[0], damaged);
    const Opening features = ExpectOpening(log.streams[1], damaged);
    RecoveryReport report;
    auto writer = LogWriter::Open(DamageOptions(files, &clock_), &report);
    if (ExpectRefusal(log, decisions, features, damaged)) {
      ASSERT_EQ(writer.status().code(), absl::StatusCode::kDataLoss) << writer.status();
      ++tally_.refused;
      return;
    }
    ASSERT_THAT(writer, testing::IsOk());
    ASSERT_EQ(report.decisions.torn, decisions.torn);
    ASSERT_EQ(report.decisions.last_lsn, decisions.last_lsn);
    ASSERT_EQ(report.features.torn, features.torn);
    ASSERT_EQ(report.features.last_lsn, features.last_lsn);
    const Lsn told = CheckLostEnd(log.streams[0], report.decisions) +
                     CheckLostEnd(log.streams[1], report.features);
    ++(decisions.torn || features.torn ? tally_.cut : tally_.went_on);
    Recorder recorder;
    const absl::Status recovered = (*writer)->Recover(0, &recorder);
    ASSERT_LE(recorder.events.size(), decisions.last_lsn);
    for (const auto& [lsn, event] : recorder.events) {
      ASSERT_TRUE(event == DamageEvent(lsn)) << lsn;
    }
    if (DamageBefore(log.streams[0], decisions.segment, damaged)) {
      ASSERT_EQ(recovered.code(), absl::StatusCode::kDataLoss) << recovered;
      ++tally_.recovery_refused;
      return;
    }
    ASSERT_THAT(recovered, testing::IsOk());
    ASSERT_EQ(recorder.events.size(), decisions.last_lsn);
    ASSERT_TRUE(recorder.tails_lost.empty()) << "no number is given before the start";
    if (append && log.goes_together && !DamageBefore(log.streams[1], features.segment, damaged)) {
      CheckGoingOn(writer->get(), files, decisions.last_lsn + told);
    }
  }

  // What the stream has lost of its end is known to its last LSN. How many records tell of it.
  static Lsn CheckLostEnd(const WholeStream& stream, const StreamTail& tail) {
    const WholeSegment& last = stream.segments.back();
    const StreamEnd end{last.first_lsn, last.end, stream.last_lsn};
    const bool shorter = tail.segment < end.segment || tail.end_offset < end.offset;
    EXPECT_EQ(tail.lost_end, shorter ? std::optional(end) : std::nullopt);
    return shorter && tail.last_lsn < stream.last_lsn ? 1 : 0;
  }

  // Damage in a segment before the one that is gone on in: found when it is read.
  static bool DamageBefore(const WholeStream& stream, size_t segment, const Damaged& damaged) {
    for (size_t i = 0; i < std::min(segment, stream.segments.size()); ++i) {
      if (FindDamage(stream.segments[i], damaged).has_value()) return true;
    }
    return false;
  }

  static void CheckGoingOn(LogWriter* writer, base::FileSystem* files, Lsn last_lsn) {
    writer->Start();
    constexpr uint64_t kMore = 3;
    for (uint64_t number = 1; number <= kMore; ++number) {
      const LogEvent event = MakeDecision(100000 + number);
      const auto snapshot = MakeSnapshot(std::get<DecisionRecord>(event));
      ASSERT_THAT(writer->Append(event, snapshot, nullptr), testing::IsOk());
    }
    ASSERT_THAT(writer->Stop(), testing::IsOk());
    const auto report = VerifyLog(files, kDamageLog);
    ASSERT_THAT(report, testing::IsOk());
    ASSERT_EQ(report->records, last_lsn + kMore);
    for (const Invariant& one : report->invariants) {
      ASSERT_EQ(one.violated, 0u) << one.name << ": " << one.first_violation;
    }
    ASSERT_TRUE(report->clean()) << ToString(report->corrupt[0].damage);
  }

  testing::SimulatedClock clock_;
  Tally tally_;
  std::map<std::pair<std::string, Stream>, std::map<Lsn, std::pair<RecordType, std::string>>>
      whole_;
};

TEST_F(DamageTest, TheLogsAreWorthDamaging) {
  for (const DamageLog& log : Logs()) {
    SCOPED_TRACE(log.name);
    std::set<RecordType> types;
    for (const WholeStream& stream : log.streams) {
      EXPECT_GE(stream.segments.size(), 2u);
      for (const WholeSegment& segment : stream.segments) {
        for (const WholeRecord& record : segment.records) types.insert(record.header.type);
      }
      const auto& whole = Whole(log, stream.stream);
      EXPECT_EQ(whole.size(), stream.last_lsn);
    }
    for (const auto& [lsn, record] : Whole(log, Stream::kDecisions)) {
      const auto event = ParseEvent(record.first, record.second);
      ASSERT_TRUE(event.ok() && *event == DamageEvent(lsn)) << lsn;
    }
    for (const RecordType type : {RecordType::kBlock, RecordType::kDictionary, RecordType::kIndex,
                                  RecordType::kFooter, RecordType::kFeatureSnapshot}) {
      EXPECT_TRUE(types.contains(type)) << static_cast<int>(type);
    }
    if (log.goes_together) {
      const auto report = VerifyLog(log.files.get(), kDamageLog);
      ASSERT_THAT(report, testing::IsOk());
      EXPECT_TRUE(report->clean());
    }
  }
}

TEST_F(DamageTest, IsFoundAndHarmsNoOtherRecord) {
  const int places = testing::FromEnvironment("FULCRUM_DAMAGE_PLACES", 600);
  std::mt19937_64 random(testing::FromEnvironment<uint64_t>("FULCRUM_DAMAGE_SEED", 1));
  for (int place = 0; place < places && !HasFailure(); ++place) {
    const DamageLog& log = Logs()[static_cast<size_t>(place) % Logs().size()];
    const size_t kind = random() % kKinds;
    const Damaged damaged = Damage(log, static_cast<Kind>(kind), &random);
    ++tally_.places[kKindNames[kind]];
    SCOPED_TRACE(absl::StrCat("place ", place, " of the log that is ", log.name, ": ",
                              kKindNames[kind], " in ", Describe(log, damaged)));
    const std::unique_ptr<testing::MemoryFileSystem> files = log.files->Clone();
    for (const auto& [path, bytes] : damaged) files->SetContent(path, bytes);
    CheckVerify(log, damaged, files.get());
    if (!HasFailure()) CheckReaders(log, damaged, files.get());
    if (!HasFailure()) CheckWriter(log, damaged, files.get(), place % 8 < 4);
  }
  for (const auto& [kind, count] : tally_.places) {
    std::printf("figure: %s = %d\n", kind.c_str(), count);
  }
  std::printf(
      "figure: places = %d\nfigure: found = %d\nfigure: by the high-water mark alone = %d\n"
      "figure: writing refused = %d\nfigure: cut at the last whole record = %d\n"
      "figure: recovery refused = %d\nfigure: streams read on both sides = %d\n"
      "figure: streams with records read astray = %d\n"
      "figure: whole records unreadable = %d\n",
      places, tally_.verified, tally_.shorter, tally_.refused, tally_.cut, tally_.recovery_refused,
      tally_.read_on_both_sides, tally_.astray, tally_.without_dictionary);
  // The places were worth looking at.
  EXPECT_EQ(tally_.places.size(), kKinds);
  EXPECT_EQ(tally_.verified, places);
  EXPECT_TRUE(tally_.shorter > 0 || places < 600) << "about one in 300";
  EXPECT_LE(tally_.astray * 50, places);
  EXPECT_GT(tally_.refused * 10, places);
  EXPECT_GT(tally_.cut * 20, places);
  EXPECT_GT(tally_.recovery_refused * 10, places);
  EXPECT_GT(tally_.read_on_both_sides * 4, places);
}

}  // namespace
}  // namespace fulcrum::decision_log
