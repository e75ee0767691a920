// H2: the power goes, at any point of the service's life, with durability `power`, while both
// streams of the log rotate and retention deletes their oldest segments. Proves that what was
// synced is enough: on every disk that a power loss can leave behind the service starts, no
// acknowledged decision, exposure or outcome is missing or changed, the log is a prefix of what was
// written, less what retention may delete, nothing in it is invented, and no limit is passed,
// neither by what was spent before nor by what is decided afterwards.
//
// A kill -9 (crash_fault_test) cannot prove this: the page cache survives it, so a log that never
// synced would pass. This test in turn loses power on paper, by the rules of FaultyFileSystem (what
// was not synced is there, torn, zero or gone, sector by sector and name by name). It believes the
// disk that says it has synced, it does not flip bits of what was synced (the tests of the log and
// the store do), and one process serves at a time.
//
// FULCRUM_POWER_STATES sets the number of states (100), FULCRUM_POWER_SEED the run (1).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "apps/service.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "decision_log/verify.h"
#include "fulcrum/client.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/end_to_end/segment_watch.h"
#include "tests/support/environment.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"
#include "tests/support/test_model.h"

namespace fulcrum {
namespace {

using decision_log::Stream;

constexpr Stream kStreams[] = {Stream::kDecisions, Stream::kFeatures};
constexpr int kClients = 4;
constexpr int kDecisionsEach = 60;  // per client and life of the service
constexpr int kLives = 2;
constexpr int kUsers = 12;
constexpr int kDecisionsAfter = 6;
constexpr size_t kOperationsOfDeletion = 40;

// A life begins so long after the one before, by the service's clock: what retention may delete is
// then what earlier lives have left, however long they take.
constexpr absl::Duration kBetweenLives = absl::Hours(1);
constexpr char kOftenKept[] = "idempotency_window: 1s, checkpoint_interval: 10ms";
constexpr char kRetention[] = "decisions_retention: 30m, features_retention: 30m";

testing::TestBundle Options(const std::string& durability = "power") {
  testing::TestBundle options;
  options.durability = durability;
  options.day_budget = 150'000'000;
  options.total_budget = 1'000'000'000;
  options.cap = 2;
  options.log_segment_bytes = 32 << 10;  // so that segments end while the load runs
  return options;
}

void WriteBundle(const std::string& directory, const std::string& durability,
                 const std::string& server_fields = "idempotency_window: 1s") {
  testing::TestBundle options = Options(durability);
  options.log_fields = kRetention;
  options.server_fields = server_fields;
  testing::WriteBundle(directory, options);
  testing::AddTestModel(directory);
}

const std::map<std::string, int64_t>& Limits() {
  static const auto* const kLimits =
      new std::map<std::string, int64_t>{{"paid-day", Options().day_budget},
                                         {"paid-total", Options().total_budget},
                                         {"capped-user", Options().cap}};
  return *kLimits;
}

// The system's clock in a life of the service.
class LifeClock final : public base::Clock {
 public:
  explicit LifeClock(int life) : shift_(kBetweenLives * life) {}
  absl::Time Now() const override { return absl::Now() + shift_; }
  base::SteadyTime SteadyNow() const override { return std::chrono::steady_clock::now(); }

 private:
  const absl::Duration shift_;
};

// The machine after the power came back: the same files, another boot. What it syncs need not reach
// the real disk, whose power stays on: a state takes as long on a slow disk as on a fast one.
class Rebooted final : public base::FileSystem {
 public:
  explicit Rebooted(base::FileSystem* real) : real_(real) {}

  absl::StatusOr<std::unique_ptr<base::ReadFile>> OpenForRead(const std::string& path) override {
    if (path == "/proc/sys/kernel/random/boot_id") return std::make_unique<BootId>();
    return real_->OpenForRead(path);
  }
  absl::StatusOr<std::unique_ptr<base::AppendFile>> OpenForAppend(const std::string& path,
                                                                  base::OpenMode mode) override {
    FULCRUM_ASSIGN_OR_RETURN(auto file, real_->OpenForAppend(path, mode));
    return std::make_unique<Unsynced>(std::move(file));
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return real_->Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return real_->Remove(path); }
  absl::Status CreateDirectories(const std::string& path) override {
    return real_->CreateDirectories(path);
  }
  absl::Status SyncDirectory(const std::string&) override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    return real_->List(directory);
  }
  absl::StatusOr<bool> Exists(const std::string& path) override { return real_->Exists(path); }
  absl::StatusOr<std::unique_ptr<base::FileLock>> Lock(const std::string& path) override {
    return real_->Lock(path);
  }

