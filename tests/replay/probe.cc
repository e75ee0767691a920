// Records decisions made by the code that serves, or replays them: what the tests run in processes
// of different kinds.
//
//   probe exp           prints a hash of the C library's own exp
//   probe record FILE   writes kDecisions decisions
//   probe replay FILE   decides them again; prints what it found, exit 1 if anything differs
//   probe verify LOG    the same for a service's log, without the rest of the `fulcrum` program
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "decision_log/record_codec.h"
#include "replay/scores.h"
#include "replay/selection.h"
#include "replay/verify.h"
#include "scoring/scorer.h"
#include "tests/replay/scored_world.h"
#include "tests/support/without_fma.h"

namespace fulcrum::replay {
namespace {

constexpr int kDecisions = 6000;

void Put(std::ofstream* out, std::string_view payload) {
  const auto size = static_cast<uint32_t>(payload.size());
  out->write(reinterpret_cast<const char*>(&size), sizeof size);
  out->write(payload.data(), size);
}

std::string_view Take(std::string_view* bytes) {
  uint32_t size = 0;
  std::copy_n(bytes->data(), sizeof size, reinterpret_cast<char*>(&size));
  const std::string_view payload = bytes->substr(sizeof size, size);
  bytes->remove_prefix(sizeof size + size);
  return payload;
}

int Record(const char* path) {
  testing::ScoredWorld world;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  decision_log::RecordEncoder encoder;
  for (int i = 0; i < kDecisions; ++i) {
    const testing::ScoredDecision decision = world.Decide();
    Put(&out, encoder.Encode(LogEvent(decision.record)));
    Put(&out, encoder.Encode(decision.snapshot));
  }
  out.close();
  return out.good() ? 0 : 2;
}

int Replay(const char* path) {
  std::ifstream in(path, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::string_view bytes = file;
  const testing::ScoredWorld world;
  int decisions = 0;
  int different = 0;
  std::string first;
  for (; !bytes.empty(); ++decisions) {
    const auto event = decision_log::ParseEvent(decision_log::RecordType::kDecision, Take(&bytes));
    const auto snapshot = decision_log::ParseSnapshot(Take(&bytes));
    if (!event.ok() || !snapshot.ok()) return 2;
    const auto& record = std::get<DecisionRecord>(*event);
    Comparison comparison = CompareScores(record, &*snapshot, world.world());
    if (comparison.identical()) comparison = CompareSelection(record);
    if (comparison.identical()) continue;
    if (different++ == 0 && comparison.difference.has_value()) {
      first = absl::StrCat(", first: ", comparison.difference->what, " is ",
                           comparison.difference->recorded, ", again ",
                           comparison.difference->recomputed);
    }
  }
  std::printf("%d decisions, %d different%s\n", decisions, different, first.c_str());
  return decisions == kDecisions && different == 0 ? 0 : 1;
}

int Verify(const char* log) {
  const absl::StatusOr<ReplayReport> report = VerifyReplay(base::PosixFileSystem(), log);
  if (!report.ok()) {
    std::printf("%s\n", report.status().ToString().c_str());
    return 2;
  }
  const auto count = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("%llu decisions, %llu identical from their inputs, %llu different\n",
              count(report->decisions), count(report->full_identical), count(report->different));
  return report->clean() ? 0 : 1;
}

int Run(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "exp") {
    std::printf("%s\n", fulcrum::testing::LibraryExpHash().c_str());
    return 0;
  }
  if (what == "record" && argc == 3) return Record(argv[2]);
  if (what == "replay" && argc == 3) return Replay(argv[2]);
  if (what == "verify" && argc == 3) return Verify(argv[2]);
  std::fprintf(stderr, "probe exp | record FILE | replay FILE | verify LOG\n");
  return 2;
}

}  // namespace
}  // namespace fulcrum::replay

int main(int argc, char** argv) {
  return fulcrum::replay::Run(argc, argv);
}
