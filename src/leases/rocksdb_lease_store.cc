#include "leases/rocksdb_lease_store.h"

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "leases/lease_codec.h"
#include "store/store.h"
#include "store/synced_mark.h"

namespace fulcrum::leases {
namespace {

// Keys: a tag, then what it is about.
constexpr char kBudgetTag = 'b';   // window, row
constexpr char kHeaderTag = 'h';   // nothing
constexpr char kReplicaTag = 'r';  // replica
constexpr size_t kFamily = 0;
constexpr std::string_view kMarkFile = "fulcrum-synced";  // RocksDB leaves names it does not know
constexpr std::string_view kRemedy =
    "restore the directory from a backup, or remove it: then only the replicas' logs tell what was "
    "spent";

rocksdb::Slice ToSlice(std::string_view text) {
  return {text.data(), text.size()};
}

std::string Tagged(char tag, std::string_view rest) {
  return std::string(1, tag).append(rest);
}

store::StoreOptions StoreOptionsOf(const RocksDbLeaseStoreOptions& options) {
  store::StoreOptions store;
  store.directory = options.directory;
  store.files = options.files;
  store.families = {"leases"};
  store.block_cache_bytes = 4 << 20;
  store.write_buffer_bytes = 4 << 20;
  store.damage_remedy = kRemedy;
  return store;
}

// Never used before, even if the directory is not the one it was: clients of a lost one must
// notice.
uint64_t NewEpoch(const LeaseBook& book, const base::Clock& clock) {
  return std::max(book.epoch() + 1, static_cast<uint64_t>(absl::ToUnixMicros(clock.Now())));
}

// What a directory holds.
struct Image {
  std::optional<BookHeader> header;
  std::map<BudgetKey, BookBudget> budgets;
  std::map<std::string, BookReplica> replicas;
};

bool ReadEntry(std::string_view key, std::string_view value, Image* image) {
  if (key.empty()) return false;
  const std::string_view rest = key.substr(1);
  if (key[0] == kHeaderTag) {
    image->header = DecodeHeader(value);
    return image->header.has_value();
  }
  if (key[0] == kReplicaTag) {
    const auto replica = DecodeReplica(value);
    if (replica) image->replicas.emplace(rest, *replica);
    return replica.has_value();
  }
  if (key[0] != kBudgetTag) return false;
  const auto budget_key = DecodeKey(rest);
  auto budget = DecodeBudget(value);
  if (!budget_key || !budget) return false;
  image->budgets.emplace(*budget_key, *std::move(budget));
  return true;
}

// First of all: in another format nothing else can be read.
absl::Status CheckBookFormat(const store::Store& store) {
  rocksdb::PinnableSlice header;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, store.Get(kFamily, Tagged(kHeaderTag, ""),
                                                       store::ReadTier::kDisk, &header));
  if (!found) return absl::OkStatus();
  const uint64_t format = FormatOf({header.data(), header.size()});
  if (format == kBookFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "lease store ", store.directory(), ": it is written in format ", format,
      ", and this version reads format ", kBookFormat,
      ": use the version that wrote it, or remove the directory: then only the replicas' logs tell "
      "what was spent"));
}

absl::StatusOr<Image> ReadImage(const store::Store& store) {
  FULCRUM_RETURN_IF_ERROR(CheckBookFormat(store));
  Image image;
  const std::unique_ptr<rocksdb::Iterator> it(
      store.db()->NewIterator(rocksdb::ReadOptions(), store.family(kFamily)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view key(it->key().data(), it->key().size());
    if (!ReadEntry(key, {it->value().data(), it->value().size()}, &image)) {
      return absl::DataLossError(
          absl::StrCat("lease store ", store.directory(), ": an entry of kind '",
                       base::ToAbsl(key.substr(0, 1)), "' is damaged; ", base::ToAbsl(kRemedy)));
    }
  }
  FULCRUM_RETURN_IF_ERROR(store.ToStatus(it->status(), "read"));
  return image;
}

}  // namespace

