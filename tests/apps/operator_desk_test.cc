#include "apps/operator_desk.h"

#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "apps/operator_checkpoint.h"
#include "config/loader.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_bundle.h"

namespace fulcrum::apps {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1574553600);
constexpr char kPath[] = "/data/operators";
const SwitchTarget kPaid{SwitchKind::kCampaign, "paid"};

// A log that tells its observer at once.
class Log final : public domain::DecisionSink {
 public:
  absl::Status Append(LogEvent event, std::optional<FeatureSnapshot>,
                      domain::Logged done) override {
    if (refuse) return absl::ResourceExhaustedError("the queue is full");
    events.push_back(event);
    observer->OnLogged(events.size(), event);
    done(events.size());
    return absl::OkStatus();
  }

  bool refuse = false;
  domain::LogObserver* observer = nullptr;
  std::deque<LogEvent> events;  // from LSN 1
};

class OperatorDeskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::WriteBundle(temporary_.path(), {});
    bundle_ = *config::LoadBundle(base::PosixFileSystem(), temporary_.path());
    EXPECT_THAT(files_.CreateDirectories("/data"), testing::IsOk());
    Open();
  }
  void TearDown() override { desk_.reset(); }

  OperatorDeskParts Parts() {
    OperatorDeskParts parts{&faulty_, kPath, bundle_, &log_, [this] { return now_; }, {}};
    parts.set_limit = [this](const std::string& row, int64_t limit) { limits_[row] = limit; };
    return parts;
  }
  // As a start does it, with all of the log.
  void Open() {
    desk_.reset();
    auto desk = OperatorDesk::Open(Parts());
    ASSERT_THAT(desk, testing::IsOk());
    desk_ = *std::move(desk);
    log_.observer = desk_.get();
    for (Lsn lsn = desk_->lsn().value_or(0) + 1; lsn <= log_.events.size(); ++lsn) {
      desk_->OnLogged(lsn, log_.events[lsn - 1]);
    }
  }
  // Waits for the answer.
  template <typename Call>
  absl::StatusOr<Lsn> Answer(Call call) {
    base::Mutex mutex;
    base::CondVar answered;
    std::optional<absl::StatusOr<Lsn>> answer;
    call([&](absl::StatusOr<Lsn> result) {
      base::MutexLock lock(&mutex);
      answer = std::move(result);
      answered.NotifyAll();
    });
    base::MutexLock lock(&mutex);
    while (!answer.has_value()) answered.Wait(&mutex);
    return *answer;
  }
  absl::StatusOr<Lsn> Pause(const SwitchTarget& target, const std::string& reason = "why",
                            absl::Duration span = absl::InfiniteDuration()) {
    return Answer([&](domain::Operated done) {
      desk_->Pause({"ann", {}}, target, reason, span, std::move(done));
    });
  }
  absl::StatusOr<Lsn> Resume(const SwitchTarget& target) {
    return Answer([&](domain::Operated done) {
      desk_->Resume({"ann", {}}, target, "done", std::move(done));
    });
  }

  absl::StatusOr<Lsn> SetBudget(const std::string& row, int64_t limit) {
    return Answer([&](domain::Operated done) {
      desk_->SetBudget({"ann", {}}, row, limit, "why", std::move(done));
    });
  }

  testing::TemporaryDirectory temporary_;
  testing::MemoryFileSystem files_;
  std::shared_ptr<const config::Bundle> bundle_;
  absl::Time now_ = kNow;
  std::map<std::string, int64_t> limits_;  // that the desk has set
  Log log_;
  testing::FaultyFileSystem faulty_{&files_};
  std::unique_ptr<OperatorDesk> desk_;
};