 private:
  class Unsynced final : public base::AppendFile {
   public:
    explicit Unsynced(std::unique_ptr<base::AppendFile> real) : real_(std::move(real)) {}
    absl::Status Append(std::string_view data) override { return real_->Append(data); }
    absl::Status Sync() override { return absl::OkStatus(); }
    absl::Status Preallocate(uint64_t bytes) override { return real_->Preallocate(bytes); }
    absl::Status Truncate(uint64_t size) override { return real_->Truncate(size); }
    uint64_t size() const override { return real_->size(); }

   private:
    const std::unique_ptr<base::AppendFile> real_;
  };
  class BootId final : public base::ReadFile {
   public:
    absl::StatusOr<size_t> Read(uint64_t offset, size_t length, char* buffer) const override {
      const std::string_view rest = kText.substr(std::min<size_t>(offset, kText.size()));
      return rest.copy(buffer, length);
    }
    absl::StatusOr<uint64_t> Size() const override { return kText.size(); }

   private:
    static constexpr std::string_view kText = "11111111-2222-4333-8444-555555555555\n";
  };

  base::FileSystem* const real_;
};

// What the clients were told, and how far the disk's trace had come when they were.
struct Acknowledged {
  size_t operations = 0;
  std::vector<std::string> actions;
  std::vector<Ticks> ticks;
};
struct AcknowledgedReport {
  size_t operations = 0;
  Lsn lsn = 0;
  DecisionId decision;
};
struct Oracle {
  base::Mutex mutex;
  std::set<std::string> sent;  // request ids
  std::map<DecisionId, Acknowledged> decisions;
  std::vector<AcknowledgedReport> reports;  // exposures and outcomes
  // All decisions and what was told of them, read after each life: what retention deletes is here.
  std::vector<LogEntry> archive;
  // Of each stream: the segment with which the last life went on, and the first operation that
  // deletes one.
  std::map<Stream, Lsn> young_from;
  std::map<Stream, size_t> first_removal;
};

DecisionRequest RequestOf(const std::string& id, base::RandomStream* random) {
  DecisionRequest request;
  request.request_id = id;
  request.user_id = absl::StrCat("user-", random->NextBelow(kUsers));
  request.surface = "page";
  request.context["hour"] = static_cast<double>(random->NextBelow(24));
  request.slate_size = 1 + random->NextBelow(3);
  request.occurred_at = absl::FromUnixSeconds(1574553600) + absl::Hours(24) * random->NextBelow(2) +
                        absl::Seconds(random->NextBelow(80000));
  return request;
}

// Reports what was just decided, now and then.
void Report(DecisionClient& client, const Decision& decision, base::RandomStream* random,
            const testing::FaultyFileSystem& files, Oracle* oracle) {
  const uint32_t luck = random->NextBelow(4);
  if (luck > 1) return;
  absl::StatusOr<Lsn> lsn;
  if (luck == 0) {
    lsn = client.ReportExposure(decision.id, 1, std::nullopt, absl::Seconds(10));
  } else {
    DecisionClient::Outcome outcome;
    outcome.decision = decision.id;
    outcome.position = 1;
    outcome.outcome_id = "first";
    outcome.kind = "click";
    lsn = client.ReportOutcome(outcome, absl::Seconds(10));
  }
  const size_t operations = files.operations();
  ASSERT_THAT(lsn, testing::IsOk());
  base::MutexLock lock(&oracle->mutex);
  oracle->reports.push_back({operations, *lsn, decision.id});
}

void Load(const std::string& address, int life, int number, int count,
          const testing::FaultyFileSystem& files, Oracle* oracle) {
  const auto client = DecisionClient::Connect(address);
  ASSERT_THAT(client->WaitUntilServing(absl::Seconds(10)), testing::IsOk());
  base::RandomStream random(static_cast<uint64_t>(100 * life + number));
  for (int n = 0; n < count; ++n) {
    const DecisionRequest request = RequestOf(absl::StrCat(life, "-", number, "-", n), &random);
    {
      base::MutexLock lock(&oracle->mutex);
      oracle->sent.insert(request.request_id);
    }
    const auto decision = client->Decide(request, absl::Seconds(10));
    const size_t operations = files.operations();
    ASSERT_THAT(decision, testing::IsOk());
    if (decision->log_pending) continue;  // says of itself that it may not be in the log
    Acknowledged acknowledged;
    acknowledged.operations = operations;
    for (const DecidedAction& action : decision->actions) {
      acknowledged.actions.push_back(action.action_id);
      acknowledged.ticks.push_back(action.ticks);
    }
    {
      base::MutexLock lock(&oracle->mutex);
      oracle->decisions[decision->id] = std::move(acknowledged);
    }
    Report(*client, *decision, &random, files, oracle);
  }
}

absl::StatusOr<std::unique_ptr<apps::Service>> StartOn(const std::string& directory,
                                                       base::FileSystem* files,
                                                       const base::Clock* clock, uint64_t seed) {
  apps::ServiceOptions options;
  options.bundle_directory = directory;
  options.files = files;
  options.clock = clock;
  options.clock_mode = edge::ClockMode::kRequest;
  options.id_seed = seed;
  return apps::Service::Start(options);
}

// Appends what `log` holds above `after`. Its writer may be at work: what it has half written, such
// as a segment that it is just beginning, is looked at again.
void ReadLog(const std::string& log, Lsn after, std::vector<LogEntry>* entries) {
  auto reader = DecisionLogReader::Open(log, after);
  ASSERT_THAT(reader, testing::IsOk());
  LogEntry entry;
  for (int looks = 0;;) {
    const auto more = (*reader)->Next(&entry);
    ASSERT_THAT(more, testing::IsOk());
    if (*more) {
      entries->push_back(entry);
    } else if ((*reader)->end() == LogEnd::kTornTail && ++looks < 2000) {
      usleep(1000);
      (*reader)->Resume();
    } else {
      break;
    }
  }
  EXPECT_EQ((*reader)->end(), LogEnd::kClean) << ToString((*reader)->damage());
}

// The first operation that removes a segment of `stream`.
size_t FirstRemoval(const testing::FaultyFileSystem& files, Stream stream) {
  for (size_t i = 0; i < files.operations(); ++i) {
    const auto [kind, path] = files.Describe(i);
    const std::string folder = absl::StrCat("/log/", StreamName(stream), "/");
    if (kind == testing::FileOperation::kRemove && absl::StrContains(path, folder)) return i;
  }
  return ~size_t{0};
}

std::vector<Lsn> Segments(const std::string& directory, Stream stream) {
  return decision_log::ListSegments(base::PosixFileSystem(), directory + "/data/log", stream)
      .value();
}

// Until both streams have lost their first segment: that comes with the second checkpoint of what
// this life has learned, for which `more` has to bring news.
void AwaitRetention(const std::string& directory, const std::function<void(int)>& more) {
  for (int i = 0; i < 10000; ++i) {
    const bool all = std::all_of(std::begin(kStreams), std::end(kStreams), [&](Stream stream) {
      return Segments(directory, stream).front() > 1;
    });
    if (all) return;
    if (i % 50 == 49) more(i / 50);
    usleep(1000);
  }
  ADD_FAILURE() << "retention deletes nothing";
}

// Where the power can go.
struct Trace {
  size_t serving = 0;  // from here on the service answered
  size_t end = 0;
};

Trace Record(const std::string& directory, const std::string& durability,
             testing::FaultyFileSystem* files, Oracle* oracle) {
  Trace trace;
  files->Record(true);
  for (int life = 0; life < kLives; ++life) {
    // A later life keeps what it learns often: retention waits for that.
    if (life > 0) WriteBundle(directory, durability, kOftenKept);
    for (const Stream stream : kStreams) {
      if (life == kLives - 1) oracle->young_from[stream] = Segments(directory, stream).back();
    }
    const LifeClock clock(life);
    auto service = StartOn(directory, files, &clock, 1 + static_cast<uint64_t>(life));
    EXPECT_THAT(service, testing::IsOk());
    if (!service.ok()) return trace;
    if (life == 0) trace.serving = files->operations();
    const std::string address = absl::StrCat("127.0.0.1:", (*service)->port());
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] { Load(address, life, i, kDecisionsEach, *files, oracle); });
    }
    for (std::thread& client : clients) client.join();
    if (life > 0) {
      AwaitRetention(directory,
                     [&](int round) { Load(address, life, kClients + round, 1, *files, oracle); });
    }
    EXPECT_THAT((*service)->Stop(absl::Seconds(5)), testing::IsOk());
    ReadLog(directory + "/data/log", oracle->archive.size(), &oracle->archive);
    EXPECT_TRUE(!oracle->archive.empty() && oracle->archive.back().lsn == oracle->archive.size());
  }
  trace.end = files->operations();
  files->Record(false);
  for (const Stream stream : kStreams) {
    oracle->first_removal[stream] = FirstRemoval(*files, stream);
    EXPECT_GE(Segments(directory, stream).size(), 2u) << StreamName(stream);
  }
  return trace;
}

