#include "orchestrator/lease_watch.h"

#include <utility>

namespace fulcrum::orchestrator {

using leases::LeaseDone;
using leases::LeaseReply;
using leases::Outcome;

void LeaseWatch::Desk::Tell(const LeaseChange& change) {
  base::MutexLock lock(&telling);
  if (on_change && change.amount != 0) on_change(change);
}

void LeaseWatch::Desk::TellReturned(const LeaseReply& reply) {
  for (const leases::Settlement& settlement : reply.settlements) {
    Tell({settlement.budget, -settlement.returned, settlement.charged});
  }
}

LeaseWatch::LeaseWatch(std::shared_ptr<leases::LeaseStore> store,
                       std::function<void(const LeaseChange&)> on_change)
    : store_(std::move(store)) {
  base::MutexLock lock(&desk_->telling);
  desk_->on_change = std::move(on_change);
}

LeaseWatch::~LeaseWatch() {
  base::MutexLock lock(&desk_->telling);
  desk_->on_change = nullptr;
}

void LeaseWatch::Register(leases::RegisterRequest request, LeaseDone done) {
  {
    base::MutexLock lock(&desk_->mutex);
    desk_->registration.reset();
  }
  store_->Register(std::move(request), [desk = desk_, done = std::move(done)](
                                           absl::StatusOr<LeaseReply> reply) mutable {
    if (reply.ok()) desk->TellReturned(*reply);
    std::move(done)(reply);
    base::MutexLock lock(&desk->mutex);
    desk->registration = std::move(reply);
    desk->answered.NotifyAll();
  });
}

absl::StatusOr<LeaseReply> LeaseWatch::WaitForRegistration() {
  base::MutexLock lock(&desk_->mutex);
  while (!desk_->registration) desk_->answered.Wait(&desk_->mutex);
  return *desk_->registration;
}

void LeaseWatch::Acquire(leases::AcquireRequest request, LeaseDone done) {
  const leases::BudgetKey budget = request.budget;
  const int64_t credit = request.credit;
  store_->Acquire(std::move(request), [desk = desk_, budget, credit, done = std::move(done)](
                                          absl::StatusOr<LeaseReply> reply) mutable {
    // An answer that is repeated is told again.
    const bool taken_down =
        reply.ok() && (reply->outcome == Outcome::kDone || reply->outcome == Outcome::kNothingLeft);
    if (taken_down) desk->Tell({budget, reply->granted - credit, reply->charged});
    std::move(done)(std::move(reply));
  });
}

void LeaseWatch::Release(leases::ReleaseRequest request, LeaseDone done) {
  store_->Release(std::move(request),
                  [desk = desk_, done = std::move(done)](absl::StatusOr<LeaseReply> reply) mutable {
                    if (reply.ok()) desk->TellReturned(*reply);
                    std::move(done)(std::move(reply));
                  });
}

void LeaseWatch::Report(leases::ReportRequest request, LeaseDone done) {
  store_->Report(std::move(request), std::move(done));
}

void LeaseWatch::Renew(leases::RenewRequest request, LeaseDone done) {
  store_->Renew(std::move(request), std::move(done));
}

void LeaseWatch::Expire(leases::ExpireRequest request, LeaseDone done) {
  store_->Expire(request, std::move(done));
}

void LeaseWatch::Reconcile(leases::ReconcileRequest request, LeaseDone done) {
  store_->Reconcile(std::move(request), std::move(done));
}

void LeaseWatch::CloseWindows(leases::CloseWindowsRequest request, LeaseDone done) {
  store_->CloseWindows(request, std::move(done));
}

}  // namespace fulcrum::orchestrator
