// A file that takes room on the log's disk only to give it back when the disk is full: then the log
// can still be closed in order. Thread-safe after Open.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/file.h"

namespace fulcrum::decision_log {

class Ballast {
 public:
  Ballast(base::FileSystem* files, std::string directory, uint64_t bytes);

  // Makes the file if it is not there in its size; removes it if `bytes` is 0. The log works
  // without it: the error says why there is none.
  absl::Status Keep();

  // Deletes the file. Whether there was one: room may be had now that was not before.
  bool Release();

  // It was released since Keep(): the disk is full, the log must be closed.
  bool released() const { return released_.load(std::memory_order_acquire); }
  bool kept() const { return kept_.load(std::memory_order_acquire); }

  static constexpr char kName[] = "BALLAST";

 private:
  absl::StatusOr<bool> IsWhole();

  base::FileSystem* const files_;
  const std::string directory_;
  const std::string path_;
  const uint64_t bytes_;
  std::atomic<bool> kept_{false};
  std::atomic<bool> released_{false};
};

// After `status`: whether trying again may help, with the room of `ballast`, if there is one.
bool MakeRoom(const absl::Status& status, Ballast* ballast);

// Appends `data`, on a full disk with the room of `ballast`, if there is one.
absl::Status AppendMakingRoom(base::AppendFile* file, std::string_view data, Ballast* ballast);

}  // namespace fulcrum::decision_log