TEST_F(OperatorDeskTest, APauseIsLoggedInForceAndKeptWhenItIsAnswered) {
  EXPECT_EQ(desk_->pauses(), nullptr);
  EXPECT_THAT(Pause(kPaid, "bad images", absl::Minutes(30)), testing::IsOk());
  const AuditRecord& record = std::get<AuditRecord>(log_.events.at(0));
  EXPECT_EQ(record.actor, "ann");
  EXPECT_EQ(record.action, "operator.pause");
  EXPECT_EQ(record.target, "campaign:paid");
  EXPECT_EQ(record.details, (std::vector<AuditDetail>{{"reason", "bad images"},
                                                      {"until", "2019-11-24T00:30:00+00:00"}}));
  EXPECT_EQ(record.occurred_us, absl::ToUnixMicros(kNow));
  EXPECT_TRUE(desk_->pauses()->Action(bundle_->action_index.at("paid-1"), kNow));
  EXPECT_EQ(desk_->checkpoint_lsn(), 1u);
  log_.events.clear();  // by retention
  Open();
  ASSERT_EQ(desk_->Paused().size(), 1u);
  EXPECT_EQ(desk_->Paused()[0].reason, "bad images");
  EXPECT_EQ(desk_->Paused()[0].until, kNow + absl::Minutes(30));
  now_ += absl::Minutes(30);
  EXPECT_TRUE(desk_->Paused().empty());
}

TEST_F(OperatorDeskTest, WhatTheCheckpointDoesNotHaveComesFromTheLog) {
  EXPECT_THAT(Pause(kPaid), testing::IsOk());
  const std::string kept = files_.Content(kPath);
  EXPECT_THAT(Resume(kPaid), testing::IsOk());
  EXPECT_THAT(Pause({SwitchKind::kAll, ""}), testing::IsOk());
  files_.SetContent(kPath, kept);  // a crash between the log and the file
  Open();
  ASSERT_EQ(desk_->Paused().size(), 1u);
  EXPECT_EQ(desk_->Paused()[0].target.kind, SwitchKind::kAll);
}

TEST_F(OperatorDeskTest, ADamagedCheckpointIsNotTakenForNone) {
  EXPECT_THAT(Pause(kPaid), testing::IsOk());
  std::string bytes = files_.Content(kPath);
  bytes[bytes.find("paid")] = 'b';
  files_.SetContent(kPath, bytes);
  const auto desk = OperatorDesk::Open(Parts());
  EXPECT_EQ(desk.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(desk.status().message()), HasSubstr("bring it back from a copy"));
}

// At every step of the writing: the change is in force and in the log, the answer says what is
// missing, and the next round or a start makes up for it.
TEST_F(OperatorDeskTest, AFailingDiskIsToldAndLosesNothing) {
  int failed = 0;
  for (int64_t nth = 1;; ++nth) {
    const SwitchTarget target{SwitchKind::kAction, nth % 2 == 0 ? "paid-1" : "free-1"};
    faulty_.AddFault(
        {.operation = std::nullopt, .nth = nth, .fault = testing::FileFault::kNoSpace});
    const auto answer = Pause(target);
    const bool fired = faulty_.faults_fired() > failed;
    faulty_.ClearFaults();
    EXPECT_EQ(desk_->Paused().size(), 1u);
    if (!fired) {
      EXPECT_THAT(answer, testing::IsOk());
      break;
    }
    ++failed;
    if (!answer.ok()) {
      EXPECT_EQ(answer.status().code(), absl::StatusCode::kInternal);
      EXPECT_THAT(std::string(answer.status().message()), HasSubstr("in force and logged"));
      EXPECT_LT(desk_->checkpoint_lsn(), log_.events.size()) << "the log must keep it";
    }
    if (nth % 2 == 0) {
      Open();  // a crash
    } else {
      EXPECT_THAT(desk_->Checkpoint(), testing::IsOk());
      EXPECT_EQ(desk_->checkpoint_lsn(), log_.events.size());
    }
    ASSERT_EQ(desk_->Paused().size(), 1u) << nth;
    EXPECT_EQ(desk_->Paused()[0].target, target);
    EXPECT_THAT(Resume(target), testing::IsOk());
  }
  EXPECT_GE(failed, 3);
}

