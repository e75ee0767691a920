#include "decider/alarm.h"

#include <algorithm>
#include <utility>

namespace fulcrum::decider {

Alarm::Alarm() : thread_([this] { Run(); }) {}

Alarm::~Alarm() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyOne();
  thread_.join();
}

void Alarm::Set(base::SteadyTime at, std::shared_ptr<Alarmed> call) {
  bool earliest = false;
  {
    base::MutexLock lock(&mutex_);
    earliest = entries_.empty() || at < entries_.front().at;
    entries_.push_back({at, std::move(call)});
    std::push_heap(entries_.begin(), entries_.end(), Later());
  }
  if (earliest) changed_.NotifyOne();
}

std::shared_ptr<Alarmed> Alarm::NextDue() {
  // Entries may hold the last reference to a call, whose destructor must not run under the lock.
  std::vector<Entry> dropped;
  base::MutexLock lock(&mutex_);
  while (!stopping_) {
    if (entries_.empty()) {
      changed_.Wait(&mutex_);
      continue;
    }
    const bool answered = entries_.front().call->answered();
    if (!answered && entries_.front().at > std::chrono::steady_clock::now()) {
      // A copy: entries_ may move while waiting.
      const base::SteadyTime at = entries_.front().at;
      changed_.WaitUntil(&mutex_, at);
      continue;
    }
    std::pop_heap(entries_.begin(), entries_.end(), Later());
    dropped.push_back(std::move(entries_.back()));
    entries_.pop_back();
    if (!answered) return dropped.back().call;
  }
  return nullptr;
}

void Alarm::Run() {
  while (const std::shared_ptr<Alarmed> call = NextDue()) call->OnAlarm();
}

}  // namespace fulcrum::decider
