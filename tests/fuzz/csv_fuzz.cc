// CSV from outside: every record has as many fields as the header, or the text is refused.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/csv.h"
#include "tests/fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto reader = fulcrum::base::CsvReader::Open(
      std::make_unique<fulcrum::testing::InputFile>(data, size), "input");
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
