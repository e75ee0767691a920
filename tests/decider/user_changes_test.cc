// Merges and purges from the caller to the ledger, and a crash between any two steps.
#include "decider/user_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/memory_user_data.h"
#include "tests/decider/decider_fixture.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::decider {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using orchestrator::testing::BundleBuilder;
using orchestrator::testing::LedgerHome;
using ::testing::IsEmpty;

// Both crash the process at a step of their choice: what comes later fails, too.
class Steps {
 public:
  void CrashAt(int step) { left_ = step; }
  bool crashed() const { return left_ == 0; }
  absl::Status Take() {
    if (left_ > 0) --left_;
    return crashed() ? absl::AbortedError("crashed") : absl::OkStatus();
  }
  void Restart() { left_ = -1; }

 private:
  int left_ = -1;
};

class CrashingUsers final : public domain::UserData {
 public:
  CrashingUsers(domain::UserData* users, Steps* steps) : users_(users), steps_(steps) {}

  absl::StatusOr<UserRef> EnsureUserRef(std::string_view user_id, absl::Time now) override {
    if (absl::Status taken = steps_->Take(); !taken.ok()) return taken;
    return users_->EnsureUserRef(user_id, now);
  }
  absl::Status Merge(std::string_view from_id, std::string_view into_id, absl::Time now) override {
    const absl::Status taken = steps_->Take();
    return taken.ok() ? users_->Merge(from_id, into_id, now) : taken;
  }
  absl::Status Purge(std::string_view user_id) override {
    const absl::Status taken = steps_->Take();
    return taken.ok() ? users_->Purge(user_id) : taken;
  }
  absl::StatusOr<std::vector<UserRef>> PurgedRefs() override {
    if (absl::Status taken = steps_->Take(); !taken.ok()) return taken;
    return users_->PurgedRefs();
  }
  absl::Status ForgetPurged(const UserRef& user_ref) override {
    const absl::Status taken = steps_->Take();
    return taken.ok() ? users_->ForgetPurged(user_ref) : taken;
  }

 private:
  domain::UserData* const users_;
  Steps* const steps_;
};

// A ledger, its log, and users; all but what is in memory outlives a crash.
class UserChangesTest : public ::testing::Test {
 protected:
  UserChangesTest() {
    BundleBuilder builder;
    builder.Campaign("c").Cap("c.user", config::Window::kTotal, 3).Action("a", 0);
    bundle_ = builder.Build();
    Restart();
  }
  void Restart() {
    steps_.Restart();
    changes_.reset();
    if (log_ != nullptr) {
      for (LogEvent& event : log_->Take()) home_.log().push_back(std::move(event));
    }
    ledger_.reset();
    ledger_ = home_.Start(bundle_);
    log_ = std::make_unique<Log>(this);
    UserChangesParts parts;
    parts.users = &crashing_;
    parts.log = log_.get();
    parts.join = [this](const UserRef& from, const UserRef& into, absl::Time now) {
      ledger_->Join(from, into, now);
    };
    parts.now = [this] { return home_.now(); };
    changes_ = std::make_unique<UserChanges>(std::move(parts));
  }
  UserRef RefOf(std::string_view user_id) {
    return users_.EnsureUserRef(user_id, home_.now()).value();
  }
  bool Spend(std::string_view user_id) {
    const UserRef ref = RefOf(user_id);
    const size_t drawn[] = {0};
    auto hold = ledger_->Acquire({0}, 1, ref, home_.now(), domain::Wait::kMayWait);
    EXPECT_THAT(hold, IsOk());
    if (!hold.ok() || !hold->secured()[0]) return false;
    DecisionRecord record = orchestrator::testing::RecordOf(hold->Keep(drawn), ref, home_.now());
    hold->Detach();
    EXPECT_THAT(log_->Append(std::move(record), std::nullopt, [](const absl::StatusOr<Lsn>&) {}),
                IsOk());
    return true;
  }
  int64_t Spent(const UserRef& ref) { return ledger_->UserStatus(ref, home_.now())[0].spent; }

  // The log that a crash cuts off: what was appended before it stays.
  class Log final : public domain::DecisionSink {
   public:
    explicit Log(UserChangesTest* test) : test_(test) {}
    absl::Status Append(LogEvent event, std::optional<FeatureSnapshot>,
                        domain::Logged done) override {
      const bool identity = std::holds_alternative<IdentityRecord>(event);
      if (identity && !test_->steps_.Take().ok()) return absl::AbortedError("crashed");
      events_.push_back(event);
      const Lsn lsn = test_->home_.log_last() + events_.size();
      test_->ledger_->OnLogged(lsn, event);
      // Written, and the process dies before it hears of it.
      if (identity && !test_->steps_.Take().ok()) {
        done(absl::AbortedError("crashed"));
      } else {
        done(lsn);
      }
      return absl::OkStatus();
    }
    std::vector<LogEvent> Take() { return std::exchange(events_, {}); }

