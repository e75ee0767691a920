// What an export and an import have in common: what they tell while they run and when they end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace fulcrum::exchange {

struct BadLine {
  uint64_t line = 0;  // from 1; of an export, the record's LSN
  std::string reason;

  friend bool operator==(const BadLine&, const BadLine&) = default;
};

inline constexpr size_t kBadLinesMax = 20;
inline constexpr size_t kReasonBytesMax = 500;  // a reason may quote what is far longer

struct TransferReport {
  uint64_t events = 0;
  uint64_t snapshots = 0;
  uint64_t rows = 0;               // of a table that was written
  uint64_t bad_count = 0;          // left out
  std::vector<BadLine> bad_lines;  // the first kBadLinesMax of them

  void TellBad(uint64_t line, std::string_view reason) {
    if (bad_count++ >= kBadLinesMax) return;
    bad_lines.push_back({line, std::string(reason.substr(0, kReasonBytesMax))});
  }

  friend bool operator==(const TransferReport&, const TransferReport&) = default;
};

struct Progress {
  uint64_t records = 0;      // or rows, written so far
  uint64_t bytes = 0;        // of an import: read so far
  uint64_t bytes_total = 0;  // of an import: the file's; 0 = not known
};

// How a transfer is done, whatever is transferred.
struct TransferOptions {
  base::FileSystem* files = base::PosixFileSystem();
  // Goes on with the one that was interrupted, if there was one. Without it that one is discarded.
  bool resume = false;
  // After so many bytes (read by an import, written by an export) all is synced and noted: what may
  // have to be done again after an interruption.
  uint64_t checkpoint_bytes = uint64_t{32} << 20;
  // Called every thousand records or so, from the thread of the call.
  std::function<void(const Progress&)> on_progress;
};

inline constexpr uint64_t kProgressEvery = 1024;

}  // namespace fulcrum::exchange