RocksDbLeaseStore::RocksDbLeaseStore(const RocksDbLeaseStoreOptions& options,
                                     std::unique_ptr<store::Store> store,
                                     std::unique_ptr<store::SyncedMark> mark)
    : clock_(options.clock),
      store_(std::move(store)),
      book_(options.book),
      mark_(std::move(mark)) {}

absl::StatusOr<std::unique_ptr<RocksDbLeaseStore>> RocksDbLeaseStore::Open(
    const RocksDbLeaseStoreOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<store::Store> store,
                           store::Store::Open(StoreOptionsOf(options)));
  const std::string mark_path = absl::StrCat(options.directory, "/", base::ToAbsl(kMarkFile));
  FULCRUM_ASSIGN_OR_RETURN(const std::optional<uint64_t> synced,
                           store::SyncedMark::Read(options.files, mark_path));
  const uint64_t found = store->db()->GetLatestSequenceNumber();
  const bool lacks = found < synced.value_or(0) || (!synced && found > 0);
  if (lacks && !options.may_have_forgotten) {
    return absl::DataLossError(absl::StrCat(
        "lease store ", options.directory, ": it was synced up to change ", synced.value_or(0),
        " and holds ", found, "; check the disk, then ", base::ToAbsl(kRemedy)));
  }
  FULCRUM_ASSIGN_OR_RETURN(
      std::unique_ptr<store::SyncedMark> mark,
      store::SyncedMark::Create(options.files, mark_path, std::min(found, synced.value_or(0))));
  std::unique_ptr<RocksDbLeaseStore> result(
      new RocksDbLeaseStore(options, std::move(store), std::move(mark)));
  FULCRUM_RETURN_IF_ERROR(result->Load());
  if (options.may_have_forgotten) {
    base::MutexLock lock(&result->book_mutex_);
    result->book_.BeginEpoch(NewEpoch(result->book_, *options.clock), options.clock->SteadyNow());
    FULCRUM_RETURN_IF_ERROR(result->WriteChanges());
  }
  result->thread_ = std::thread(&RocksDbLeaseStore::Work, result.get());
  return result;
}

