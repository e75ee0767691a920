// Row `store_get_vs_rocksdb`: FeatureStore::ReadUser of a stored, warm user against a bare RocksDB
// Get of the same key from the same database, interleaved A B A B (D32). The value is the median
// over pairs of windows of the ratio of medians; the gate is 2.
#include <benchmark/benchmark.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/file.h"
#include "base/random.h"
#include "bench/interleave.h"
#include "bench/rows.h"
#include "features/feature_store.h"
#include "features/row_codec.h"

namespace fulcrum::features {
namespace {

constexpr uint32_t kUsers = 20000;
constexpr int kPairs = 20;
constexpr int kReadsPerWindow = 5000;
const absl::Time kNow = absl::FromUnixSeconds(1574553600);

std::string UserId(uint32_t user) {
  return "user-" + std::to_string(1000000 + user);
}

// The four features that the demo has for a user.
EntityRow RowOf(uint32_t user, base::RandomStream* random) {
  EntityRow entity;
  entity.entity_id = UserId(user);
  entity.row.schema_version = 1;
  entity.row.event_time_us = absl::ToUnixMicros(kNow);
  for (int i = 0; i < 4; ++i) {
    entity.row.values.emplace("user_feature_" + std::to_string(i),
                              std::to_string(random->NextBelow(10)) + "81ab4a39f0ef");
  }
  return entity;
}

class Database {
 public:
  Database() : path_(std::filesystem::temp_directory_path() / "fulcrum-store-get-bench") {
    std::filesystem::remove_all(path_);
    config::FeatureView view;
    view.name = "user";
    view.max_age = absl::Hours(24);
    FeatureStoreOptions options;
    options.directory = path_.string();
    options.files = base::PosixFileSystem();
    options.views = {view};
    auto store = FeatureStore::Open(options);
    FULCRUM_CHECK(store.ok());
    store_ = *std::move(store);
    base::RandomStream random(1);
    std::vector<EntityRow> rows;
    for (uint32_t user = 0; user < kUsers; ++user) rows.push_back(RowOf(user, &random));
    FULCRUM_CHECK(store_->Write(view, rows, kNow).ok());
    FULCRUM_CHECK(store_->FinishWriting().ok());
    for (uint32_t user = 0; user < kUsers; ++user) {
      user_ids_.push_back(UserId(user));
      row_keys_.push_back(RowKey(domain::EntityKind::kUser, user_ids_.back(), view.name));
      FULCRUM_CHECK(store_->ReadUser(user_ids_.back(), kNow, domain::Wait::kMayWait).ok());
      FULCRUM_CHECK(ReadUser(user) && GetRow(user));
    }
  }
  ~Database() {
    store_.reset();
    std::filesystem::remove_all(path_);
  }

  bool ReadUser(uint32_t user) const {
    auto read = store_->ReadUser(user_ids_[user], kNow, domain::Wait::kNoWait);
    benchmark::DoNotOptimize(read);
    return read.ok() && read->row.state == domain::RowState::kFresh && read->user_ref.has_value();
  }
  bool GetRow(uint32_t user) const {
    rocksdb::PinnableSlice value;
    const store::Store& store = store_->store();
    const rocksdb::Status status =
        store.db()->Get(rocksdb::ReadOptions(), store.family(0), row_keys_[user], &value);
    benchmark::DoNotOptimize(value);
    return status.ok();
  }

 private:
  const std::filesystem::path path_;
  std::unique_ptr<FeatureStore> store_;
  std::vector<std::string> user_ids_;
  std::vector<std::string> row_keys_;
};

// Median nanoseconds of one read, over one window of `population` users.
template <typename Read>
double Window(base::RandomStream* random, uint32_t population, const Read& read) {
  std::vector<double> times;
  times.reserve(kReadsPerWindow);
  for (int i = 0; i < kReadsPerWindow; ++i) {
    const uint32_t user = random->NextBelow(population);
    const auto start = std::chrono::steady_clock::now();
    FULCRUM_CHECK(read(user));
    const std::chrono::duration<double, std::nano> span = std::chrono::steady_clock::now() - start;
    times.push_back(span.count());
  }
  return bench::Median(std::move(times));
}

// Ratio of medians per window pair, and the medians themselves for the reader.
struct Comparison {
  double ratio = 0;
  double read_user_ns = 0;
  double rocksdb_get_ns = 0;
};

Comparison Compare(uint32_t population) {
  const Database database;
  base::RandomStream random(2);
  const auto figures = bench::Interleave(
      kPairs,
      [&] {
        return Window(&random, population, [&](uint32_t user) { return database.ReadUser(user); });
      },
      [&] {
        return Window(&random, population, [&](uint32_t user) { return database.GetRow(user); });
      });
  std::vector<double> ours;
  std::vector<double> bare;
  for (const auto& [a, b] : figures) {
    ours.push_back(a);
    bare.push_back(b);
  }
  return {bench::MedianRatio(figures, [](double ns) { return ns; }), bench::Median(ours),
          bench::Median(bare)};
}

void Report(const char* name, const char* users, uint32_t population, bench::Gate gate) {
  const Comparison found = Compare(population);
  bench::ReportRow({name, found.ratio, "ratio", 2, bench::Aim::kAtMost, gate,
                    absl::StrFormat("RocksDB Get of the same key, %d pairs of windows, %s; here "
                                    "%.0f, RocksDB %.0f ns",
                                    kPairs, users, found.read_user_ns, found.rocksdb_get_ns)});
}

}  // namespace
}  // namespace fulcrum::features

int main() {
  using fulcrum::bench::Gate;
  using fulcrum::features::Report;
  // Users that come again: what a session's later requests meet.
  Report("store_get_vs_rocksdb", "5,000 users", 5000, Gate::kGated);
  // More users than the cache of references is made for.
  Report("store_get_vs_rocksdb_all_users", "20,000 users", fulcrum::features::kUsers,
         Gate::kReported);
  return 0;
}
