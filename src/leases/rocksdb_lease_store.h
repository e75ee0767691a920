// The durable lease store: a LeaseBook whose every change is synced to RocksDB before it is
// answered. One process owns the directory.
//
// One thread works off the calls; what has come in while it synced shares the next sync, and
// callbacks run on that thread. After a failed write every call is answered with the same error
// until the directory is opened again: nobody knows what the disk has. The destructor answers all
// that was asked.
//
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "leases/lease_book.h"
#include "leases/lease_store.h"

namespace fulcrum::store {
class Store;
class SyncedMark;
}  // namespace fulcrum::store

namespace fulcrum::leases {

struct RocksDbLeaseStoreOptions {
  std::string directory;  // made if absent
  base::FileSystem* files = nullptr;
  const base::Clock* clock = nullptr;
  BookOptions book;
  // The directory may have forgotten something, say it was restored from a backup: accept that, and
  // begin an epoch. Its number is the wall clock's microseconds, so that no former one had it.
  bool may_have_forgotten = false;
};

class RocksDbLeaseStore final : public LeaseStore {
 public:
  // FAILED_PRECONDITION: written in another format, or open already.
  // DATA_LOSS: damaged, or something that was synced is missing, and `may_have_forgotten` is off.
  static absl::StatusOr<std::unique_ptr<RocksDbLeaseStore>> Open(
      const RocksDbLeaseStoreOptions& options);
  ~RocksDbLeaseStore() override;

  void Register(RegisterRequest request, LeaseDone done) override;
  void Acquire(AcquireRequest request, LeaseDone done) override;
  void Report(ReportRequest request, LeaseDone done) override;
  void Renew(RenewRequest request, LeaseDone done) override;
  void Release(ReleaseRequest request, LeaseDone done) override;
  void Expire(ExpireRequest request, LeaseDone done) override;
  void Reconcile(ReconcileRequest request, LeaseDone done) override;
  void CloseWindows(CloseWindowsRequest request, LeaseDone done) override;

  std::optional<BudgetView> View(const BudgetKey& budget) const;
  Charges ChargesTo(const std::string& replica) const;
  uint64_t epoch() const;

  // The same of a directory, maybe while its owner writes to it. NOT_FOUND if there is none.
  static absl::StatusOr<Charges> ReadCharges(base::FileSystem* files, const std::string& directory,
                                             const std::string& replica);

 private:
  struct Call {
    LeaseRequest request;
    LeaseDone done;
  };

  RocksDbLeaseStore(const RocksDbLeaseStoreOptions& options, std::unique_ptr<store::Store> store,
                    std::unique_ptr<store::SyncedMark> mark);

  absl::Status Load();
  void Enqueue(LeaseRequest request, LeaseDone done);
  void Work();  // the thread's loop
  void Answer(std::vector<Call> calls);
  absl::Status WriteChanges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(book_mutex_);

  const base::Clock* const clock_;
  const std::unique_ptr<store::Store> store_;

  mutable base::Mutex book_mutex_;  // held while the disk syncs: only the thread is in a hurry
  LeaseBook book_ ABSL_GUARDED_BY(book_mutex_);
  absl::Status health_ ABSL_GUARDED_BY(book_mutex_);
  const std::unique_ptr<store::SyncedMark> mark_ ABSL_PT_GUARDED_BY(book_mutex_);

  base::Mutex queue_mutex_;
  base::CondVar queue_changed_;
  std::vector<Call> queue_ ABSL_GUARDED_BY(queue_mutex_);
  bool stopped_ ABSL_GUARDED_BY(queue_mutex_) = false;
  std::thread thread_;
};

}  // namespace fulcrum::leases
