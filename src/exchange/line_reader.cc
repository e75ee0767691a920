#include "exchange/line_reader.h"

#include "base/hash.h"
#include "base/status_macros.h"

namespace fulcrum::exchange {
namespace {
constexpr size_t kBlockBytes = size_t{256} << 10;
}  // namespace

absl::StatusOr<std::unique_ptr<LineReader>> LineReader::Open(base::FileSystem* files,
                                                             const std::string& path,
                                                             size_t line_bytes_max) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<base::ReadFile> file, files->OpenForRead(path));
  FULCRUM_ASSIGN_OR_RETURN(const uint64_t bytes, file->Size());
  return std::unique_ptr<LineReader>(new LineReader(std::move(file), bytes, line_bytes_max));
}

absl::StatusOr<bool> LineReader::Next() {
  text_.clear();
  too_long_ = false;
  bool any = false;
  for (;;) {
    if (at_ == block_.size()) {
      FULCRUM_ASSIGN_OR_RETURN(const bool more, Refill());
      if (!more) {
        line_ += any ? 1 : 0;  // the last one may lack its line feed
        return any;
      }
    }
    any = true;
    const size_t end = block_.find('\n', at_);
    if (end == std::string::npos) {
      Take(block_.size() - at_);
      continue;
    }
    Take(end - at_);
    sum_ = base::Crc32c("\n", sum_);
    ++at_;
    ++bytes_read_;
    ++line_;
    return true;
  }
}

// The next `bytes` of the block belong to the current line.
void LineReader::Take(size_t bytes) {
  const std::string_view taken = std::string_view(block_).substr(at_, bytes);
  sum_ = base::Crc32c(taken, sum_);
  at_ += bytes;
  bytes_read_ += bytes;
  if (text_.size() + bytes > line_bytes_max_) too_long_ = true;
  if (too_long_) {
    text_ = std::string();  // gives the room back
  } else {
    text_.append(taken);
  }
}

absl::StatusOr<bool> LineReader::Refill() {
  block_.resize(kBlockBytes);
  at_ = 0;
  FULCRUM_ASSIGN_OR_RETURN(const size_t got, file_->Read(file_offset_, kBlockBytes, block_.data()));
  block_.resize(got);
  file_offset_ += got;
  return got != 0;
}

}  // namespace fulcrum::exchange
