// What a disk may hold after the power has gone: the rules behind FaultyFileSystem::LosePower.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/faulty_file_system.h"

namespace fulcrum::testing {

// Takes the operations of a trace in order. `index` is an operation's place in the trace; data must
// outlive the model. Not thread-safe.
class DiskModel {
 public:
  void Open(const std::string& path, int64_t file, bool created, const std::string& content);
  void Write(int64_t file, uint64_t offset, std::string_view data, size_t index);
  void Reserve(int64_t file, uint64_t bytes, size_t index);
  void Truncate(int64_t file, uint64_t size, size_t index);
  void Sync(int64_t file, size_t before_index);
  void Rename(const std::string& from, const std::string& to);
  void Remove(const std::string& path);
  void SyncDirectory(const std::string& path);

  PowerLoss Materialise(uint64_t seed, const std::string& from, const std::string& to) const;

 private:
  enum class Kind : uint8_t { kWrite, kReserve, kTruncate };
  struct Change {
    Kind kind = Kind::kWrite;
    uint64_t at = 0;  // offset or size
    std::string_view data;
    size_t index = 0;
  };
  struct File {
    std::string synced;
    uint64_t synced_end = 0;  // no synced byte was written at or behind it
    std::vector<Change> pending;
  };
  struct NameChange {
    std::string from;  // empty: created
    std::string to;    // empty: removed
    int64_t file = 0;
  };
  using Names = std::map<std::string, int64_t>;

  static void Apply(const Change& change, std::string* content);
  static void ApplyName(const NameChange& change, Names* names);
  static std::string SectorAfter(const File& file, size_t changes, uint64_t sector);
  static std::string Survivor(const File& file, uint64_t seed, PowerLoss* loss);

  std::map<int64_t, File> files_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;
};

}  // namespace fulcrum::testing
