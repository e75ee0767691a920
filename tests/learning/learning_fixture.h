// A log in memory, a bundle with one surface of each kind of posterior, and a learner on them.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "learning/learner.h"
#include "tests/decision_log/reward_join_fixture.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::learning {

using decision_log::JoinDecision;
using decision_log::JoinExposure;
using decision_log::JoinId;
using decision_log::JoinOutcome;
using decision_log::kSecondUs;
using decision_log::kStartUs;

inline config::Bundle LearningBundle() {
  config::Bundle bundle;
  config::Surface page;
  page.id = "page";
  config::Surface lined;
  lined.id = "lined";
  lined.linear.emplace();
  lined.linear->segments = {"new"};
  bundle.surfaces = {lined, page};
  return bundle;
}

inline scoring::Posteriors SomeCounts() {
  scoring::Posteriors counts;
  counts.Set("", "arm-0", {100, 10});
  counts.Set("new", "arm-0", {50, 5});
  return counts;
}

inline FoldStart LearningStart(uint64_t model = 7, Lsn counts_lsn = 0) {
  config::ModelManifest manifest;
  manifest.version = model;
  manifest.counts_lsn = counts_lsn;
  return StartOf(LearningBundle(), SomeCounts(), &manifest);
}

// A decision of the surface with linear posteriors.
inline DecisionRecord LinedDecision(uint64_t number, int64_t second) {
  DecisionRecord record = JoinDecision(number, second);
  record.surface = "lined";
  record.positions[0].basis = {1, 0.125 * static_cast<double>(number % 5), 1};
  return record;
}

// Keeps what is appended; tells the observer and calls back when told to, as the log's writer does.
// Append is thread-safe; the rest is for one thread, the writer.
class HeldLog final : public domain::DecisionSink {
 public:
  absl::Status Append(LogEvent event, std::optional<FeatureSnapshot>,
                      domain::Logged done) override {
    const base::MutexLock lock(&mutex_);
    if (full) return absl::ResourceExhaustedError("full");
    waiting_.emplace_back(std::move(event), std::move(done));
    return absl::OkStatus();
  }
  // Writes all that waits.
  void Write() {
    while (auto next = Take()) {
      events.push_back(next->first);
      observer->OnLogged(events.size(), next->first);
      std::move(next->second)(Lsn{events.size()});
    }
  }
  // Loses all that waits.
  void Fail() {
    while (auto next = Take()) std::move(next->second)(absl::DataLossError("disk"));
  }
  // Appended and written at once.
  void Log(LogEvent event) {
    FULCRUM_EXPECT_OK(Append(std::move(event), std::nullopt, [](const absl::StatusOr<Lsn>&) {}));
    Write();
  }
  size_t waiting() const {
    const base::MutexLock lock(&mutex_);
    return waiting_.size();
  }

  bool full = false;
  domain::LogObserver* observer = nullptr;
  std::vector<LogEvent> events;  // written; events[i] has LSN i + 1

 private:
  using Waiting = std::pair<LogEvent, domain::Logged>;
  std::optional<Waiting> Take() {
    const base::MutexLock lock(&mutex_);
    if (waiting_.empty()) return std::nullopt;
    std::optional<Waiting> next(std::move(waiting_.front()));
    waiting_.pop_front();
    return next;
  }

  mutable base::Mutex mutex_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
};

class LearningFixture : public ::testing::Test {
 protected:
  // A learner without a thread, that has been told all that the log holds.
  void Begin(const FoldStart& start = LearningStart()) {
    LearnerOptions options;
    options.directory = directory_.path();
    options.clock = &clock_;
    options.interval = absl::InfiniteDuration();
    options.request_clock = request_clock_;
    options.bundle = 5;
    if (tells_checkpoints_) {
      options.on_checkpoint = [this](const PosteriorUpdateRecord& record) {
        FULCRUM_EXPECT_OK(log_.Append(record, std::nullopt, [](const absl::StatusOr<Lsn>&) {}));
      };
    }
    auto learner = Learner::Open(std::move(options), start, log_.events.size(), &report_);
    FULCRUM_ASSERT_OK(learner);
    learner_ = *std::move(learner);
    for (Lsn lsn = learner_->lsn() + 1; lsn <= log_.events.size(); ++lsn) {
      learner_->OnLogged(lsn, log_.events[lsn - 1]);
    }
    log_.observer = learner_.get();
    FULCRUM_ASSERT_OK(learner_->Start(&log_));
  }
  // The state that a fold of the whole log has.
  std::string Offline(const FoldStart& start = LearningStart()) const {
    OutcomeFold fold(start);
    for (Lsn lsn = 1; lsn <= log_.events.size(); ++lsn) fold.Apply(lsn, log_.events[lsn - 1]);
    return fold.Serialise();
  }
  std::string Snapshot(Lsn lsn) const {
    return directory_.path() + "/posterior-" + absl::StrCat(absl::Dec(lsn, absl::kZeroPad20));
  }
  absl::StatusOr<std::string> ReadSnapshot(Lsn lsn) const {
    return base::ReadWholeFile(base::PosixFileSystem(), Snapshot(lsn), 1 << 30);
  }
  std::vector<std::string> Files() {
    auto names = *base::PosixFileSystem()->List(directory_.path());
    std::sort(names.begin(), names.end());
    return names;
  }
  double Trials(const std::string& action = "arm-0") {
    return learner_->snapshot()->Find("new", action).trials;
  }

  testing::TemporaryDirectory directory_;
  testing::SimulatedClock clock_{absl::FromUnixMicros(kStartUs)};
  HeldLog log_;
  bool request_clock_ = false;
  bool tells_checkpoints_ = false;  // to the log, as the service does
  SnapshotReport report_;
  std::unique_ptr<Learner> learner_;
};

}  // namespace fulcrum::learning