using LimitKey = std::tuple<std::string, int64_t, UserRef>;  // row, window, user

// A log, read and folded.
struct Folded {
  std::vector<LogEntry> entries;  // what retention has removed first, from the archive
  Lsn removed = 0;                // so many of them
  std::map<DecisionId, const DecisionRecord*> decisions;
  std::map<LimitKey, int64_t> spent;
  int overspent = 0;
};

void Fold(const std::string& log, const Oracle& oracle, Folded* folded) {
  const auto segments =
      decision_log::ListSegments(base::PosixFileSystem(), log, decision_log::Stream::kDecisions);
  ASSERT_THAT(segments, testing::IsOk());
  // Retention removes whole segments from the front.
  folded->removed = segments->empty() ? 0 : segments->front() - 1;
  ASSERT_LE(folded->removed, oracle.archive.size());
  folded->entries.assign(oracle.archive.begin(),
                         oracle.archive.begin() + static_cast<ptrdiff_t>(folded->removed));
  ASSERT_NO_FATAL_FAILURE(ReadLog(log, 0, &folded->entries));
  const auto move = [&](const Debit& debit, const UserRef& user, int64_t sign) {
    int64_t& sum =
        folded->spent[{debit.row, debit.window_start_us, debit.per_user ? user : UserRef{}}];
    sum += sign * debit.amount;
    folded->overspent += sum > Limits().at(debit.row) ? 1 : 0;
  };
  for (const LogEntry& each : folded->entries) {
    if (const auto* decision = std::get_if<DecisionRecord>(&each.event)) {
      folded->decisions[decision->id] = decision;
      for (const PositionRecord& position : decision->positions) {
        for (const Debit& debit : position.debits) move(debit, decision->user_ref, 1);
      }
    } else if (const auto* superseded = std::get_if<SupersededRecord>(&each.event)) {
      for (const Debit& debit : superseded->refunds) move(debit, superseded->user_ref, -1);
    }
  }
}

