// Lines of a file at flat memory: one that is longer than the limit is passed over, not held.
//
// Not thread-safe. Errors are the file system's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/file.h"

namespace fulcrum::exchange {

class LineReader {
 public:
  static absl::StatusOr<std::unique_ptr<LineReader>> Open(base::FileSystem* files,
                                                          const std::string& path,
                                                          size_t line_bytes_max);

  // Goes to the next line; false at the end. After an error the reader is spent.
  absl::StatusOr<bool> Next();

  // Of the current line, without its line feed; valid until the next call. Empty if it is too long.
  std::string_view text() const { return text_; }
  bool too_long() const { return too_long_; }
  uint64_t line() const { return line_; }  // from 1
  // CRC-32C of the file up to the current line's end.
  uint32_t sum() const { return sum_; }
  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t bytes_total() const { return bytes_total_; }

 private:
  LineReader(std::unique_ptr<base::ReadFile> file, uint64_t bytes_total, size_t line_bytes_max)
      : file_(std::move(file)), bytes_total_(bytes_total), line_bytes_max_(line_bytes_max) {}

  absl::StatusOr<bool> Refill();
  void Take(size_t bytes);

  const std::unique_ptr<base::ReadFile> file_;
  const uint64_t bytes_total_;
  const size_t line_bytes_max_;
  std::string block_;
  size_t at_ = 0;             // in block_
  uint64_t file_offset_ = 0;  // of the end of block_
  std::string text_;
  bool too_long_ = false;
  uint64_t line_ = 0;
  uint32_t sum_ = 0;
  uint64_t bytes_read_ = 0;
};

}  // namespace fulcrum::exchange
