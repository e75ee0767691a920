// A lease store whose calls and answers wait until a test lets them go, in the order it likes.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "leases/lease_book.h"
#include "leases/lease_store.h"
#include "tests/leases/simulation_parts.h"

namespace fulcrum::leases::testing {

class KeptCalls final : public Wire {
 public:
  struct Call {
    LeaseRequest request;
    LeaseDone done;
    std::optional<LeaseReply> reply;  // once it has arrived
  };

  KeptCalls(BookOptions options, const base::Clock* clock)
      : Wire([this](LeaseRequest request, LeaseDone done) {
          Keep(std::move(request), std::move(done));
        }),
        clock_(clock),
        book_(std::move(options)) {}

  LeaseBook& book() { return book_; }
  size_t kept() const { return calls_.size(); }
  template <typename Request>
  size_t Count() const {
    return static_cast<size_t>(
        std::count_if(calls_.begin(), calls_.end(), [](const std::shared_ptr<Call>& call) {
          return std::holds_alternative<Request>(call->request);
        }));
  }
  // Takes out the oldest of its kind, which the test answers, or loses.
  template <typename Request>
  std::shared_ptr<Call> Take() {
    const auto found =
        std::find_if(calls_.begin(), calls_.end(), [](const std::shared_ptr<Call>& call) {
          return std::holds_alternative<Request>(call->request);
        });
    if (found == calls_.end()) return nullptr;
    std::shared_ptr<Call> call = *found;
    calls_.erase(found);
    return call;
  }

  void Arrive(Call* call) { call->reply = book_.Apply(call->request, clock_->SteadyNow()); }
  static void Answer(Call* call) { std::move(call->done)(*call->reply); }
  static void Fail(Call* call, const absl::Status& error) { std::move(call->done)(error); }
  // Lets everything through, also what is said in reply.
  void PassAll() {
    while (!calls_.empty()) {
      const std::shared_ptr<Call> call = calls_.front();
      calls_.pop_front();
      Arrive(call.get());
      Answer(call.get());
    }
  }

 private:
  void Keep(LeaseRequest request, LeaseDone done) {
    calls_.push_back(std::make_shared<Call>(Call{std::move(request), std::move(done), {}}));
  }

  const base::Clock* const clock_;
  LeaseBook book_;
  std::deque<std::shared_ptr<Call>> calls_;
};

}  // namespace fulcrum::leases::testing