TEST_F(OperatorDeskTest, UnknownIdsAreRefusedWithTheNearest) {
  const auto campaign = Pause({SwitchKind::kCampaign, "payd"});
  EXPECT_EQ(campaign.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(campaign.status().message()),
              AllOf(HasSubstr("no campaign 'payd'"), HasSubstr("nearest valid name is 'paid'")));
  EXPECT_THAT(std::string(Pause({SwitchKind::kFeature, "user.levle"}).status().message()),
              HasSubstr("'user.level'"));
  EXPECT_THAT(std::string(Pause({SwitchKind::kModel, ""}).status().message()),
              HasSubstr("no model"));
  EXPECT_TRUE(log_.events.empty());
}

TEST_F(OperatorDeskTest, AReasonIsOneLine) {
  for (const std::string& reason : {std::string(), std::string("a\nb"), std::string(257, 'a')}) {
    EXPECT_EQ(Pause(kPaid, reason).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Pause(kPaid, "why", absl::ZeroDuration()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(OperatorDeskTest, ResumingNothingNamesWhatIsPaused) {
  EXPECT_THAT(std::string(Resume(kPaid).status().message()), HasSubstr("nothing is"));
  EXPECT_THAT(Pause({SwitchKind::kSurface, "page"}), testing::IsOk());
  const auto refused = Resume(kPaid);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()),
              AllOf(HasSubstr("campaign:paid is not paused"), HasSubstr("surface:page")));
  EXPECT_EQ(Resume({SwitchKind::kCampaign, "payd"}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Resume({SwitchKind::kSurface, "page"}), testing::IsOk());
  EXPECT_EQ(desk_->pauses(), nullptr);
}

TEST_F(OperatorDeskTest, WhatTheLogRefusesDidNotHappen) {
  log_.refuse = true;
  EXPECT_EQ(Pause(kPaid).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(desk_->Paused().empty());
}

TEST_F(OperatorDeskTest, ALimitIsInForceAndComesBackAtAStart) {
  EXPECT_THAT(SetBudget("paid-day", 7), testing::IsOk());
  EXPECT_EQ(limits_, (std::map<std::string, int64_t>{{"paid-day", 7}}));
  limits_.clear();
  Open();
  EXPECT_EQ(limits_, (std::map<std::string, int64_t>{{"paid-day", 7}}));
  EXPECT_THAT(SetBudget("paid-day", 40'000'000), testing::IsOk());  // the bundle's own
  limits_.clear();
  Open();
  EXPECT_TRUE(limits_.empty());
}

TEST_F(OperatorDeskTest, ABundleWithAnotherLimitHasTheLaterWord) {
  EXPECT_THAT(SetBudget("paid-day", 7), testing::IsOk());
  limits_.clear();
  auto changed = std::make_shared<config::Bundle>(*bundle_);
  for (config::Constraint& row : changed->constraints) {
    if (row.id == "paid-day") row.limit = 50;
  }
  const auto before = std::exchange(bundle_, std::move(changed));
  Open();
  EXPECT_TRUE(limits_.empty());
}

TEST_F(OperatorDeskTest, LimitsThatAreNoneAreRefused) {
  const auto unknown = SetBudget("paid-dya", 7);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("'paid-day'"));
  EXPECT_EQ(SetBudget("paid-day", -1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(log_.events.empty());
}

TEST_F(OperatorDeskTest, BehindALostTailTheFoldGoesOn) {
  EXPECT_THAT(Pause(kPaid), testing::IsOk());
  log_.events.clear();
  desk_->BeginAt(0);
  EXPECT_THAT(desk_->Checkpoint(), testing::IsOk());
  EXPECT_THAT(Pause({SwitchKind::kAll, ""}), testing::IsOk());
  Open();
  EXPECT_EQ(desk_->Paused().size(), 2u);
}

}  // namespace
}  // namespace fulcrum::apps