struct Tally {
  int states = 0, torn = 0, log_torn = 0, sectors_lost = 0, while_starting = 0, at_a_limit = 0;
  int missing = 0, changed = 0, invented = 0, overspent = 0;
  int64_t promised = 0;
  int checkpoints_damaged = 0;
  int tails_told = 0;
  std::map<Stream, int> shortened;  // states that lack what retention has deleted
  std::vector<double> restart_ms;
};

Ticks TicksOf(const DecisionRecord& record, const PositionRecord& position) {
  for (size_t i = 0; i < record.candidates.size(); ++i) {
    if (record.candidates[i].action_id == position.action_id) return position.ticks[i];
  }
  return position.ticks.empty() ? kTicksTotal : position.ticks.back();
}

bool SameAnswer(const Acknowledged& told, const DecisionRecord& record) {
  if (told.actions.size() != record.positions.size()) return false;
  for (size_t i = 0; i < told.actions.size(); ++i) {
    if (told.actions[i] != record.positions[i].action_id) return false;
    if (told.ticks[i] != TicksOf(record, record.positions[i])) return false;
  }
  return true;
}

// What is missing at the beginning of the streams was deleted by operation `cut`, is old, and no
// start needs it, even if the newest checkpoint of the posteriors is damaged.
void CheckRetention(const std::string& directory, const Oracle& oracle, size_t cut, Tally* tally) {
  for (const Stream stream : kStreams) {
    const std::vector<Lsn> segments = Segments(directory, stream);
    if (segments.empty() || segments.front() == 1) continue;
    ++tally->shortened[stream];
    EXPECT_GT(cut, oracle.first_removal.at(stream)) << StreamName(stream);
    EXPECT_LE(segments.front(), oracle.young_from.at(stream)) << StreamName(stream);
    if (stream == Stream::kFeatures) continue;  // nobody folds them
    EXPECT_LE(segments.front(), testing::NeededFrom(testing::Checkpoints(directory + "/data")));
  }
}

