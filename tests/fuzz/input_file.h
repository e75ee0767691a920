// The fuzzer's bytes as a file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/file.h"

namespace fulcrum::testing {

class InputFile final : public base::ReadFile {
 public:
  InputFile(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  absl::StatusOr<size_t> Read(uint64_t offset, size_t length, char* buffer) const override {
    if (offset >= size_) return 0;
    const size_t count = std::min<size_t>(length, size_ - offset);
    std::memcpy(buffer, data_ + offset, count);
    return count;
  }
  absl::StatusOr<uint64_t> Size() const override { return size_; }

 private:
  const uint8_t* const data_;
  const size_t size_;
};

}  // namespace fulcrum::testing
