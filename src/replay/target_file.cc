#include "replay/target_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::replay {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 18;
constexpr size_t kLineBytesMax = size_t{64} << 20;

}  // namespace

TargetReader::TargetReader(std::unique_ptr<base::ReadFile> file, std::string path)
    : file_(std::move(file)), path_(std::move(path)) {}

absl::StatusOr<std::unique_ptr<TargetReader>> TargetReader::Open(base::FileSystem* files,
                                                                 const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<base::ReadFile> file, files->OpenForRead(path));
  std::unique_ptr<TargetReader> reader(new TargetReader(std::move(file), path));
  std::string line;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->ReadLine(&line));
  absl::StatusOr<TargetHeader> header = ParseTargetHeader(line);
  if (!found || !header.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ":1: no target file of `fulcrum replay`: it does not begin with a "
                     "header of `fulcrum_target`"));
  }
  reader->header_ = *std::move(header);
  return reader;
}

absl::StatusOr<std::optional<Outcome>> TargetReader::Next() {
  std::string line;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, ReadLine(&line));
  if (!found) return std::optional<Outcome>();
  absl::StatusOr<Outcome> outcome = ParseOutcome(line);
  if (outcome.ok()) return std::optional<Outcome>(*std::move(outcome));
  return absl::InvalidArgumentError(absl::StrCat(
      path_, ":", line_, ": no decision of a target file: ", outcome.status().message(),
      "; remove the file and replay again"));
}

absl::StatusOr<bool> TargetReader::ReadLine(std::string* line) {
  size_t searched = at_;
  for (;;) {
    const size_t end = block_.find('\n', searched);
    if (end != std::string::npos) {
      line->assign(block_, at_, end - at_);
      offset_ += end + 1 - at_;
      at_ = end + 1;
      ++line_;
      return true;
    }
    block_.erase(0, at_);
    at_ = 0;
    searched = block_.size();
    if (searched > kLineBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat(path_, ":", line_ + 1, ": a line of more than ", kLineBytesMax, " bytes"));
    }
    block_.resize(searched + kBlockBytes);
    auto got = file_->Read(read_, kBlockBytes, block_.data() + searched);
    if (!got.ok()) return got.status();
    block_.resize(searched + *got);
    read_ += *got;
    if (*got == 0) return false;
  }
}

absl::StatusOr<std::unique_ptr<TargetWriter>> TargetWriter::Open(base::FileSystem* files,
                                                                 const std::string& path,
                                                                 const TargetHeader& header) {
  std::unique_ptr<TargetWriter> writer(new TargetWriter(files, path));
  auto old = TargetReader::Open(files, path);
  if (old.ok()) {
    if ((*old)->header() == header) {
      for (;;) {
        FULCRUM_ASSIGN_OR_RETURN(const std::optional<Outcome> outcome, (*old)->Next());
        if (!outcome.has_value()) break;
        writer->old_last_lsn_ = outcome->lsn;
      }
      FULCRUM_ASSIGN_OR_RETURN(writer->old_, TargetReader::Open(files, path));
      return writer;
    }
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     ": it is of another replay (another log, bundle, model or start of the "
                     "ledger); name another file, or remove it"));
  }
  uint64_t size = 0;
  if (auto file = files->OpenForRead(path); file.ok()) {
    FULCRUM_ASSIGN_OR_RETURN(size, (*file)->Size());
  }
  // A header that was cut short is no more than the beginning of ours.
  const std::string first = ToLine(header);
  if (size != 0) {
    auto there = base::ReadWholeFile(files, path, first.size());
    if (!there.ok() || first.substr(0, there->size()) != *there) return old.status();
  }
  FULCRUM_RETURN_IF_ERROR(writer->Begin(0));
  writer->buffer_ = first;
  return writer;
}

absl::StatusOr<std::optional<Outcome>> TargetWriter::NextOld() {
  if (old_ == nullptr) return std::optional<Outcome>();
  FULCRUM_ASSIGN_OR_RETURN(std::optional<Outcome> outcome, old_->Next());
  if (outcome.has_value()) return outcome;
  const uint64_t size = old_->offset();
  old_.reset();
  FULCRUM_RETURN_IF_ERROR(Begin(size));
  return std::optional<Outcome>();
}

absl::Status TargetWriter::Begin(uint64_t size) {
  FULCRUM_ASSIGN_OR_RETURN(file_, files_->OpenForAppend(path_, base::OpenMode::kAppend));
  return file_->Truncate(size);
}

absl::Status TargetWriter::Write(const Outcome& outcome) {
  buffer_ += ToLine(outcome);
  if (buffer_.size() < kBlockBytes) return absl::OkStatus();
  absl::Status written = file_->Append(buffer_);
  buffer_.clear();
  return written;
}

absl::Status TargetWriter::Finish() {
  FULCRUM_RETURN_IF_ERROR(file_->Append(buffer_));
  buffer_.clear();
  return file_->Sync();
}

}  // namespace fulcrum::replay
