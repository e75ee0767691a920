// A value that copies share until one of them writes: copying costs a pointer, the first write
// after it the value.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace fulcrum::scoring {

// Like a plain value: const use of one object from any number of threads, or non-const use from
// one. Copies are independent objects in that sense, whatever they share.
template <typename T>
class CopyOnWrite {
 public:
  CopyOnWrite() : value_(std::make_shared<T>()) {}
  CopyOnWrite(const CopyOnWrite& other) : value_(other.value_), sole_(false) {
    other.sole_.store(false, std::memory_order_relaxed);
  }
  CopyOnWrite& operator=(const CopyOnWrite& other) {
    if (this == &other) return *this;
    value_ = other.value_;
    sole_.store(false, std::memory_order_relaxed);
    other.sole_.store(false, std::memory_order_relaxed);
    return *this;
  }
  CopyOnWrite(CopyOnWrite&& other) noexcept
      : value_(std::move(other.value_)), sole_(other.sole_.load(std::memory_order_relaxed)) {}
  CopyOnWrite& operator=(CopyOnWrite&& other) noexcept {
    value_ = std::move(other.value_);
    sole_.store(other.sole_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    return *this;
  }
  ~CopyOnWrite() = default;

  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }

  // The value for this object alone. The pointer is good until the next copy.
  T* Write() {
    if (!sole_.load(std::memory_order_relaxed)) {
      value_ = std::make_shared<T>(*value_);
      sole_.store(true, std::memory_order_relaxed);
    }
    return value_.get();
  }

 private:
  // The reference count would not do: seeing that it fell to one does not order this thread after
  // the reads of whoever let go.
  std::shared_ptr<T> value_;
  mutable std::atomic<bool> sole_{true};  // falls with the first copy, for good
};

}  // namespace fulcrum::scoring