// The disk may also have lost what it had synced, of a file of which there are two.
void DamageNewestCheckpoint(const std::string& data, Tally* tally) {
  const std::vector<Lsn> checkpoints = testing::Checkpoints(data);
  if (checkpoints.size() < 2) return;
  testing::DamageCheckpoint(data, checkpoints.back());
  ++tally->checkpoints_damaged;
}

// What recovery found against what had been promised by operation `cut`.
void Check(const Folded& folded, const Oracle& oracle, size_t cut, Tally* tally) {
  Lsn expected = 0;
  for (const LogEntry& entry : folded.entries) {
    EXPECT_EQ(entry.lsn, ++expected) << "the log is no prefix";
  }
  for (const auto& [id, record] : folded.decisions) {
    tally->invented += oracle.sent.count(record->request_id) == 0 ? 1 : 0;
    const auto told = oracle.decisions.find(id);
    if (told != oracle.decisions.end() && !SameAnswer(told->second, *record)) ++tally->changed;
  }
  for (const auto& [id, told] : oracle.decisions) {
    if (told.operations > cut) continue;
    ++tally->promised;
    tally->missing += folded.decisions.count(id) == 0 ? 1 : 0;
  }
  for (const AcknowledgedReport& report : oracle.reports) {
    if (report.operations > cut) continue;
    ++tally->promised;
    // The number of a lost record goes to what the service tells of its start.
    const bool there = report.lsn <= folded.entries.size() &&
                       EventDecisionId(folded.entries[report.lsn - 1].event).has_value();
    if (!there) {
      ++tally->missing;
      continue;
    }
    const LogEvent& event = folded.entries[report.lsn - 1].event;
    const auto* exposure = std::get_if<ExposureRecord>(&event);
    const auto* outcome = std::get_if<OutcomeRecord>(&event);
    const bool same = (exposure != nullptr && exposure->decision_id == report.decision) ||
                      (outcome != nullptr && outcome->decision_id == report.decision);
    tally->changed += same ? 0 : 1;
  }
  tally->overspent += folded.overspent;
}

// More decisions on the recovered state: they may use what is left, and no more.
void DecideOn(int port, int state, base::RandomStream* random) {
  const auto client = DecisionClient::Connect(absl::StrCat("127.0.0.1:", port));
  ASSERT_THAT(client->WaitUntilServing(absl::Seconds(10)), testing::IsOk());
  for (int n = 0; n < kDecisionsAfter; ++n) {
    DecisionRequest request = RequestOf(absl::StrCat("after-", state, "-", n), random);
    request.slate_size = 3;
    request.candidates = {"capped-1", "paid-3", "paid-2", "paid-1"};
    const auto decision = client->Decide(request, absl::Seconds(10));
    ASSERT_THAT(decision, testing::IsOk());
  }
}

bool AtALimit(const Folded& folded) {
  return std::any_of(folded.spent.begin(), folded.spent.end(), [](const auto& use) {
    const std::string& row = std::get<0>(use.first);
    const int64_t left = Limits().at(row) - use.second;
    return row == "paid-day" ? left < 3'000'000 : left == 0;
  });
}