   private:
    UserChangesTest* const test_;
    std::vector<LogEvent> events_;
  };

  uint8_t refs_ = 0;
  domain::MemoryUserData users_{[this](std::string_view) { return UserRef{++refs_}; }};
  Steps steps_;
  CrashingUsers crashing_{&users_, &steps_};
  LedgerHome home_;
  std::shared_ptr<config::Bundle> bundle_;
  std::unique_ptr<orchestrator::Ledger> ledger_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<UserChanges> changes_;
};

TEST_F(UserChangesTest, AMergeReachesTheLedger) {
  EXPECT_TRUE(Spend("a"));
  EXPECT_TRUE(Spend("b"));
  FULCRUM_ASSERT_OK(changes_->Merge("a", "b"));
  EXPECT_EQ(RefOf("a"), RefOf("b"));
  EXPECT_TRUE(Spend("a"));
  EXPECT_FALSE(Spend("a"));
  EXPECT_FALSE(Spend("b"));
  const size_t records = log_->Take().size();
  FULCRUM_ASSERT_OK(changes_->Merge("b", "a"));
  EXPECT_THAT(log_->Take(), IsEmpty()) << "they are one already, after " << records << " records";
  EXPECT_THAT(changes_->Merge("", "a"), StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
}

TEST_F(UserChangesTest, APurgeReachesTheLedger) {
  EXPECT_TRUE(Spend("a"));
  EXPECT_TRUE(Spend("b"));
  const UserRef a = RefOf("a");
  FULCRUM_ASSERT_OK(changes_->Merge("b", "a"));
  FULCRUM_ASSERT_OK(changes_->Purge("b"));
  EXPECT_EQ(Spent(a), 0);
  for (const char* id : {"a", "b"}) {
    EXPECT_NE(RefOf(id), a) << id;
    EXPECT_EQ(Spent(RefOf(id)), 0) << id;
  }
  EXPECT_THAT(users_.PurgedRefs().value(), IsEmpty());
}

// At every step, and twice at the same: never more room than the two had left together, and the
// repeated call ends it.
TEST_F(UserChangesTest, ACrashWithinAMergeGivesNoRoom) {
  int crashes = 0;
  for (int step = 1;; ++step) {
    SCOPED_TRACE(absl::StrCat("crash at step ", step));
    const std::string from = absl::StrCat("from", step), into = absl::StrCat("into", step);
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(Spend(from));
    EXPECT_TRUE(Spend(into));
    steps_.CrashAt(step);
    const absl::Status merged = changes_->Merge(from, into);
    if (merged.ok()) break;
    EXPECT_TRUE(steps_.crashed());
    ++crashes;
    Restart();
    // As long as nobody knows of it they are two; once the log does, they are one.
    const bool known = Spent(RefOf(into)) == 3;
    EXPECT_EQ(Spent(RefOf(from)), known ? 3 : 2);
    FULCRUM_ASSERT_OK(changes_->Merge(from, into));
    Restart();
    EXPECT_EQ(RefOf(from), RefOf(into));
    EXPECT_EQ(Spent(RefOf(into)), 3);
    EXPECT_FALSE(Spend(from));
    EXPECT_FALSE(Spend(into));
  }
  EXPECT_EQ(crashes, 5);  // two references, the log before and after its write, the merge
}

// Once the salt is gone it is gone, and what the start tells frees the counters.
TEST_F(UserChangesTest, ACrashWithinAPurgeIsMadeGoodByTheNextStart) {
  int crashes = 0;
  for (int step = 1;; ++step) {
    SCOPED_TRACE(absl::StrCat("crash at step ", step));
    const std::string id = absl::StrCat("user", step);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(Spend(id));
    const UserRef ref = RefOf(id);
    steps_.CrashAt(step);
    const absl::Status purged = changes_->Purge(id);
    if (purged.ok()) break;
    EXPECT_TRUE(steps_.crashed());
    ++crashes;
    const bool erased = !users_.FindUserRef(id).has_value();
    EXPECT_EQ(erased, step > 1);
    Restart();
    FULCRUM_ASSERT_OK(changes_->TellPurges());
    EXPECT_EQ(Spent(ref), erased ? 0 : 3);
    EXPECT_THAT(users_.PurgedRefs().value(), IsEmpty());
    Restart();
    EXPECT_EQ(Spent(ref), erased ? 0 : 3);
    FULCRUM_ASSERT_OK(changes_->Purge(id));
    EXPECT_EQ(Spent(ref), 0);
    EXPECT_NE(RefOf(id), ref);
  }
  EXPECT_EQ(crashes, 5);  // the purge, what to tell, the log before and after its write, the note
}

}  // namespace
}  // namespace fulcrum::decider
