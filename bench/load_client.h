// The client of the benches that go over gRPC: one window of calls, one after the other or many at
// once, and how late the machine itself was meanwhile. One thread per object.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "fulcrum/v1/decision_service.grpc.pb.h"

namespace fulcrum::bench {

// The q-quantile of `values`, which must not be empty.
inline double Quantile(std::vector<double>& values, double q) {
  FULCRUM_CHECK(!values.empty());
  const auto rank = static_cast<size_t>(q * static_cast<double>(values.size() - 1));
  const auto place = values.begin() + static_cast<ptrdiff_t>(rank);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

// How late a thread wakes that sleeps for a millisecond: what the machine adds to any tail. Counts
// from construction to Stop.
class MachineLag {
 public:
  MachineLag() : thread_([this] { Run(); }) {}
  // Microseconds late, one value per wake.
  std::vector<double> Stop() {
    stopping_.store(true);
    thread_.join();
    return std::move(late_us_);
  }

 private:
  void Run() {
    while (!stopping_.load(std::memory_order_relaxed)) {
      const auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
      std::this_thread::sleep_until(due);
      const std::chrono::duration<double, std::micro> late = std::chrono::steady_clock::now() - due;
      late_us_.push_back(late.count());
    }
  }

  std::atomic<bool> stopping_{false};
  std::vector<double> late_us_;
  std::thread thread_;
};

// What one window found. Throughput windows leave the percentiles at zero.
struct Window {
  double p50_us = 0;
  double p99_us = 0;
  double per_second = 0;
};

class LoadClient {
 public:
  using Check = std::function<void(const v1::DecideResponse&)>;

  // `requests` are sent in turn; `check` sees every response.
  LoadClient(int port, const std::vector<v1::DecideRequest>* requests, Check check)
      : requests_(*requests), check_(std::move(check)) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    const auto channel = grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                                   grpc::InsecureChannelCredentials(), arguments);
    FULCRUM_CHECK(
        channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10)));
    stub_ = v1::DecisionService::NewStub(channel);
  }

  // Every request once: caches warm up, users become known.
  void SendAll() {
    for (size_t i = 0; i < requests_.size(); ++i) CallOnce();
  }

  // One call after the other.
  Window Sequential(std::chrono::nanoseconds length) {
    std::vector<double> times_us;
    const auto start = std::chrono::steady_clock::now();
    auto now = start;
    do {
      const auto before = now;
      CallOnce();
      now = std::chrono::steady_clock::now();
      times_us.push_back(std::chrono::duration<double, std::micro>(now - before).count());
    } while (now - start < length);
    Window window;
    window.per_second =
        static_cast<double>(times_us.size()) / std::chrono::duration<double>(now - start).count();
    window.p50_us = Quantile(times_us, 0.5);
    window.p99_us = Quantile(times_us, 0.99);
    return window;
  }

  // `outstanding` calls at any time, from one thread.
  Window Throughput(size_t outstanding, std::chrono::nanoseconds length) {
    grpc::CompletionQueue queue;
    std::vector<std::unique_ptr<Slot>> slots;
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < outstanding; ++i) {
      slots.push_back(std::make_unique<Slot>());
      Begin(slots.back().get(), &queue);
    }
    size_t answered = 0;
    size_t answered_in_time = 0;
    void* tag = nullptr;
    bool ok = false;
    size_t running = outstanding;
    while (running > 0 && queue.Next(&tag, &ok)) {
      Slot* slot = static_cast<Slot*>(tag);
      FULCRUM_CHECK(ok && slot->status.ok());
      check_(slot->response);
      ++answered;
      if (std::chrono::steady_clock::now() - start < length) {
        answered_in_time = answered;
        Begin(slot, &queue);
      } else {
        --running;
      }
    }
    Window window;
    window.per_second =
        static_cast<double>(answered_in_time) / std::chrono::duration<double>(length).count();
    return window;
  }

 private:
  struct Slot {
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::DecideResponse>> reader;
    v1::DecideResponse response;
    grpc::Status status;
  };

  // Each under an id of its own: a repeat would get the stored answer.
  const v1::DecideRequest& NextRequest() {
    v1::DecideRequest& request = requests_[next_ % requests_.size()];
    request.set_request_id(absl::StrCat("bench-", next_++));
    return request;
  }
  static auto Deadline() { return std::chrono::system_clock::now() + std::chrono::seconds(5); }

  void CallOnce() {
    grpc::ClientContext context;
    context.set_deadline(Deadline());
    v1::DecideResponse response;
    FULCRUM_CHECK(stub_->Decide(&context, NextRequest(), &response).ok());
    check_(response);
  }

  void Begin(Slot* slot, grpc::CompletionQueue* queue) {
    slot->reader.reset();
    slot->context.emplace();
    slot->context->set_deadline(Deadline());
    slot->response.Clear();
    slot->reader = stub_->AsyncDecide(&*slot->context, NextRequest(), queue);
    slot->reader->Finish(&slot->response, &slot->status, slot);
  }

  std::vector<v1::DecideRequest> requests_;
  const Check check_;
  std::unique_ptr<v1::DecisionService::Stub> stub_;
  size_t next_ = 0;
};

}  // namespace fulcrum::bench
