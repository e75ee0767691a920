#include "store/store.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "store/rocksdb_file_system.h"

namespace fulcrum::store {
namespace {

// Compaction must leave the disk to the request path.
constexpr int64_t kBackgroundBytesPerSecond = 64 << 20;

absl::StatusCode CodeOf(const rocksdb::Status& status) {
  switch (status.code()) {
    case rocksdb::Status::kNotFound:
      return absl::StatusCode::kNotFound;
    case rocksdb::Status::kCorruption:
      return absl::StatusCode::kDataLoss;
    case rocksdb::Status::kIOError:
      if (status.IsNoSpace()) return absl::StatusCode::kResourceExhausted;
      return absl::StatusCode::kDataLoss;
    case rocksdb::Status::kInvalidArgument:
    case rocksdb::Status::kBusy:  // only by our LockFile: no transactions here
      return absl::StatusCode::kFailedPrecondition;
    case rocksdb::Status::kIncomplete:
    case rocksdb::Status::kTimedOut:
    case rocksdb::Status::kAborted:
    case rocksdb::Status::kTryAgain:
    case rocksdb::Status::kShutdownInProgress:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::string RemedyFor(absl::StatusCode code, const std::string& damage_remedy) {
  switch (code) {
    case absl::StatusCode::kDataLoss:
      return absl::StrCat("check the disk, then ", damage_remedy);
    case absl::StatusCode::kResourceExhausted:
      return "free space on the disk and start again";
    case absl::StatusCode::kFailedPrecondition:
      return "stop the other process that has it open, or use the version that wrote it";
    default:
      return "try again";
  }
}

// RocksDB's diagnostics without a file of their own, so that nothing is written past
// base::FileSystem.
class WarningLogger final : public rocksdb::Logger {
 public:
  explicit WarningLogger(std::function<void(std::string_view)> sink)
      : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), sink_(std::move(sink)) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (!sink_) return;
    char text[1024];
    const int length = std::vsnprintf(text, sizeof(text), format, arguments);
    if (length > 0) sink_({text, std::min<size_t>(static_cast<size_t>(length), sizeof(text) - 1)});
  }

 private:
  const std::function<void(std::string_view)> sink_;
};

rocksdb::ColumnFamilyOptions FamilyOptions(const StoreOptions& options,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 4096;
  table.format_version = 5;
  // Unknown users are common: a miss must not cost a read.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  table.cache_index_and_filter_blocks = true;
  table.metadata_cache_options.top_level_index_pinning = rocksdb::PinningTier::kAll;
  table.metadata_cache_options.partition_pinning = rocksdb::PinningTier::kAll;
  table.metadata_cache_options.unpartitioned_pinning = rocksdb::PinningTier::kAll;
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.compression = rocksdb::kNoCompression;
  family.level_compaction_dynamic_level_bytes = true;
  family.write_buffer_size = options.write_buffer_bytes;
  family.max_write_buffer_number = 2;
  return family;
}

rocksdb::DBOptions DatabaseOptions(const StoreOptions& options, rocksdb::Env* env) {
  rocksdb::DBOptions database;
  database.env = env;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.paranoid_checks = true;
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // It makes a crash between two WAL files look like damage.
  database.track_and_verify_wals_in_manifest = false;
  database.recycle_log_file_num = 0;
  database.allow_fallocate = false;
  database.allow_mmap_reads = false;
  database.allow_mmap_writes = false;
  database.max_open_files = -1;  // every table opened, so its filter is in memory
  database.max_background_jobs = 2;
  database.max_bgerror_resume_count = 0;
  database.rate_limiter.reset(rocksdb::NewGenericRateLimiter(kBackgroundBytesPerSecond));
  database.info_log = std::make_shared<WarningLogger>(options.on_warning);
  database.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  return database;
}

rocksdb::Slice ToSlice(std::string_view text) {
  return {text.data(), text.size()};
}

rocksdb::ReadOptions ReadOptionsFor(ReadTier tier) {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  if (tier == ReadTier::kMemory) options.read_tier = rocksdb::kBlockCacheTier;
  return options;
}

}  // namespace

// Remembers the first background error.
class Store::Health final : public rocksdb::EventListener {
 public:
  const char* Name() const override { return "FulcrumHealth"; }

  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    base::MutexLock lock(&mutex_);
    if (error_.ok()) error_ = *error;
  }
  rocksdb::Status error() const {
    base::MutexLock lock(&mutex_);
    return error_;
  }