void LoseAndRecover(const std::string& durability, const std::string& before,
                    const testing::FaultyFileSystem& files, size_t cut, const Oracle& oracle,
                    base::RandomStream* random, Tally* tally) {
  const testing::TemporaryDirectory temporary;
  const std::string& after = temporary.path();
  WriteBundle(after, durability);
  const testing::PowerLoss loss =
      files.LosePower(cut, random->Next64(), before + "/data", after + "/data");
  const std::string log = after + "/data/log";
  const auto found = decision_log::VerifyLog(base::PosixFileSystem(), log);
  const bool log_torn = found.ok() && std::any_of(found->corrupt.begin(), found->corrupt.end(),
                                                  [](const auto& place) { return place.at_end(); });
  // The high-water mark knows of nothing that was not synced, and all that was is there.
  const bool lost =
      found.ok() && std::any_of(found->corrupt.begin(), found->corrupt.end(),
                                [](const decision_log::CorruptPlace& place) {
                                  return place.lost_tail && place.stream == Stream::kDecisions;
                                });
  EXPECT_FALSE(lost && durability == "power") << "what was not synced is said to be lost";
  ++tally->states;
  tally->torn += loss.torn ? 1 : 0;
  tally->log_torn += log_torn ? 1 : 0;
  tally->sectors_lost += loss.sectors_lost > 0 ? 1 : 0;
  CheckRetention(after, oracle, cut, tally);
  if (durability == "power" && random->NextBelow(4) == 0) {
    DamageNewestCheckpoint(after + "/data", tally);
  }

  const LifeClock clock(kLives);
  Rebooted rebooted(base::PosixFileSystem());
  const auto start = std::chrono::steady_clock::now();
  auto service = StartOn(after, &rebooted, &clock, 1000 + random->Next32());
  ASSERT_THAT(service, testing::IsOk()) << "the service does not start";
  tally->tails_told += (*service)->lost_tails().empty() ? 0 : 1;
  tally->restart_ms.push_back(
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  {
    Folded folded;
    Fold(log, oracle, &folded);
    Check(folded, oracle, cut, tally);
  }
  DecideOn((*service)->port(), tally->states, random);
  ASSERT_THAT((*service)->Stop(absl::Seconds(5)), testing::IsOk());

  Folded folded;
  Fold(log, oracle, &folded);
  tally->overspent += folded.overspent;
  tally->at_a_limit += AtALimit(folded) ? 1 : 0;
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), log);
  ASSERT_THAT(verified, testing::IsOk());
  for (const auto& invariant : verified->invariants) {
    EXPECT_EQ(invariant.violated, 0u) << invariant.name << ": " << invariant.first_violation;
  }
  EXPECT_TRUE(verified->clean());
}

// A random operation of the trace. Every second time the next append from there on: what is lost
// right after one was not synced, so that its record may be torn.
size_t RandomCut(const testing::FaultyFileSystem& files, size_t from, size_t to,
                 base::RandomStream* random) {
  size_t cut = from + random->NextBelow(static_cast<uint32_t>(to - from + 1));
  if (random->NextBelow(2) == 0) return cut;
  while (cut < to &&
         (cut == 0 || files.Describe(cut - 1).first != testing::FileOperation::kAppend)) {
    ++cut;
  }
  return cut;
}

void Print(Tally tally) {
  std::sort(tally.restart_ms.begin(), tally.restart_ms.end());
  const auto at = [&](double share) {
    return tally
        .restart_ms[static_cast<size_t>(share * static_cast<double>(tally.restart_ms.size() - 1))];
  };
  std::printf(
      "figure: states = %d\nfigure: torn states = %d\nfigure: states with a torn log = %d\n"
      "figure: states lost while starting = %d\nfigure: states that reach a limit = %d\n"
      "figure: states without the oldest decisions = %d\n"
      "figure: states without the oldest features = %d\n"
      "figure: states with a damaged checkpoint = %d\n"
      "figure: promises checked = %lld\nfigure: missing = %d\nfigure: changed = %d\n"
      "figure: invented = %d\nfigure: over a limit = %d\n"
      "figure: restart p50 = %.0f ms\nfigure: restart p99 = %.0f ms\n",
      tally.states, tally.torn, tally.log_torn, tally.while_starting, tally.at_a_limit,
      tally.shortened[Stream::kDecisions], tally.shortened[Stream::kFeatures],
      tally.checkpoints_damaged, static_cast<long long>(tally.promised), tally.missing,
      tally.changed, tally.invented, tally.overspent, at(0.5), at(0.99));
}

