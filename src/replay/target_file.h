// A target file (outcome.h) on disk: read from its beginning, and written so that a replay that was
// cut short goes on where it ended.
//
// Not thread-safe. Errors name the file and the line.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "replay/outcome.h"

namespace fulcrum::replay {

class TargetReader {
 public:
  // NOT_FOUND if there is no such file, INVALID_ARGUMENT if it does not begin with a header.
  static absl::StatusOr<std::unique_ptr<TargetReader>> Open(base::FileSystem* files,
                                                            const std::string& path);

  const TargetHeader& header() const { return header_; }
  // The next decision, or nothing behind the last whole line.
  absl::StatusOr<std::optional<Outcome>> Next();
  // Where the next line begins, and whether something without a line's end stands there.
  uint64_t offset() const { return offset_; }

 private:
  TargetReader(std::unique_ptr<base::ReadFile> file, std::string path);

  absl::StatusOr<bool> ReadLine(std::string* line);

  const std::unique_ptr<base::ReadFile> file_;
  const std::string path_;
  TargetHeader header_;
  std::string block_;
  size_t at_ = 0;
  uint64_t offset_ = 0;
  uint64_t read_ = 0;
  uint64_t line_ = 0;
};

class TargetWriter {
 public:
  // What is there of the same header is given back first. FAILED_PRECONDITION if the file is of
  // another one.
  static absl::StatusOr<std::unique_ptr<TargetWriter>> Open(base::FileSystem* files,
                                                            const std::string& path,
                                                            const TargetHeader& header);

  // Of the last decision that an earlier run wrote; 0 if there is none.
  Lsn old_last_lsn() const { return old_last_lsn_; }
  // What that run wrote, decision by decision, then nothing.
  absl::StatusOr<std::optional<Outcome>> NextOld();
  // After NextOld gave nothing.
  absl::Status Write(const Outcome& outcome);
  absl::Status Finish();  // everything is in the file, synced

 private:
  TargetWriter(base::FileSystem* files, std::string path) : files_(files), path_(std::move(path)) {}

  absl::Status Begin(uint64_t size);

  base::FileSystem* const files_;
  const std::string path_;
  std::unique_ptr<TargetReader> old_;
  Lsn old_last_lsn_ = 0;
  std::unique_ptr<base::AppendFile> file_;
  std::string buffer_;
};

}  // namespace fulcrum::replay
