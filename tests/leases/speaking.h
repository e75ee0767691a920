// Speaking to a lease store by hand.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "leases/lease_store.h"

namespace fulcrum::leases::testing {

// Waits for a call's one answer.
class Answer {
 public:
  LeaseDone Taker() {
    return [this](absl::StatusOr<LeaseReply> reply) {
      base::MutexLock lock(&mutex_);
      reply_ = std::move(reply);
      arrived_.NotifyAll();
    };
  }
  absl::StatusOr<LeaseReply> Wait() {
    base::MutexLock lock(&mutex_);
    while (!reply_) arrived_.Wait(&mutex_);
    return *reply_;
  }

 private:
  base::Mutex mutex_;
  base::CondVar arrived_;
  std::optional<absl::StatusOr<LeaseReply>> reply_;
};

// A replica that says what it is told to, and remembers what it has to repeat.
class Speaking {
 public:
  Speaking(std::string replica, uint64_t incarnation) {
    caller_.replica = std::move(replica);
    caller_.incarnation = incarnation;
  }

  Caller& caller() { return caller_; }

  RegisterRequest Registering(uint64_t number, std::vector<Statement> statements = {}) {
    caller_.registration = number;
    return {caller_, number, std::move(statements)};
  }
  RegisterRequest Registering(uint64_t number, std::vector<Statement> statements, Proof proof,
                              uint64_t log_end = 0) {
    caller_.log_end = log_end;
    RegisterRequest request = Registering(number, std::move(statements));
    request.proof = proof;
    return request;
  }
  AcquireRequest Acquiring(const BudgetKey& budget, uint64_t number, const Limit& limit,
                           int64_t want = 1000) const {
    return {caller_, budget, number, limit, want, /*at_least=*/10, /*largest=*/10};
  }
  template <typename Request>
  Request Of(const BudgetKey& budget, uint64_t number, int64_t spent) const {
    return Request{{caller_, budget, number, spent}};
  }

 private:
  Caller caller_;
};

}  // namespace fulcrum::leases::testing
