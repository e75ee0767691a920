// The lease store's directory after a power loss at any operation: it opens, and its books are
// those after the last call that was answered, or after the one that was under way.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "leases/rocksdb_lease_store.h"
#include "tests/leases/speaking.h"
#include "tests/support/environment.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::leases::testing {
namespace {

using ::fulcrum::testing::FaultyFileSystem;
using ::fulcrum::testing::FromEnvironment;
using ::fulcrum::testing::SimulatedClock;
using ::fulcrum::testing::TemporaryDirectory;

constexpr int kCalls = 200;

class PowerLossOfTheLeaseStore : public ::testing::Test {
 protected:
  RocksDbLeaseStoreOptions Options(base::FileSystem* files, const std::string& directory) {
    RocksDbLeaseStoreOptions options;
    options.directory = directory;
    options.files = files;
    options.clock = &clock_;
    options.book.members = {"a"};
    return options;
  }

  template <typename Call>
  LeaseReply Ask(Call call) {
    Answer answer;
    call(answer.Taker());
    const auto reply = answer.Wait();
    EXPECT_THAT(reply, fulcrum::testing::IsOk());
    return reply.ok() ? *reply : LeaseReply();
  }

  // Acquires and releases in turn, takes credit down, and registers now and then with a log that
  // has lost its end; what the books said after each answer, and when it came.
  void RunAndRecord(FaultyFileSystem* files, const std::string& directory) {
    files->Record(true);
    auto opened = RocksDbLeaseStore::Open(Options(files, directory));
    FULCRUM_ASSERT_OK(opened);
    RocksDbLeaseStore* const store = opened->get();
    Speaking a("a", 1);
    a.caller().epoch = store->epoch();
    Ask([&](LeaseDone done) { store->Register(a.Registering(1), std::move(done)); });
    for (uint64_t number = 2; number < 2 + kCalls; ++number) {
      Note(*files, store);
      AcquireRequest acquire = a.Acquiring(key_, number, {1'000'000, 1}, 100);
      acquire.credit = number % 5;
      Ask([&](LeaseDone done) { store->Acquire(acquire, std::move(done)); });
      if (number % 3 == 0) continue;  // some stay
      Note(*files, store);
      Ask([&](LeaseDone done) {
        store->Release(a.Of<ReleaseRequest>(key_, number, 40), std::move(done));
      });
      if (number % 10 != 0) continue;
      Note(*files, store);
      a.caller().incarnation += 1;
      const int64_t proven = store->View(key_)->settled;
      Ask([&](LeaseDone done) {
        RegisterRequest request = a.Registering(1, {{key_, proven, {}}}, Proof::kPart, number);
        store->Register(std::move(request), std::move(done));
      });
    }
    EXPECT_GT(store->View(key_)->written_off, 0);
    Note(*files, store);
    files->Record(false);
  }
  void Note(const FaultyFileSystem& files, RocksDbLeaseStore* store) {
    answered_at_.push_back(files.operations());
    views_.push_back(store->View(key_).value_or(BudgetView()));
  }

  SimulatedClock clock_;
  const BudgetKey key_{"row", 0};
  std::vector<size_t> answered_at_;
  std::vector<BudgetView> views_;
};

TEST_F(PowerLossOfTheLeaseStore, ForgetsNothingThatWasAnswered) {
  FaultyFileSystem files;
  TemporaryDirectory home;
  const std::string from = home.path() + "/leases";
  RunAndRecord(&files, from);
  const int states = FromEnvironment("FULCRUM_LEASE_POWER_STATES", 40);
  base::RandomStream random(5);
  int64_t lost = 0;
  for (int state = 0; state < states; ++state) {
    const size_t first = answered_at_.front();
    const size_t cut =
        first + random.NextBelow(static_cast<uint32_t>(answered_at_.back() - first + 1));
    SCOPED_TRACE(absl::StrCat("power lost after operation ", cut));
    TemporaryDirectory other;
    const std::string to = other.path() + "/leases";
    lost += files.LosePower(cut, random.Next64(), from, to).sectors_lost;
    const auto opened = RocksDbLeaseStore::Open(Options(base::PosixFileSystem(), to));
    FULCRUM_ASSERT_OK(opened) << "refused to open";
    const BudgetView found = (*opened)->View(key_).value_or(BudgetView());
    const auto answered =
        std::upper_bound(answered_at_.begin(), answered_at_.end(), cut) - answered_at_.begin() - 1;
    const auto is = [&](const BudgetView& view) {
      return view.settled == found.settled && view.written_off == found.written_off &&
             view.outstanding == found.outstanding;
    };
    const bool next_known = static_cast<size_t>(answered) + 1 < views_.size();
    EXPECT_TRUE(is(views_[static_cast<size_t>(answered)]) ||
                (next_known && is(views_[static_cast<size_t>(answered) + 1])))
        << "settled " << found.settled << ", written off " << found.written_off << ", outstanding "
        << found.outstanding;
  }
  EXPECT_GT(lost, 0) << "no state lost anything";
}

}  // namespace
}  // namespace fulcrum::leases::testing
