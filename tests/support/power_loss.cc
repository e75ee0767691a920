#include "tests/support/power_loss.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/check.h"

namespace fulcrum::testing {
namespace {

constexpr uint64_t kSectorBytes = 512;

std::string DirectoryOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

}  // namespace

void DiskModel::Open(const std::string& path, int64_t file, bool created,
                     const std::string& content) {
  const bool known = files_.contains(file);
  File& entry = files_[file];
  if (created) {
    pending_names_.push_back({.from = "", .to = path, .file = file});
  } else if (!known) {
    durable_names_[path] = file;
    entry.synced = content;
    entry.synced_end = content.size();
  }
}

void DiskModel::Write(int64_t file, uint64_t offset, std::string_view data, size_t index) {
  files_[file].pending.push_back({Kind::kWrite, offset, data, index});
}
void DiskModel::Reserve(int64_t file, uint64_t bytes, size_t index) {
  files_[file].pending.push_back({Kind::kReserve, bytes, {}, index});
}
void DiskModel::Truncate(int64_t file, uint64_t size, size_t index) {
  files_[file].pending.push_back({Kind::kTruncate, size, {}, index});
}

void DiskModel::Apply(const Change& change, std::string* content) {
  switch (change.kind) {
    case Kind::kWrite:
      content->resize(std::max<uint64_t>(content->size(), change.at + change.data.size()));
      content->replace(change.at, change.data.size(), change.data);
      break;
    case Kind::kReserve:
      content->resize(std::max<uint64_t>(content->size(), change.at));
      break;
    case Kind::kTruncate:
      content->resize(change.at);
      break;
  }
}

void DiskModel::Sync(int64_t file, size_t before_index) {
  File& entry = files_[file];
  size_t covered = 0;
  for (; covered < entry.pending.size() && entry.pending[covered].index < before_index; ++covered) {
    const Change& change = entry.pending[covered];
    Apply(change, &entry.synced);
    if (change.kind == Kind::kWrite) {
      entry.synced_end = std::max<uint64_t>(entry.synced_end, change.at + change.data.size());
    } else if (change.kind == Kind::kTruncate) {
      entry.synced_end = std::min(entry.synced_end, change.at);
    }
  }
  entry.pending.erase(entry.pending.begin(),
                      entry.pending.begin() + static_cast<std::ptrdiff_t>(covered));
}

void DiskModel::Rename(const std::string& from, const std::string& to) {
  pending_names_.push_back({.from = from, .to = to, .file = 0});
}
void DiskModel::Remove(const std::string& path) {
  pending_names_.push_back({.from = path, .to = "", .file = 0});
}

void DiskModel::ApplyName(const NameChange& change, Names* names) {
  int64_t file = change.file;
  if (!change.from.empty()) {
    const auto entry = names->find(change.from);
    if (entry == names->end()) return;  // its creation was lost
    file = entry->second;
    names->erase(entry);
  }
  if (!change.to.empty()) (*names)[change.to] = file;
}

void DiskModel::SyncDirectory(const std::string& path) {
  std::vector<NameChange> left;
  for (const NameChange& change : pending_names_) {
    const std::string& name = change.to.empty() ? change.from : change.to;
    if (DirectoryOf(name) == path) {
      ApplyName(change, &durable_names_);
    } else {
      left.push_back(change);
    }
  }
  pending_names_ = std::move(left);
}

// One sector as it was after the first `changes` un-synced changes.
std::string DiskModel::SectorAfter(const File& file, size_t changes, uint64_t sector) {
  const uint64_t start = sector * kSectorBytes;
  std::string bytes(kSectorBytes, '\0');
  if (start < file.synced.size()) {
    const std::string_view old = std::string_view(file.synced).substr(start, kSectorBytes);
    bytes.replace(0, old.size(), old);
  }
  for (size_t i = 0; i < changes; ++i) {
    const Change& change = file.pending[i];
    if (change.kind == Kind::kTruncate) {
      const uint64_t kept = std::clamp(change.at, start, start + kSectorBytes) - start;
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(kept), bytes.end(), '\0');
    }
    if (change.kind != Kind::kWrite) continue;
    const uint64_t first = std::max(start, change.at);
    const uint64_t last = std::min(start + kSectorBytes, change.at + change.data.size());
    if (first < last) {
      bytes.replace(first - start, last - first,
                    change.data.substr(first - change.at, last - first));
    }
  }
  return bytes;
}

std::string DiskModel::Survivor(const File& file, uint64_t seed, PowerLoss* loss) {
  if (file.pending.empty()) return file.synced;
  std::mt19937_64 random(seed);
  const size_t all = file.pending.size();
  std::vector<uint64_t> sizes{file.synced.size()};
  for (const Change& change : file.pending) {
    const uint64_t end = change.at + change.data.size();
    sizes.push_back(change.kind == Kind::kTruncate ? change.at : std::max(sizes.back(), end));
  }
  // Nothing, everything, or (mostly) some of the sectors made it.
  const uint64_t luck = random() % 10;
  const auto pick = [&]() -> size_t {
    if (luck == 0) return 0;
    if (luck == 1) return all;
    const uint64_t coin = random() % 8;
    return coin < 4 ? all : coin < 6 ? 0 : random() % (all + 1);
  };
  std::string content;
  content.resize(sizes[pick()]);
  int64_t lost = 0;
  int64_t kept = 0;
  const uint64_t sectors =
      (*std::max_element(sizes.begin(), sizes.end()) + kSectorBytes - 1) / kSectorBytes;
  for (uint64_t sector = 0; sector < sectors; ++sector) {
    const std::string before = SectorAfter(file, 0, sector);
    const std::string after = SectorAfter(file, all, sector);
    std::string bytes = SectorAfter(file, pick(), sector);
    if (sector * kSectorBytes >= file.synced_end && luck > 1 && random() % 8 == 0) {
      bytes.assign(kSectorBytes, '\0');
    }
    const uint64_t start = sector * kSectorBytes;
    const bool within = start < content.size();
    if (before != after) ++(within && bytes == after ? kept : lost);
    if (within) {
      const uint64_t length = std::min<uint64_t>(kSectorBytes, content.size() - start);
      content.replace(start, length, bytes.substr(0, length));
    }
  }
  loss->sectors_lost += lost;
  loss->sectors_kept += kept;
  loss->torn = loss->torn || (lost > 0 && kept > 0);
  return content;
}

PowerLoss DiskModel::Materialise(uint64_t seed, const std::string& from,
                                 const std::string& to) const {
  namespace fs = std::filesystem;
  PowerLoss loss;
  std::mt19937_64 random(seed);
  Names names = durable_names_;
  for (const NameChange& change : pending_names_) {
    if (random() % 2 == 0) {
      ++loss.names_lost;
    } else {
      ApplyName(change, &names);
    }
  }
  // A file system in memory has no such folder.
  if (fs::exists(from)) {
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
      if (entry.is_directory()) fs::create_directories(to / fs::relative(entry.path(), from));
    }
  }
  for (const auto& [path, file] : names) {
    const fs::path relative = fs::relative(path, from);
    if (*relative.begin() == "..") continue;
    const std::string content = Survivor(files_.at(file), random(), &loss);
    fs::create_directories((to / relative).parent_path());
    std::ofstream out(to / relative, std::ios::binary | std::ios::trunc);
    out << content;
    FULCRUM_CHECK(out.good());
  }
  return loss;
}

}  // namespace fulcrum::testing