RocksDbLeaseStore::~RocksDbLeaseStore() {
  {
    base::MutexLock lock(&queue_mutex_);
    stopped_ = true;
    queue_changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status RocksDbLeaseStore::Load() {
  FULCRUM_ASSIGN_OR_RETURN(Image image, ReadImage(*store_));
  base::MutexLock lock(&book_mutex_);
  if (!image.header) {
    if (!image.budgets.empty() || !image.replicas.empty()) {
      return absl::DataLossError(absl::StrCat("lease store ", store_->directory(),
                                              ": its header is missing; ", base::ToAbsl(kRemedy)));
    }
    book_.BeginEpoch(NewEpoch(book_, *clock_), clock_->SteadyNow());
    return WriteChanges();
  }
  book_.Load(image.header->epoch, image.header->closed_before_us, std::move(image.budgets),
             std::move(image.replicas), clock_->SteadyNow());
  return absl::OkStatus();
}

absl::Status RocksDbLeaseStore::WriteChanges() {
  const BookChanges changes = book_.TakeChanges();
  if (!health_.ok() || changes.empty()) return health_;
  // Batches report errors only when they outgrow a limit that we do not set.
  rocksdb::WriteBatch batch;
  rocksdb::ColumnFamilyHandle* const family = store_->family(kFamily);
  if (changes.header) {
    batch.Put(family, ToSlice(Tagged(kHeaderTag, "")),
              EncodeHeader({book_.epoch(), book_.closed_before_us()}));
  }
  for (const std::string& replica : changes.replicas) {
    batch.Put(family, Tagged(kReplicaTag, replica), EncodeReplica(book_.replicas().at(replica)));
  }
  for (const BudgetKey& key : changes.budgets) {
    const std::string name = Tagged(kBudgetTag, EncodeKey(key));
    const auto found = book_.budgets().find(key);
    if (found == book_.budgets().end()) {
      batch.Delete(family, name);
    } else {
      batch.Put(family, name, EncodeBudget(found->second));
    }
  }
  health_ = store_->Write(&batch, store::Sync::kYes);
  if (health_.ok()) health_ = mark_->Raise(store_->db()->GetLatestSequenceNumber());
  return health_;
}

void RocksDbLeaseStore::Enqueue(LeaseRequest request, LeaseDone done) {
  base::MutexLock lock(&queue_mutex_);
  queue_.push_back({std::move(request), std::move(done)});
  queue_changed_.NotifyOne();
}

void RocksDbLeaseStore::Work() {
  while (true) {
    std::vector<Call> calls;
    {
      base::MutexLock lock(&queue_mutex_);
      while (queue_.empty() && !stopped_) queue_changed_.Wait(&queue_mutex_);
      if (queue_.empty()) return;
      calls.swap(queue_);
    }
    Answer(std::move(calls));
  }
}

void RocksDbLeaseStore::Answer(std::vector<Call> calls) {
  std::vector<LeaseReply> replies;
  absl::Status written;
  {
    base::MutexLock lock(&book_mutex_);
    if (health_.ok()) {
      for (const Call& call : calls) {
        replies.push_back(book_.Apply(call.request, clock_->SteadyNow()));
      }
    }
    written = WriteChanges();
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    if (written.ok()) {
      std::move(calls[i].done)(std::move(replies[i]));
    } else {
      std::move(calls[i].done)(written);
    }
  }
}

void RocksDbLeaseStore::Register(RegisterRequest request, LeaseDone done) {
  Enqueue(std::move(request), std::move(done));
}
void RocksDbLeaseStore::Acquire(AcquireRequest request, LeaseDone done) {
  Enqueue(std::move(request), std::move(done));
}
void RocksDbLeaseStore::Report(ReportRequest request, LeaseDone done) {
  Enqueue(std::move(request), std::move(done));
}
void RocksDbLeaseStore::Renew(RenewRequest request, LeaseDone done) {
  Enqueue(std::move(request), std::move(done));
}
void RocksDbLeaseStore::Release(ReleaseRequest request, LeaseDone done) {
  Enqueue(std::move(request), std::move(done));
}
void RocksDbLeaseStore::Expire(ExpireRequest request, LeaseDone done) {
  Enqueue(request, std::move(done));
}
void RocksDbLeaseStore::Reconcile(ReconcileRequest request, LeaseDone done) {
  Enqueue(std::move(request), std::move(done));
}
void RocksDbLeaseStore::CloseWindows(CloseWindowsRequest request, LeaseDone done) {
  Enqueue(request, std::move(done));
}

Charges RocksDbLeaseStore::ChargesTo(const std::string& replica) const {
  base::MutexLock lock(&book_mutex_);
  return book_.ChargesTo(replica);
}

absl::StatusOr<Charges> RocksDbLeaseStore::ReadCharges(base::FileSystem* files,
                                                       const std::string& directory,
                                                       const std::string& replica) {
  RocksDbLeaseStoreOptions options;
  options.directory = directory;
  options.files = files;
  store::StoreOptions store_options = StoreOptionsOf(options);
  store_options.read_only = true;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<store::Store> store,
                           store::Store::Open(store_options));
  FULCRUM_ASSIGN_OR_RETURN(Image image, ReadImage(*store));
  LeaseBook book({.members = {replica}});
  book.Load(image.header ? image.header->epoch : 1, std::numeric_limits<int64_t>::min(),
            std::move(image.budgets), std::move(image.replicas), base::SteadyTime());
  return book.ChargesTo(replica);
}

std::optional<BudgetView> RocksDbLeaseStore::View(const BudgetKey& budget) const {
  base::MutexLock lock(&book_mutex_);
  return book_.View(budget);
}

uint64_t RocksDbLeaseStore::epoch() const {
  base::MutexLock lock(&book_mutex_);
  return book_.epoch();
}

}  // namespace fulcrum::leases
