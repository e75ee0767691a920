// A lease store that forgets everything with the process: for one process, tests, and as the
// plainest reading of lease_store.h. Thread-safe; answers before a call returns.
#pragma once

#include "base/clock.h"
#include "base/mutex.h"
#include "leases/lease_book.h"
#include "leases/lease_store.h"

namespace fulcrum::leases {

class MemoryLeaseStore final : public LeaseStore {
 public:
  // `clock` outlives the store.
  MemoryLeaseStore(BookOptions options, const base::Clock* clock)
      : clock_(clock), options_(std::move(options)), book_(options_) {}

  void Register(RegisterRequest request, LeaseDone done) override { Run(request, &done); }
  void Acquire(AcquireRequest request, LeaseDone done) override { Run(request, &done); }
  void Report(ReportRequest request, LeaseDone done) override { Run(request, &done); }
  void Renew(RenewRequest request, LeaseDone done) override { Run(request, &done); }
  void Release(ReleaseRequest request, LeaseDone done) override { Run(request, &done); }
  void Expire(ExpireRequest request, LeaseDone done) override { Run(request, &done); }
  void Reconcile(ReconcileRequest request, LeaseDone done) override { Run(request, &done); }
  void CloseWindows(CloseWindowsRequest request, LeaseDone done) override { Run(request, &done); }

  void BeginEpoch(uint64_t epoch) {
    base::MutexLock lock(&mutex_);
    book_.BeginEpoch(epoch, clock_->SteadyNow());
  }
  // As a durable store that is opened again: the books stay, the times of leases begin anew.
  void Restart() {
    base::MutexLock lock(&mutex_);
    LeaseBook next(options_);
    next.Load(book_.epoch(), book_.closed_before_us(), book_.budgets(), book_.replicas(),
              clock_->SteadyNow());
    book_ = std::move(next);
  }
  std::optional<BudgetView> View(const BudgetKey& budget) const {
    base::MutexLock lock(&mutex_);
    return book_.View(budget);
  }

 private:
  void Run(const LeaseRequest& request, LeaseDone* done) {
    LeaseReply reply;
    {
      base::MutexLock lock(&mutex_);
      reply = book_.Apply(request, clock_->SteadyNow());
      book_.TakeChanges();
    }
    std::move (*done)(std::move(reply));
  }

  const base::Clock* const clock_;
  const BookOptions options_;
  mutable base::Mutex mutex_;
  LeaseBook book_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fulcrum::leases
