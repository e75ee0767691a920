// The decider on a real ledger, with a feature source and a log that do as they are told.
#pragma once

#include <atomic>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "config/loader.h"
#include "decider/decider.h"
#include "domain/memory_user_data.h"
#include "leases/memory_lease_store.h"
#include "orchestrator/lease_desk.h"
#include "orchestrator/ledger.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"

namespace fulcrum::testing {

// Rows in memory; may pretend that they are on a disk, slow, stale or broken.
class MemoryFeatures final : public domain::FeatureSource, public domain::MemoryUserData {
 public:
  MemoryFeatures() : MemoryUserData([](std::string_view) { return UserRef{2}; }) {}

  absl::StatusOr<domain::UserFeatures> ReadUser(std::string_view, absl::Time,
                                                domain::Wait wait) override {
    if (on_disk && wait == domain::Wait::kNoWait) return absl::UnavailableError("on disk");
    if (stalled) ++stalls;
    while (stalled) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (broken) return absl::DataLossError("broken");
    domain::UserFeatures user;
    user.row.state = state;
    if (known) user.user_ref = UserRef{1};
    return user;
  }
  absl::StatusOr<std::vector<domain::ReadRow>> ReadItems(absl::Span<const std::string> ids,
                                                         absl::Time, domain::Wait) override {
    if (broken) return absl::DataLossError("broken");
    return std::vector<domain::ReadRow>(ids.size());
  }
  absl::StatusOr<UserRef> EnsureUserRef(std::string_view user_id, absl::Time now) override {
    ++first_contacts;
    return MemoryUserData::EnsureUserRef(user_id, now);
  }

  std::atomic<bool> on_disk{false}, stalled{false}, broken{false}, known{true};
  std::atomic<domain::RowState> state{domain::RowState::kMissing};
  std::atomic<int> first_contacts{0}, stalls{0};
};

// A log in memory that can hold its acknowledgements back, or refuse.
class MemoryLog final : public domain::DecisionSink {
 public:
  explicit MemoryLog(domain::LogObserver* observer) : observer_(observer) {}

  absl::Status Append(LogEvent event, std::optional<FeatureSnapshot> snapshot,
                      domain::Logged done) override {
    {
      base::MutexLock lock(&mutex_);
      if (refuse) return absl::ResourceExhaustedError("full");
      events_.push_back(event);
      last_snapshot_ = std::move(snapshot);
      waiting_.push_back({++last_lsn_, std::move(event), std::move(done)});
    }
    if (!hold_back) Acknowledge();
    return absl::OkStatus();
  }

  double Fill() const override { return fill; }
  // Never waits for real: room comes at once or not in time.
  void WaitForRoom(base::SteadyTime) override {
    ++waits;
    if (room_comes) fill = 0;
  }

  // Acknowledges all that waits, or fails it: in order, one thread at a time, as the log does.
  void Acknowledge(const absl::Status& status = absl::OkStatus()) {
    mutex_.Lock();
    const bool mine = !draining_;
    draining_ = true;
    while (mine && !waiting_.empty()) {
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      mutex_.Unlock();
      if (status.ok()) observer_->OnLogged(next.lsn, next.event);
      next.done(status.ok() ? absl::StatusOr<Lsn>(next.lsn) : absl::StatusOr<Lsn>(status));
      mutex_.Lock();
    }
    if (mine) draining_ = false;
    mutex_.Unlock();
  }
  std::vector<LogEvent> events() {
    base::MutexLock lock(&mutex_);
    return events_;
  }

  // The events, which are then forgotten; the numbering goes on.
  std::vector<LogEvent> Take() {
    base::MutexLock lock(&mutex_);
    return std::exchange(events_, {});
  }

  // What came with the last event.
  std::optional<FeatureSnapshot> last_snapshot() {
    base::MutexLock lock(&mutex_);
    return last_snapshot_;
  }

  std::atomic<bool> hold_back{false}, refuse{false}, room_comes{false};
  std::atomic<double> fill{0};
  std::atomic<int> waits{0};

 private:
  struct Waiting {
    Lsn lsn;
    LogEvent event;
    domain::Logged done;
  };
  domain::LogObserver* const observer_;
  base::Mutex mutex_;
  std::vector<LogEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::optional<FeatureSnapshot> last_snapshot_ ABSL_GUARDED_BY(mutex_);
  Lsn last_lsn_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

class DeciderFixture : public ::testing::Test {
 protected:
  void SetUp() override { Build(TestBundle()); }
  void TearDown() override {
    if (log != nullptr) log->Acknowledge();
    features.stalled = false;
    decider.reset();
  }

