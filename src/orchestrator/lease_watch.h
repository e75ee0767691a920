// Stands before the lease store and tells of every change of a lease once it is durable, and before
// the answer lets anything be spent from it.
//
// Thread-safe. After its destruction, changes are told to nobody; the store may outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "leases/lease_store.h"

namespace fulcrum::orchestrator {

struct LeaseChange {
  leases::BudgetKey budget;
  int64_t amount = 0;   // granted if above 0, given back if below; never 0
  int64_t charged = 0;  // of the budget after this
};

class LeaseWatch final : public leases::LeaseStore {
 public:
  // `on_change`: one call at a time, from a thread of the store's or of a caller's.
  LeaseWatch(std::shared_ptr<leases::LeaseStore> store,
             std::function<void(const LeaseChange&)> on_change);
  ~LeaseWatch() override;

  void Register(leases::RegisterRequest request, leases::LeaseDone done) override;
  void Acquire(leases::AcquireRequest request, leases::LeaseDone done) override;
  void Report(leases::ReportRequest request, leases::LeaseDone done) override;
  void Renew(leases::RenewRequest request, leases::LeaseDone done) override;
  void Release(leases::ReleaseRequest request, leases::LeaseDone done) override;
  void Expire(leases::ExpireRequest request, leases::LeaseDone done) override;
  void Reconcile(leases::ReconcileRequest request, leases::LeaseDone done) override;
  void CloseWindows(leases::CloseWindowsRequest request, leases::LeaseDone done) override;

  // Waits for the answer to the latest Register, which its caller has by then.
  absl::StatusOr<leases::LeaseReply> WaitForRegistration();

 private:
  // What answers that are under way need.
  struct Desk {
    base::Mutex telling;
    std::function<void(const LeaseChange&)> on_change ABSL_GUARDED_BY(telling);
    base::Mutex mutex;
    base::CondVar answered;
    std::optional<absl::StatusOr<leases::LeaseReply>> registration ABSL_GUARDED_BY(mutex);

    void Tell(const LeaseChange& change);
    void TellReturned(const leases::LeaseReply& reply);
  };

  const std::shared_ptr<leases::LeaseStore> store_;
  const std::shared_ptr<Desk> desk_ = std::make_shared<Desk>();
};

}  // namespace fulcrum::orchestrator
