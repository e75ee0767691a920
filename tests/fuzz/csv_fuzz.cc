// CSV from outside: every record has as many fields as the header, or the text is refused.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/csv.h"

namespace {

class InputFile final : public fulcrum::base::ReadFile {
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto reader = fulcrum::base::CsvReader::Open(std::make_unique<InputFile>(data, size), "input");
  if (!reader.ok()) return 0;
  uint64_t line = 0;
  while (true) {
    absl::StatusOr<bool> found = (*reader)->Next();
    if (!found.ok() || !*found) return 0;
    FULCRUM_CHECK((*reader)->fields().size() == (*reader)->header().size());
    FULCRUM_CHECK((*reader)->line() > line);
    FULCRUM_CHECK((*reader)->bytes_read() <= size);
    line = (*reader)->line();
    double number = 0;
    for (const std::string_view field : (*reader)->fields()) {
      fulcrum::base::ParseFiniteDouble(field, &number);
    }
  }
}