TEST(PowerLoss, LosesNoAcknowledgedDecisionAndOverspendsNothing) {
  const int states = testing::FromEnvironment("FULCRUM_POWER_STATES", 100);
  testing::TemporaryDirectory temporary;
  const std::string directory = temporary.path() + "/bundle";
  WriteBundle(directory, "power");
  testing::FaultyFileSystem files;
  Oracle oracle;
  const Trace trace = Record(directory, "power", &files, &oracle);
  ASSERT_FALSE(HasFailure());
  ASSERT_GT(oracle.decisions.size(), static_cast<size_t>(kLives * kClients * kDecisionsEach / 2));
  ASSERT_GT(oracle.reports.size(), 50u);

  base::RandomStream random(
      static_cast<uint64_t>(testing::FromEnvironment("FULCRUM_POWER_SEED", 1)));
  Tally tally;
  for (int state = 0; state < states && !HasFailure(); ++state) {
    // One in sixteen while the service first starts, on an empty disk; two while, and soon after,
    // retention first deletes decisions.
    const uint32_t luck = random.NextBelow(16);
    const bool starting = luck == 0;
    const bool deleting = luck == 1 || luck == 2;
    const size_t deletion = oracle.first_removal.at(Stream::kDecisions);
    const size_t from = starting ? 0 : deleting ? deletion : trace.serving;
    const size_t to = starting   ? trace.serving
                      : deleting ? std::min(deletion + kOperationsOfDeletion, trace.end)
                                 : trace.end;
    const size_t cut = RandomCut(files, from, to, &random);
    tally.while_starting += starting ? 1 : 0;
    SCOPED_TRACE(
        absl::StrCat("state ", state, ": power lost after operation ", cut, " of ", trace.end));
    LoseAndRecover("power", directory, files, cut, oracle, &random, &tally);
    EXPECT_EQ(tally.missing + tally.changed + tally.invented + tally.overspent, 0)
        << "missing " << tally.missing << ", changed " << tally.changed << ", invented "
        << tally.invented << ", overspent " << tally.overspent;
  }
  ASSERT_FALSE(tally.restart_ms.empty());
  Print(tally);
  // The states were worth looking at.
  EXPECT_GE(tally.torn * 5, tally.states) << "too few states hold a torn record";
  EXPECT_GT(tally.log_torn * 20, tally.states);
  EXPECT_GT(tally.sectors_lost * 3, tally.states);
  EXPECT_GT(tally.at_a_limit * 4, tally.states);
  for (const Stream stream : kStreams) EXPECT_GT(tally.shortened[stream] * 10, tally.states);
  EXPECT_GT(tally.checkpoints_damaged * 10, tally.states);
}

// The judge can find what it looks for: with durability `process` a lost power does take what was
// acknowledged. Even then the service starts, and no limit is passed by what the log holds.
TEST(PowerLoss, TakesWhatWasOnlyWritten) {
  testing::TemporaryDirectory temporary;
  const std::string directory = temporary.path() + "/bundle";
  WriteBundle(directory, "process");
  testing::FaultyFileSystem files;
  Oracle oracle;
  const Trace trace = Record(directory, "process", &files, &oracle);
  ASSERT_FALSE(HasFailure());
  base::RandomStream random(2);
  Tally tally;
  for (int state = 0; state < 20 && !HasFailure(); ++state) {
    const size_t cut = RandomCut(files, trace.serving, trace.end, &random);
    SCOPED_TRACE(absl::StrCat("power lost after operation ", cut, " of ", trace.end));
    LoseAndRecover("process", directory, files, cut, oracle, &random, &tally);
  }
  EXPECT_GT(tally.missing, 0);
  EXPECT_GT(tally.tails_told, 0);
  EXPECT_EQ(tally.changed + tally.invented + tally.overspent, 0);
}

}  // namespace
}  // namespace fulcrum
