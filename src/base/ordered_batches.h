// Work on a row of batches by several threads, with the results in the row's order: what comes out
// is the same for any number of threads.
//
//   OrderedBatches<std::string, Count> counts(threads, next_batch, count_batch);
//   for (;;) {
//     FULCRUM_ASSIGN_OR_RETURN(std::optional<Count> count, counts.Next());
//     if (!count.has_value()) break;
//     total += *count;
//   }
//
// `source` is called by the thread that calls Next(), `work` by any, several at once; that thread
// works too while it waits, so `threads` of 1 starts none. At most kAheadPerThread batches a thread
// are taken from the source and not yet returned: memory is flat however long the row is.
//
// An error of source or work comes out in its batch's place, after the results before it, and again
// from every later Next(). The destructor may come early: what was not begun is dropped. Apart from
// `work`, not thread-safe.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace fulcrum::base {

template <typename In, typename Out>
class OrderedBatches {
 public:
  static constexpr size_t kAheadPerThread = 2;

  using Source = absl::AnyInvocable<absl::StatusOr<std::optional<In>>()>;  // nothing: the end
  using Work = absl::AnyInvocable<absl::StatusOr<Out>(In) const>;

  OrderedBatches(size_t threads, Source source, Work work)
      : ahead_max_(threads <= 1 ? 1 : threads * kAheadPerThread),
        source_(std::move(source)),
        work_(std::move(work)) {
    for (size_t i = 1; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  }

  ~OrderedBatches() {
    {
      const MutexLock lock(&mutex_);
      stopping_ = true;
      waiting_.clear();
    }
    begun_.NotifyAll();
    for (std::thread& thread : threads_) thread.join();
  }

  OrderedBatches(const OrderedBatches&) = delete;
  OrderedBatches& operator=(const OrderedBatches&) = delete;

  // The result of the next batch, or nothing behind the last one.
  absl::StatusOr<std::optional<Out>> Next() {
    Fill();
    if (ahead_.empty()) {
      if (end_.ok()) return std::optional<Out>();
      return end_;
    }
    const std::shared_ptr<Batch> batch = std::move(ahead_.front());
    ahead_.pop_front();
    Finish(batch.get());
    absl::StatusOr<Out> result = TakeResult(batch.get());
    if (result.ok()) return std::optional<Out>(*std::move(result));
    end_ = result.status();
    ended_ = true;
    ahead_.clear();
    const MutexLock lock(&mutex_);
    waiting_.clear();
    return end_;
  }

 private:
  struct Batch {
    std::optional<In> in;
    std::optional<absl::StatusOr<Out>> result;  // once it is there, under the mutex
  };

  void Fill() {
    while (!ended_ && ahead_.size() < ahead_max_) {
      absl::StatusOr<std::optional<In>> in = source_();
      ended_ = !in.ok() || !in->has_value();
      if (!in.ok()) end_ = in.status();
      if (ended_) return;
      auto batch = std::make_shared<Batch>();
      batch->in = *std::move(in);
      ahead_.push_back(batch);
      {
        const MutexLock lock(&mutex_);
        waiting_.push_back(std::move(batch));
      }
      begun_.NotifyOne();
    }
  }

  // Works on what waits until `batch` is done.
  void Finish(const Batch* batch) {
    for (;;) {
      std::shared_ptr<Batch> mine;
      {
        const MutexLock lock(&mutex_);
        while (!batch->result.has_value() && waiting_.empty()) done_.Wait(&mutex_);
        if (batch->result.has_value()) return;
        mine = std::move(waiting_.front());
        waiting_.pop_front();
      }
      WorkOn(mine.get());
    }
  }

  void Run() {
    for (;;) {
      std::shared_ptr<Batch> mine;
      {
        const MutexLock lock(&mutex_);
        while (waiting_.empty() && !stopping_) begun_.Wait(&mutex_);
        if (waiting_.empty()) return;
        mine = std::move(waiting_.front());
        waiting_.pop_front();
      }
      WorkOn(mine.get());
    }
  }

  void WorkOn(Batch* batch) {
    absl::StatusOr<Out> result = work_(*std::move(batch->in));
    {
      const MutexLock lock(&mutex_);
      batch->in.reset();
      batch->result = std::move(result);
    }
    done_.NotifyOne();  // only the caller of Next() waits for it
  }

  absl::StatusOr<Out> TakeResult(Batch* batch) {
    const MutexLock lock(&mutex_);
    return *std::move(batch->result);
  }

  const size_t ahead_max_;
  Source source_;
  const Work work_;

  // Of the thread that calls Next().
  std::deque<std::shared_ptr<Batch>> ahead_;  // in the row's order
  bool ended_ = false;                        // the source is not asked any more
  absl::Status end_;                          // why; OK at the row's end

  Mutex mutex_;
  CondVar begun_;  // for the threads
  CondVar done_;   // for Next()
  std::deque<std::shared_ptr<Batch>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace fulcrum::base
