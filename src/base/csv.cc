#include "base/csv.h"

#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::base {
namespace {

constexpr size_t kBlockBytes = 64 << 10;
constexpr int kEnd = -1;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kPlainStops("\0\",\r\n", 5);

// Bytes of the well-formed sequence that `text` begins with (Unicode, table 3-7), or 0.
size_t SequenceLength(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  const auto follows = [&byte](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint8_t first = byte(0);
  const uint8_t second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && second < 0xA0) return 0;  // overlong
    if (first == 0xED && second > 0x9F) return 0;  // surrogate
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && second < 0x90) return 0;  // overlong
    if (first == 0xF4 && second > 0x8F) return 0;  // past U+10FFFF
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

CsvReader::CsvReader(std::unique_ptr<ReadFile> file, std::string name)
    : file_(std::move(file)), name_(std::move(name)) {}

absl::StatusOr<std::unique_ptr<CsvReader>> CsvReader::Open(FileSystem* files,
                                                           const std::string& path,
                                                           FirstName first_name) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, files->OpenForRead(path));
  return Open(std::move(file), path, first_name);
}

absl::StatusOr<std::unique_ptr<CsvReader>> CsvReader::Open(std::unique_ptr<ReadFile> file,
                                                           const std::string& name,
                                                           FirstName first_name) {
  std::unique_ptr<CsvReader> reader(new CsvReader(std::move(file), name));
  FULCRUM_RETURN_IF_ERROR(reader->Start(first_name));
  return reader;
}

