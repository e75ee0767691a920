// Rings for every request that is not answered by its time, from a thread of its own: the deadline
// is kept by racing the pipeline, not by asking it to hurry.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace fulcrum::decider {

// What an alarm is set for.
class Alarmed {
 public:
  virtual ~Alarmed() = default;
  virtual bool answered() const = 0;  // thread-safe; once true, the alarm is not needed
  virtual void OnAlarm() = 0;         // called by the alarm's thread, at most once
};

// Thread-safe.
class Alarm {
 public:
  Alarm();
  ~Alarm();  // rings for nothing any more

  void Set(base::SteadyTime at, std::shared_ptr<Alarmed> call);

 private:
  struct Entry {
    base::SteadyTime at;
    std::shared_ptr<Alarmed> call;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const { return a.at > b.at; }
  };

  void Run();
  std::shared_ptr<Alarmed> NextDue() ABSL_LOCKS_EXCLUDED(mutex_);

  base::Mutex mutex_;
  base::CondVar changed_;
  // A heap. Answered entries stay until they are the earliest: dropping them then costs one wake
  // per latency budget instead of one per request.
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when the rest is there
};

}  // namespace fulcrum::decider
