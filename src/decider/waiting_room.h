// A bounded place for requests that must wait for a disk, and the few threads that do. A stalled
// disk parks these threads and no others; a request that was answered meanwhile leaves the queue.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/mutex.h"

namespace fulcrum::decider {

// Thread-safe.
class WaitingRoom {
 public:
  using Work = absl::AnyInvocable<void()>;
  using Ticket = uint64_t;

  WaitingRoom(uint32_t threads, uint32_t requests_max);
  ~WaitingRoom();  // runs what is queued, then stops

  // A ticket for Leave, or nothing if the room is full.
  std::optional<Ticket> Enter(Work work);

  // Takes the work out of the queue if no thread has begun it.
  void Leave(Ticket ticket);

 private:
  struct Waiting {
    Ticket ticket;
    Work work;
  };

  void Run();

  const uint32_t requests_max_;
  base::Mutex mutex_;
  base::CondVar changed_;
  Ticket next_ticket_ ABSL_GUARDED_BY(mutex_) = 1;
  std::list<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace fulcrum::decider