  void Build(const TestBundle& options) {
    decider.reset();
    ledger.reset();
    WriteBundle(temporary_.path() + "/bundle", options);
    auto loaded = config::LoadBundle(base::PosixFileSystem(), temporary_.path() + "/bundle");
    FULCRUM_ASSERT_OK(loaded);
    bundle = *loaded;
    orchestrator::LedgerOptions ledger_options;
    ledger_options.directory = temporary_.path() + "/ledger";
    ledger_options.files = base::PosixFileSystem();
    ledger_options.clock = &clock;
    ledger_options.leases =
        std::make_shared<leases::MemoryLeaseStore>(orchestrator::BooksOfTheOnlyReplica(), &clock);
    ledger_options.boot_id = "boot";
    auto opened = orchestrator::Ledger::Open(ledger_options, bundle);
    FULCRUM_ASSERT_OK(opened);
    ledger = *std::move(opened);
    FULCRUM_ASSERT_OK(ledger->FinishRecovery(0));
    log = std::make_unique<MemoryLog>(ledger.get());
    metrics = std::make_unique<telemetry::Metrics>(std::vector<std::string>{"page"});
    BuildDecider();
  }

  // A decider without a past: no alarms of earlier calls wait in it.
  void BuildDecider() {
    decider.reset();
    decider::DeciderParts parts;
    parts.features = &features;
    parts.users = &features;
    parts.ledger = ledger.get();
    parts.log = log.get();
    parts.metrics = metrics.get();
    parts.clock = &clock;
    parts.requests = requests.get();
    parts.waiting_requests_max = 2;
    parts.waiting_threads = 1;
    decider = std::make_unique<decider::Decider>(parts);
  }

  domain::DecisionContext ContextFor(const std::string& user,
                                     std::vector<std::string> candidates = {}) {
    domain::DecisionContext context;
    context.decision_id = DecisionId(1, ++next_id_);
    context.principal.name = "test";
    context.user_id = user;
    context.surface = "page";
    context.candidates = std::move(candidates);
    context.now = absl::FromUnixSeconds(1574553600);
    context.received = clock.SteadyNow();
    context.latency_budget = budget;
    context.alarm_at = context.received + absl::ToChronoNanoseconds(budget);
    return context;
  }

  // Starts a decision; the future holds the reply.
  std::future<decider::Reply> Start(domain::DecisionContext context) {
    auto promise = std::make_shared<std::promise<decider::Reply>>();
    std::future<decider::Reply> future = promise->get_future();
    const absl::Status status = decider->Decide(
        {bundle, nullptr, std::make_shared<const scoring::Posteriors>(), archived, pauses},
        bundle->surfaces[0], std::move(context),
        [promise](decider::Reply reply) { promise->set_value(std::move(reply)); });
    FULCRUM_EXPECT_OK(status);
    return future;
  }
  decider::Reply Decide(domain::DecisionContext context) { return Start(std::move(context)).get(); }

  int64_t HeldSum() {
    int64_t held = 0;
    for (const auto& row : ledger->Status(absl::FromUnixSeconds(1574553600))) held += row.held;
    return held;
  }
  int64_t SpentSum() {
    int64_t spent = 0;
    for (const auto& row : ledger->Status(absl::FromUnixSeconds(1574553600))) spent += row.spent;
    return spent;
  }

  base::SystemClock clock;
  absl::Duration budget = absl::Seconds(30);
  bool archived = true;
  std::shared_ptr<const decider::Pauses> pauses;  // null: nothing is paused
  MemoryFeatures features;
  std::shared_ptr<const config::Bundle> bundle;
  std::unique_ptr<orchestrator::Ledger> ledger;
  std::unique_ptr<MemoryLog> log;
  std::unique_ptr<telemetry::Metrics> metrics;
  std::unique_ptr<decider::RequestIndex> requests;  // none unless a test makes one
  std::unique_ptr<decider::Decider> decider;

 private:
  TemporaryDirectory temporary_;
  uint64_t next_id_ = 0;
};

}  // namespace fulcrum::testing