 private:
  mutable base::Mutex mutex_;
  rocksdb::Status error_ ABSL_GUARDED_BY(mutex_);
};

Store::Store(const StoreOptions& options, std::shared_ptr<Health> health)
    : directory_(options.directory),
      damage_remedy_(options.damage_remedy),
      health_(std::move(health)),
      env_(rocksdb::NewCompositeEnv(NewRocksDbFileSystem(options.files))) {}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  FULCRUM_CHECK(options.files != nullptr);
  if (options.read_only) {
    FULCRUM_ASSIGN_OR_RETURN(const bool exists,
                             options.files->Exists(options.directory + "/CURRENT"));
    if (!exists) {
      return absl::NotFoundError(absl::StrCat("there is no store in ", options.directory));
    }
  } else {
    FULCRUM_RETURN_IF_ERROR(options.files->CreateDirectories(options.directory));
  }
  std::unique_ptr<Store> store(new Store(options, std::make_shared<Health>()));
  rocksdb::DBOptions database = DatabaseOptions(options, store->env_.get());
  database.listeners.push_back(store->health_);
  // Four shards: fewer locks to meet on than the default's 64, each large enough for its blocks.
  const rocksdb::ColumnFamilyOptions family =
      FamilyOptions(options, rocksdb::NewLRUCache(options.block_cache_bytes, /*num_shard_bits=*/2));
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.reserve(options.families.size() + 1);
  for (const std::string& name : options.families) descriptors.emplace_back(name, family);
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, family);

  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      options.read_only
          ? rocksdb::DB::OpenForReadOnly(database, options.directory, descriptors,
                                         &store->families_, &db)
          : rocksdb::DB::Open(database, options.directory, descriptors, &store->families_, &db);
  store->db_.reset(db);
  FULCRUM_RETURN_IF_ERROR(store->ToStatus(status, "open the store"));
  return store;
}

Store::~Store() {
  if (db_ == nullptr) return;
  rocksdb::CancelAllBackgroundWork(db_.get(), /*wait=*/true);
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  }
}

absl::StatusOr<bool> Store::Get(size_t family, std::string_view key, ReadTier tier,
                                rocksdb::PinnableSlice* value) const {
  static const rocksdb::ReadOptions kMemoryOnly = ReadOptionsFor(ReadTier::kMemory);
  static const rocksdb::ReadOptions kAnyTier = ReadOptionsFor(ReadTier::kDisk);
  const rocksdb::Status status = db_->Get(tier == ReadTier::kMemory ? kMemoryOnly : kAnyTier,
                                          families_[family], ToSlice(key), value);
  if (status.ok()) return true;
  if (status.IsNotFound()) return false;
  // On the request path and not an error: no text is composed.
  if (status.IsIncomplete()) return absl::UnavailableError("not in memory");
  return ToStatus(status, "read from");
}

absl::Status Store::Write(rocksdb::WriteBatch* batch, Sync sync) {
  rocksdb::WriteOptions options;
  options.sync = sync == Sync::kYes;
  return ToStatus(db_->Write(options, batch), "write to");
}

absl::Status Store::Flush() {
  return ToStatus(db_->Flush(rocksdb::FlushOptions(), families_), "flush");
}

absl::Status Store::CompactAll() {
  FULCRUM_RETURN_IF_ERROR(Flush());
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    FULCRUM_RETURN_IF_ERROR(ToStatus(
        db_->CompactRange(rocksdb::CompactRangeOptions(), family, nullptr, nullptr), "compact"));
  }
  return absl::OkStatus();
}

absl::Status Store::Compact(size_t family, std::string_view first, std::string_view last) {
  FULCRUM_RETURN_IF_ERROR(Flush());
  const rocksdb::Slice begin = ToSlice(first);
  const rocksdb::Slice end = ToSlice(last);
  rocksdb::CompactRangeOptions options;
  // Or a file that has nothing below it would only be moved there, with what marks the deletion.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  return ToStatus(db_->CompactRange(options, families_[family], &begin, &end), "compact");
}

absl::Status Store::health() const {
  return ToStatus(health_->error(), "go on writing to");
}

absl::Status Store::ToStatus(const rocksdb::Status& status, std::string_view doing) const {
  if (status.ok()) return absl::OkStatus();
  const absl::StatusCode code = CodeOf(status);
  return absl::Status(code, absl::StrCat("cannot ", base::ToAbsl(doing), " ", directory_, ": ",
                                         status.ToString(), "; ", RemedyFor(code, damage_remedy_)));
}

}  // namespace fulcrum::store
