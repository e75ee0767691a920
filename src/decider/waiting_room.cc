#include "decider/waiting_room.h"

#include <algorithm>
#include <utility>

namespace fulcrum::decider {

WaitingRoom::WaitingRoom(uint32_t threads, uint32_t requests_max) : requests_max_(requests_max) {
  threads_.reserve(threads);
  for (uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

WaitingRoom::~WaitingRoom() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

std::optional<WaitingRoom::Ticket> WaitingRoom::Enter(Work work) {
  Ticket ticket = 0;
  {
    base::MutexLock lock(&mutex_);
    if (queue_.size() >= requests_max_) return std::nullopt;
    ticket = next_ticket_++;
    queue_.push_back({ticket, std::move(work)});
  }
  changed_.NotifyOne();
  return ticket;
}

void WaitingRoom::Leave(Ticket ticket) {
  std::list<Waiting> left;  // destroyed after the lock: the work owns its request
  base::MutexLock lock(&mutex_);
  const auto found = std::find_if(queue_.begin(), queue_.end(), [ticket](const Waiting& waiting) {
    return waiting.ticket == ticket;
  });
  if (found != queue_.end()) left.splice(left.begin(), queue_, found);
}

void WaitingRoom::Run() {
  for (;;) {
    std::list<Waiting> next;
    {
      base::MutexLock lock(&mutex_);
      while (queue_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (queue_.empty()) return;
      next.splice(next.begin(), queue_, queue_.begin());
    }
    next.front().work();
  }
}

}  // namespace fulcrum::decider
