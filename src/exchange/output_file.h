// A file in the making: `PATH.partial` until all of it is durable, then `PATH`. What an interrupted
// one holds can be gone on with from where it was last noted (checkpoint.h).
//
// Not thread-safe. Errors are the file system's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "exchange/checkpoint.h"

namespace fulcrum::exchange {

class OutputFile {
 public:
  // With `resume` goes on where an interrupted one of the same `what` stopped, if there is one;
  // otherwise begins anew. FAILED_PRECONDITION if that one was something else.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Open(base::FileSystem* files,
                                                          const std::string& path,
                                                          const std::string& what, bool resume);

  // What was noted last; as new if nothing was.
  const Checkpoint& from() const { return from_; }
  // All was written before, and only the name may have been missing: call Finish() at once.
  bool whole() const { return from_.whole; }

  absl::Status Append(std::string_view data);
  uint64_t bytes() const { return written_ + buffer_.size(); }

  // Makes what was appended durable, and notes that it reaches up to `place`: `taken` and the ends
  // of streams are the caller's, the rest is filled in.
  absl::Status Save(const Checkpoint& place, const TransferReport& report);

  // Durable and under its name.
  absl::Status Finish(const Checkpoint& place, const TransferReport& report);

 private:
  OutputFile(base::FileSystem* files, std::string path)
      : files_(files), path_(std::move(path)), partial_(path_ + ".partial") {}

  std::string CheckpointPath() const { return partial_ + ".state"; }
  absl::Status Begin(const std::string& what, bool resume);
  absl::Status Write();
  absl::Status Note(Checkpoint place, const TransferReport& report, bool whole);

  base::FileSystem* const files_;
  const std::string path_;
  const std::string partial_;
  std::unique_ptr<base::AppendFile> file_;
  Checkpoint from_;
  std::string buffer_;
  uint64_t written_ = 0;
};

}  // namespace fulcrum::exchange