absl::Status CsvReader::Start(FirstName first_name) {
  FULCRUM_ASSIGN_OR_RETURN(bytes_total_, file_->Size());
  Peek();
  if (block_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  FULCRUM_ASSIGN_OR_RETURN(const bool found, ReadRecord());
  if (!found) return ProblemHere("the file is empty; its first line must name the columns");
  StringSet seen;
  for (const std::string_view field : fields_) {
    const bool may_be_empty = header_.empty() && first_name == FirstName::kMayBeEmpty;
    if (field.empty() && !may_be_empty) return Problem("the header has a column without a name");
    if (!seen.emplace(field).second) {
      return Problem(
          FromAbsl(absl::StrCat("the header has the column '", ToAbsl(field), "' twice")));
    }
    header_.emplace_back(field);
  }
  return absl::OkStatus();
}

int CsvReader::Column(std::string_view name) const {
  for (size_t i = 0; i < header_.size(); ++i) {
    if (header_[i] == name) return static_cast<int>(i);
  }
  return -1;
}

absl::StatusOr<bool> CsvReader::Next() {
  FULCRUM_ASSIGN_OR_RETURN(const bool found, ReadRecord());
  if (found && fields_.size() != header_.size()) {
    return Problem(FromAbsl(absl::StrCat("the record has ", fields_.size(),
                                         " fields, the header has ", header_.size())));
  }
  return found;
}

absl::StatusOr<bool> CsvReader::ReadRecord() {
  record_.clear();
  field_ends_.clear();
  fields_.clear();
  record_line_ = line_;
  if (Peek() == kEnd) {
    FULCRUM_RETURN_IF_ERROR(read_status_);
    return false;
  }
  bool more = true;
  while (more) {
    FULCRUM_RETURN_IF_ERROR(Peek() == '"' ? ReadQuoted() : ReadPlain());
    FULCRUM_ASSIGN_OR_RETURN(more, EndField());
  }
  FULCRUM_RETURN_IF_ERROR(read_status_);
  if (!IsValidUtf8(record_)) return Problem("the record is not UTF-8; convert the file");
  size_t begin = 0;
  for (const size_t end : field_ends_) {
    fields_.push_back(std::string_view(record_).substr(begin, end - begin));
    begin = end;
  }
  return true;
}

int CsvReader::Refill() {
  if (!read_status_.ok()) return kEnd;
  block_.resize(kBlockBytes);
  at_ = 0;
  const absl::StatusOr<size_t> read = file_->Read(file_offset_, kBlockBytes, block_.data());
  if (!read.ok()) read_status_ = read.status();
  block_.resize(read.ok() ? *read : 0);
  file_offset_ += block_.size();
  return block_.empty() ? kEnd : static_cast<uint8_t>(block_[0]);
}

void CsvReader::Take() {
  if (block_[at_] == '\n') {
    ++line_;
    column_ = 0;
  }
  ++at_;
  ++column_;
}

absl::Status CsvReader::Keep(std::string_view bytes) {
  if (record_.size() + bytes.size() > kRecordBytesMax) {
    return ProblemHere("the record is longer than 1 MiB; is a quote left open?");
  }
  record_.append(bytes);
  return absl::OkStatus();
}

absl::Status CsvReader::ReadQuoted() {
  Take();
  while (true) {
    int next = Peek();
    if (next == '"') {
      Take();
      next = Peek();
      if (next != '"') return absl::OkStatus();  // that was the closing one
    }
    if (next == kEnd) return ProblemHere("the file ends inside a quoted field");
    if (next == 0) return ProblemHere("a NUL byte; is this a CSV file?");
    FULCRUM_RETURN_IF_ERROR(Keep(std::string_view(block_).substr(at_, 1)));
    Take();
  }
}

absl::Status CsvReader::ReadPlain() {
  while (true) {
    const int next = Peek();
    if (next == kEnd || next == ',' || next == '\n' || next == '\r') return absl::OkStatus();
    if (next == '"') return ProblemHere("a quote inside an unquoted field; quote the whole field");
    if (next == 0) return ProblemHere("a NUL byte; is this a CSV file?");
    const size_t stop = block_.find_first_of(kPlainStops, at_);
    const size_t length = (stop == std::string::npos ? block_.size() : stop) - at_;
    FULCRUM_RETURN_IF_ERROR(Keep(std::string_view(block_).substr(at_, length)));
    at_ += length;
    column_ += length;
  }
}

absl::StatusOr<bool> CsvReader::EndField() {
  if (field_ends_.size() == kFieldsMax) return ProblemHere("more than 4096 fields in a record");
  field_ends_.push_back(record_.size());
  int next = Peek();
  if (next == kEnd) return false;
  if (next == ',') {
    Take();
    return true;
  }
  if (next == '\r') {
    Take();
    next = Peek();
    if (next != '\n') return ProblemHere("a carriage return without a line feed");
  }
  if (next != '\n') return ProblemHere("text after a closing quote");
  Take();
  return false;
}

absl::Status CsvReader::ProblemHere(std::string_view problem) const {
  FULCRUM_RETURN_IF_ERROR(read_status_);
  return absl::InvalidArgumentError(
      absl::StrCat(name_, ":", line_, ":", column_, ": ", ToAbsl(problem)));
}

absl::Status CsvReader::Problem(std::string_view problem) const {
  return absl::InvalidArgumentError(absl::StrCat(name_, ":", record_line_, ": ", ToAbsl(problem)));
}

void AppendCsvField(std::string_view text, std::string* record) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    record->append(text);
    return;
  }
  record->push_back('"');
  for (const char c : text) {
    if (c == '"') record->push_back('"');
    record->push_back(c);
  }
  record->push_back('"');
}

std::string ShortestDouble(double value) {
  char text[32];  // the longest is "-2.2250738585072014e-308"
  const std::to_chars_result result = std::to_chars(text, text + sizeof text, value);
  return {text, result.ptr};
}

bool ParseFiniteDouble(std::string_view text, double* value) {
  // from_chars takes no leading '+', which spreadsheets write.
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double parsed = 0;
  const std::from_chars_result result =
      std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size()) {
    return false;
  }
  if (!std::isfinite(parsed)) return false;
  *value = parsed;
  return true;
}

bool ParseTimeMicros(std::string_view text, int64_t* time_us) {
  absl::Time time;
  std::string ignored;
  const absl::string_view given = ToAbsl(text);
  if (!absl::ParseTime("%Y-%m-%d %H:%M:%E*S%Ez", given, &time, &ignored) &&
      !absl::ParseTime(absl::RFC3339_full, given, &time, &ignored)) {
    return false;
  }
  *time_us = absl::ToUnixMicros(time);
  return true;
}

}  // namespace fulcrum::base
