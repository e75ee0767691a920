// A bare gRPC server of Fulcrum's messages: it parses the request, answers a fixed response and
// does nothing else. What Decide costs beyond it is ours. Runs as a process of its own: a bench
// starts itself again with --echo (MaybeRunEcho, EchoProcess).
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "apps/child_process.h"
#include "base/check.h"
#include "base/file.h"
#include "base/mutex.h"
#include "edge/transport.h"
#include "fulcrum/v1/decision_service.grpc.pb.h"

namespace fulcrum::bench {

enum class EchoKind {
  kQueue,     // one completion queue, one thread, recycled calls and arenas: what the edge uses
  kCallback,  // gRPC's callback API as it comes
  kCallbackArena,  // the same with recycled arenas
};

inline const char* NameOf(EchoKind kind) {
  switch (kind) {
    case EchoKind::kQueue:
      return "queue";
    case EchoKind::kCallback:
      return "callback";
    case EchoKind::kCallbackArena:
      return "callback_arena";
  }
  return "";
}

// The settings of src/edge/server.cc.
inline void SetUp(grpc::ServerBuilder* builder, int* port) {
  builder->AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), port);
  builder->SetMaxReceiveMessageSize(64 << 10);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
}

inline void WriteReady(const std::string& path, int port) {
  FULCRUM_CHECK(
      base::WriteFileAtomically(base::PosixFileSystem(), path, absl::StrCat(port, "\n")).ok());
}

// Never returns: the parent kills the process.
[[noreturn]] inline void RunQueueEcho(const v1::DecideResponse& answer, const std::string& ready) {
  using Service = v1::DecisionService::AsyncService;
  using Call = edge::RpcCall<Service, v1::DecideRequest, v1::DecideResponse>;
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  SetUp(&builder, &port);
  builder.RegisterService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  FULCRUM_CHECK(server != nullptr);
  Call::Method method;
  method.service = &service;
  method.queue = queue.get();
  method.accept = &Service::RequestDecide;
  method.handle = [&answer](Call* call) {
    call->response() = answer;
    call->Finish(grpc::Status::OK);
  };
  method.finished = [](const Call&, int) {};
  method.waiting_min = 64;
  for (int i = 0; i < method.waiting_min; ++i) Call::Post(&method);
  WriteReady(ready, port);
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<edge::Tag*>(tag)->OnEvent(ok);
  _exit(0);
}

class CallbackEcho final : public v1::DecisionService::CallbackService {
 public:
  explicit CallbackEcho(const v1::DecideResponse& answer) : answer_(answer) {}
  grpc::ServerUnaryReactor* Decide(grpc::CallbackServerContext* context, const v1::DecideRequest*,
                                   v1::DecideResponse* response) override {
    *response = answer_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const v1::DecideResponse answer_;
};

// Recycles messages with their arena, as edge::RpcCall does. Thread-safe.
class RecycledMessages final
    : public grpc::MessageAllocator<v1::DecideRequest, v1::DecideResponse> {
 public:
  grpc::MessageHolder<v1::DecideRequest, v1::DecideResponse>* AllocateMessages() override {
    {
      const base::MutexLock lock(&mutex_);
      if (!free_.empty()) {
        Holder* holder = free_.back();
        free_.pop_back();
        return holder;
      }
    }
    return new Holder(this);
  }

 private:
  class Holder final : public grpc::MessageHolder<v1::DecideRequest, v1::DecideResponse> {
   public:
    explicit Holder(RecycledMessages* owner)
        : owner_(owner), block_(std::make_unique<char[]>(kBlockBytes)), arena_(Options()) {
      Make();
    }
    void Release() override {
      arena_.Reset();
      Make();
      const base::MutexLock lock(&owner_->mutex_);
      owner_->free_.push_back(this);
    }

   private:
    static constexpr size_t kBlockBytes = 16 << 10;
    google::protobuf::ArenaOptions Options() const {
      google::protobuf::ArenaOptions options;
      options.initial_block = block_.get();
      options.initial_block_size = kBlockBytes;
      return options;
    }
    void Make() {
      set_request(google::protobuf::Arena::CreateMessage<v1::DecideRequest>(&arena_));
      set_response(google::protobuf::Arena::CreateMessage<v1::DecideResponse>(&arena_));
    }

    RecycledMessages* const owner_;
    const std::unique_ptr<char[]> block_;
    google::protobuf::Arena arena_;
  };

  base::Mutex mutex_;
  std::vector<Holder*> free_ ABSL_GUARDED_BY(mutex_);
};

[[noreturn]] inline void RunCallbackEcho(const v1::DecideResponse& answer, const std::string& ready,
                                         bool recycled) {
  CallbackEcho service(answer);
  RecycledMessages messages;
  if (recycled) service.SetMessageAllocatorFor_Decide(&messages);
  grpc::ServerBuilder builder;
  int port = 0;
  SetUp(&builder, &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  FULCRUM_CHECK(server != nullptr);
  WriteReady(ready, port);
  server->Wait();
  _exit(0);
}

// To be called first in main: `bench --echo KIND READY_FILE ANSWER_FILE` serves and does not
// return.
inline void MaybeRunEcho(int argc, char** argv) {
  if (argc != 5 || std::string_view(argv[1]) != "--echo") return;
  const std::string kind = argv[2];
  v1::DecideResponse answer;
  std::ifstream file(argv[4], std::ios::binary);
  FULCRUM_CHECK(answer.ParseFromIstream(&file));
  if (kind == NameOf(EchoKind::kQueue)) RunQueueEcho(answer, argv[3]);
  RunCallbackEcho(answer, argv[3], kind == NameOf(EchoKind::kCallbackArena));
}

// The port that a child wrote into `ready` when it was.
inline int WaitUntilReady(apps::ChildProcess* child, const std::string& ready) {
  for (int i = 0; i < 30000; ++i) {
    if (std::filesystem::exists(ready)) {
      int port = 0;
      std::ifstream(ready) >> port;
      return port;
    }
    FULCRUM_CHECK(!child->Ended());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  FULCRUM_CHECK(false);
  return 0;
}

struct EchoProcess {
  apps::ChildProcess process;
  int port = 0;
};

inline EchoProcess StartEcho(EchoKind kind, const v1::DecideResponse& answer,
                             const std::string& directory) {
  const std::string prefix = absl::StrCat(directory, "/echo_", NameOf(kind));
  {
    std::ofstream file(prefix + ".answer", std::ios::binary);
    FULCRUM_CHECK(answer.SerializeToOstream(&file));
  }
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  auto process = apps::ChildProcess::Start(
      {self, "--echo", NameOf(kind), prefix + ".ready", prefix + ".answer"}, prefix + ".txt");
  FULCRUM_CHECK(process.ok());
  const int port = WaitUntilReady(&*process, prefix + ".ready");
  return {*std::move(process), port};
}

}  // namespace fulcrum::bench
