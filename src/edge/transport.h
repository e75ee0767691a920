// gRPC's asynchronous server with one completion queue and one polling thread. Call objects are
// recycled with their arena, so that a steady load allocates nothing here (docs/adr/0005).
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace fulcrum::edge {

// A tag of the completion queue.
class Tag {
 public:
  virtual ~Tag() = default;
  virtual void OnEvent(bool ok) = 0;
};

// One recyclable unary call. The completion queue's thread owns it while it waits for a request and
// after the reply was sent; in between it belongs to whoever will call Finish, exactly once, from
// any thread.
template <typename Service, typename Request, typename Response>
class RpcCall final : public Tag {
 public:
  using Responder = grpc::ServerAsyncResponseWriter<Response>;
  using Accept = void (Service::*)(grpc::ServerContext*, Request*, Responder*,
                                   grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*);
  // Everything that calls of one method share. Outlives them.
  struct Method {
    Service* service = nullptr;
    grpc::ServerCompletionQueue* queue = nullptr;
    Accept accept = nullptr;
    std::function<void(RpcCall*)> handle;               // runs on the queue's thread
    std::function<void(const RpcCall&, int)> finished;  // for metrics: gRPC code
    std::atomic<int> waiting{0};                        // calls ready to take a request
    std::atomic<int> in_flight{0};
    std::atomic<bool> draining{false};
    std::atomic<bool> posting{false};  // by the queue's thread
    int waiting_min = 1;

    // No call is posted after this. gRPC may lose a call that is posted while its server shuts
    // down, and the queue would never end.
    void Drain() {
      draining = true;
      while (posting.load()) std::this_thread::yield();
    }
  };

  static void Post(Method* method) { (new RpcCall(method))->Await(); }

  const Request& request() const { return *request_; }
  Response& response() { return *response_; }
  const grpc::ServerContext& context() const { return *context_; }
  base::SteadyTime received() const { return received_; }

  void Finish(const grpc::Status& status) {
    code_ = status.error_code();
    if (status.ok()) {
      responder_->Finish(*response_, status, this);
    } else {
      responder_->FinishWithError(status, this);
    }
  }

  void OnEvent(bool ok) override {
    if (answering_) return Recycle();
    method_->waiting.fetch_sub(1, std::memory_order_relaxed);
    if (!ok) {  // shutting down
      delete this;
      return;
    }
    received_ = std::chrono::steady_clock::now();
    method_->in_flight.fetch_add(1, std::memory_order_relaxed);
    if (method_->waiting.load(std::memory_order_relaxed) < method_->waiting_min) {
      const Gate gate(method_);
      if (gate.open()) Post(method_);
    }
    answering_ = true;
    method_->handle(this);
  }

 private:
  // While it is open, Drain() waits.
  class Gate {
   public:
    explicit Gate(Method* method) : method_(method) { method_->posting = true; }
    ~Gate() { method_->posting = false; }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    bool open() const { return !method_->draining.load(); }

   private:
    Method* const method_;
  };

  static constexpr size_t kArenaBlockBytes = 16 << 10;  // a request with 100 context values fits

  explicit RpcCall(Method* method)
      : method_(method), block_(std::make_unique<char[]>(kArenaBlockBytes)), arena_(Options()) {}

  google::protobuf::ArenaOptions Options() const {
    google::protobuf::ArenaOptions options;
    options.initial_block = block_.get();
    options.initial_block_size = kArenaBlockBytes;
    return options;
  }

  void Await() {
    answering_ = false;
    context_.emplace();
    responder_.emplace(&*context_);
    request_ = google::protobuf::Arena::CreateMessage<Request>(&arena_);
    response_ = google::protobuf::Arena::CreateMessage<Response>(&arena_);
    method_->waiting.fetch_add(1, std::memory_order_relaxed);
    (method_->service->*method_->accept)(&*context_, request_, &*responder_, method_->queue,
                                         method_->queue, this);
  }

  void Recycle() {
    method_->finished(*this, code_);
    method_->in_flight.fetch_sub(1, std::memory_order_relaxed);
    // The queue's thread alone comes here, so that the two limits need no lock.
    const Gate gate(method_);
    if (!gate.open() ||
        method_->waiting.load(std::memory_order_relaxed) >= 2 * method_->waiting_min) {
      delete this;
      return;
    }
    responder_.reset();
    context_.reset();
    arena_.Reset();
    Await();
  }

  Method* const method_;
  const std::unique_ptr<char[]> block_;
  google::protobuf::Arena arena_;
  std::optional<grpc::ServerContext> context_;
  std::optional<Responder> responder_;
  Request* request_ = nullptr;
  Response* response_ = nullptr;
  base::SteadyTime received_;
  int code_ = 0;
  bool answering_ = false;
};

}  // namespace fulcrum::edge
