// CSV as RFC 4180 has it. Read strictly: comma, double quotes, CRLF or LF, a header line, the same
// number of fields in every record, UTF-8. Flat memory: one block of the file and one record.
//
// Not thread-safe. Errors name the file, the line (from 1) and the column (in bytes, from 1):
// INVALID_ARGUMENT for what the text does wrong, otherwise the file system's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"

namespace fulcrum::base {

class CsvReader {
 public:
  // Longest record in bytes and most fields in it.
  static constexpr size_t kRecordBytesMax = 1 << 20;
  static constexpr size_t kFieldsMax = 4096;

  // Tools that write tables of numbered rows leave the name of their first column empty.
  enum class FirstName : uint8_t { kRequired, kMayBeEmpty };

  // Opens `path` and reads its header. An empty file, an empty or repeated name is an error.
  static absl::StatusOr<std::unique_ptr<CsvReader>> Open(
      FileSystem* files, const std::string& path, FirstName first_name = FirstName::kRequired);

  // Reads from `file`, which errors call `name`.
  static absl::StatusOr<std::unique_ptr<CsvReader>> Open(
      std::unique_ptr<ReadFile> file, const std::string& name,
      FirstName first_name = FirstName::kRequired);

  const std::vector<std::string>& header() const { return header_; }
  // Position of `name` in the header, or -1.
  int Column(std::string_view name) const;

  // The next record into fields(), or false at the end. After an error the reader is spent.
  absl::StatusOr<bool> Next();

  // Valid until the next call of Next().
  const std::vector<std::string_view>& fields() const { return fields_; }
  uint64_t line() const { return record_line_; }  // where the record begins
  // Bytes of the file taken so far, and in all: for progress.
  uint64_t bytes_read() const { return file_offset_ - (block_.size() - at_); }
  uint64_t bytes_total() const { return bytes_total_; }

  // "<file>:<line>: <problem>" for the current record.
  absl::Status Problem(std::string_view problem) const;

 private:
  CsvReader(std::unique_ptr<ReadFile> file, std::string name);

  absl::Status Start(FirstName first_name);
  absl::StatusOr<bool> ReadRecord();
  int Peek() { return at_ < block_.size() ? static_cast<uint8_t>(block_[at_]) : Refill(); }
  int Refill();  // the next byte, or -1 at the end and after a read error
  void Take();   // what Peek returned
  absl::Status ReadQuoted();
  absl::Status ReadPlain();
  absl::StatusOr<bool> EndField();  // true if the record goes on
  absl::Status Keep(std::string_view bytes);
  absl::Status ProblemHere(std::string_view problem) const;  // or the read error before it

  const std::unique_ptr<ReadFile> file_;
  const std::string name_;
  uint64_t bytes_total_ = 0;
  uint64_t file_offset_ = 0;  // of the end of block_
  std::string block_;
  size_t at_ = 0;  // in block_
  absl::Status read_status_;
  uint64_t line_ = 1;
  uint64_t column_ = 1;
  uint64_t record_line_ = 1;
  std::string record_;              // the fields' text, one after another
  std::vector<size_t> field_ends_;  // in record_
  std::vector<std::string_view> fields_;
  std::vector<std::string> header_;
};

// Appends `text` as a field of a record: in quotes only where it needs them.
void AppendCsvField(std::string_view text, std::string* record);

// The fewest digits that are read back as the same bits; "nan", "inf" or "-inf".
std::string ShortestDouble(double value);

// Strict decimal numbers: the whole text, finite, no blanks. False otherwise.
bool ParseFiniteDouble(std::string_view text, double* value);

// A time as pandas writes it, "2019-11-24 00:03:13.442536+00:00", or RFC 3339; microseconds since
// 1970 UTC. False otherwise.
bool ParseTimeMicros(std::string_view text, int64_t* time_us);

}  // namespace fulcrum::base
