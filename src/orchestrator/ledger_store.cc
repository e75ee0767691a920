#include "orchestrator/ledger_store.h"

#include <rocksdb/iterator.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "store/store.h"

namespace fulcrum::orchestrator {
namespace {

// Keys: a tag, for windows their start as 8 big-endian bytes that sort by time, then the rest.
constexpr char kMergeTag = 'a';     // user reference -> whose it is now, when it was merged
constexpr char kLeaseTag = 'l';     // of format 1: window, row id -> leased, written off
constexpr char kMetaTag = 'm';      // name
constexpr char kSpendTag = 's';     // window, row id -> spent
constexpr char kCapTag = 'u';       // window, user reference, row id -> spent
constexpr char kWriteOffTag = 'w';  // window, row id -> written off
constexpr std::string_view kFormatKey = "mformat";
constexpr std::string_view kFoldKey = "mfold";
constexpr std::string_view kSessionKey = "msession";
constexpr std::string_view kFormat = "2";
constexpr std::string_view kFormatWithLeases = "1";
constexpr size_t kWindowedPrefix = 1 + 8;
constexpr std::string_view kBehindCaps = "v";
constexpr size_t kFamily = 0;
constexpr std::string_view kMarkFile = "fulcrum-synced";  // RocksDB leaves names it does not know

constexpr uint64_t kSignBit = uint64_t{1} << 63;

std::string_view ViewOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

bool IsCap(std::string_view key) {
  return !key.empty() && key[0] == kCapTag;
}

std::string WindowKey(char tag, int64_t window_start_us) {
  const uint64_t ordered = static_cast<uint64_t>(window_start_us) ^ kSignBit;
  std::string key(1, tag);
  for (int shift = 56; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>((ordered >> shift) & 0xff));
  }
  return key;
}

int64_t WindowOf(std::string_view key) {
  uint64_t ordered = 0;
  for (size_t i = 1; i < kWindowedPrefix; ++i) {
    ordered = ordered << 8 | static_cast<uint8_t>(key[i]);
  }
  return static_cast<int64_t>(ordered ^ kSignBit);
}

void AppendNumber(std::string* value, uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) {
    value->push_back(static_cast<char>((number >> shift) & 0xff));
  }
}

uint64_t NumberAt(std::string_view value, size_t index) {
  uint64_t number = 0;
  for (size_t i = 8; i-- > 0;) {
    number = number << 8 | static_cast<uint8_t>(value[index * 8 + i]);
  }
  return number;
}

std::string Numbers(std::initializer_list<int64_t> numbers) {
  std::string value;
  for (const int64_t number : numbers) AppendNumber(&value, static_cast<uint64_t>(number));
  return value;
}

int64_t AmountAt(std::string_view value, size_t index) {
  return static_cast<int64_t>(NumberAt(value, index));
}

std::string RowKeyOf(char tag, const std::string& row, int64_t window_start_us) {
  return WindowKey(tag, window_start_us) + row;
}

std::string CapKeyOf(const std::string& row, int64_t window_start_us, const UserRef& user_ref) {
  std::string key = WindowKey(kCapTag, window_start_us);
  key.append(user_ref.begin(), user_ref.end());
  return key + row;
}

std::string MergeKey(const UserRef& from) {
  return std::string(1, kMergeTag).append(from.begin(), from.end());
}

std::string MergeValue(const domain::UserMerge& merge) {
  return std::string(merge.into.begin(), merge.into.end()) + Numbers({merge.merged_us});
}

bool ReadMerge(std::string_view key, std::string_view value, StoreImage* image) {
  domain::UserMerge merge;
  if (key.size() != 1 + merge.from.size() || value.size() != merge.into.size() + 8) return false;
  std::copy_n(key.begin() + 1, merge.from.size(), merge.from.begin());
  std::copy_n(value.begin(), merge.into.size(), merge.into.begin());
  merge.merged_us = AmountAt(value.substr(merge.into.size()), 0);
  image->merges.push_back(merge);
  return true;
}

std::string SessionValue(const Session& session) {
  std::string value;
  value.push_back(static_cast<char>(session.durability));
  value.push_back(session.clean ? 1 : 0);
  return value + session.boot_id;
}

absl::Status Damaged(const std::string& directory, std::string_view key) {
  return absl::DataLossError(absl::StrCat(
      "ledger ", directory, ": an entry of kind '", base::ToAbsl(key.substr(0, 1)),
      "' has an unknown form; it was written by a newer version or is damaged: use that version, "
      "or restore the directory from a backup"));
}

bool ReadMeta(std::string_view key, std::string_view value, StoreImage* image) {
  if (key == kFormatKey) {
    image->has_leases = value == kFormatWithLeases;
    return value == kFormat || value == kFormatWithLeases;
  }
  if (key == kFoldKey) {
    if (value.size() != 16) return false;
    image->fold = {NumberAt(value, 0), AmountAt(value, 1)};
    return true;
  }
  if (key != kSessionKey || value.size() < 2) return false;
  if (static_cast<uint8_t>(value[0]) > static_cast<uint8_t>(config::Durability::kPower)) {
    return false;
  }
  Session session;
  session.durability = static_cast<config::Durability>(value[0]);
  session.clean = value[1] == 1;
  session.boot_id = std::string(value.substr(2));
  image->session = std::move(session);
  return true;
}

bool ReadEntry(std::string_view key, std::string_view value, StoreImage* image) {
  if (key.empty()) return false;
  if (key[0] == kMetaTag) return ReadMeta(key, value, image);
  if (key[0] == kMergeTag) return ReadMerge(key, value, image);
  if (key.size() < kWindowedPrefix) return false;
  const int64_t window = WindowOf(key);
  std::string_view rest = key.substr(kWindowedPrefix);
  if (key[0] == kLeaseTag && (value.size() == 16 || value.size() == 24)) {
    image->has_write_offs = image->has_write_offs || AmountAt(value, 1) != 0;
    return true;
  }
  if (key[0] == kSpendTag && value.size() == 8) {
    image->spends.push_back({std::string(rest), window, AmountAt(value, 0)});
    return true;
  }
  if (key[0] == kWriteOffTag && value.size() == 8) {
    image->write_offs.push_back({std::string(rest), window, AmountAt(value, 0)});
    return true;
  }
  CapEntry cap;
  if (key[0] != kCapTag || value.size() != 8 || rest.size() < cap.user_ref.size()) return false;
  std::copy_n(rest.begin(), cap.user_ref.size(), cap.user_ref.begin());
  cap.row = std::string(rest.substr(cap.user_ref.size()));
  cap.window_start_us = window;
  cap.spent = AmountAt(value, 0);
  image->caps.push_back(std::move(cap));
  return true;
}

store::StoreOptions OptionsOf(base::FileSystem* files, const std::string& directory) {
  store::StoreOptions options;
  options.directory = directory;
  options.files = files;
  options.families = {"ledger"};
  options.block_cache_bytes = 8 << 20;
  options.write_buffer_bytes = 8 << 20;
  options.damage_remedy = "restore the ledger's directory from a backup";
  return options;
}

absl::StatusOr<StoreImage> ReadImage(const store::Store& store, UserFilter wanted) {
  StoreImage image;
  const std::unique_ptr<rocksdb::Iterator> it(
      store.db()->NewIterator(rocksdb::ReadOptions(), store.family(kFamily)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view key(it->key().data(), it->key().size());
    const std::string_view value(it->value().data(), it->value().size());
    const size_t caps = image.caps.size();
    if (!ReadEntry(key, value, &image)) return Damaged(store.directory(), key);
    if (image.caps.size() > caps && !wanted(image.caps.back().user_ref)) image.caps.pop_back();
  }
  if (!it->status().ok()) return store.ToStatus(it->status(), "read");
  return image;
}

// Batches report errors only when they outgrow a limit that we do not set.
class Batch {
 public:
  explicit Batch(rocksdb::ColumnFamilyHandle* family) : family_(family) {}
  void Put(std::string_view key, std::string_view value) {
    batch_.Put(family_, rocksdb::Slice(key.data(), key.size()),
               rocksdb::Slice(value.data(), value.size()));
  }
  void Delete(const std::string& key) { batch_.Delete(family_, key); }
  void PutCap(const std::string& key, int64_t spent) {
    if (spent == 0) {
      Delete(key);
    } else {
      Put(key, Numbers({spent}));
    }
  }
  // Windows of `tag` that start before `end_us`, except `total`, which sorts first.
  void Forget(char tag, int64_t end_us) {
    batch_.DeleteRange(family_, WindowKey(tag, std::numeric_limits<int64_t>::min() + 1),
                       WindowKey(tag, end_us));
  }
  void DropLeases() {
    batch_.DeleteRange(family_, std::string(1, kLeaseTag), std::string(1, kLeaseTag + 1));
  }
  rocksdb::WriteBatch* get() { return &batch_; }

 private:
  rocksdb::ColumnFamilyHandle* family_;
  rocksdb::WriteBatch batch_;
};

}  // namespace

LedgerStore::LedgerStore(std::unique_ptr<store::Store> store,
                         std::unique_ptr<store::SyncedMark> mark)
    : store_(std::move(store)), mark_(std::move(mark)) {}
LedgerStore::~LedgerStore() = default;

absl::StatusOr<std::unique_ptr<LedgerStore>> LedgerStore::Open(base::FileSystem* files,
                                                               const std::string& directory) {
  const store::StoreOptions options = OptionsOf(files, directory);
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<store::Store> store, store::Store::Open(options));
  const std::string mark_path = directory + "/" + std::string(kMarkFile);
  FULCRUM_ASSIGN_OR_RETURN(const std::optional<uint64_t> synced,
                           store::SyncedMark::Read(files, mark_path));
  const uint64_t found = store->db()->GetLatestSequenceNumber();
  // Without a mark nothing has been written yet: it is made before the first write.
  if (found < synced.value_or(0) || (!synced && found > 0)) {
    return absl::DataLossError(absl::StrCat("ledger ", directory, ": it was synced up to change ",
                                            synced.value_or(0), " and holds ", found,
                                            "; check the disk, then ", options.damage_remedy));
  }
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<store::SyncedMark> mark,
                           store::SyncedMark::Create(files, mark_path, synced.value_or(0)));
  return std::unique_ptr<LedgerStore>(new LedgerStore(std::move(store), std::move(mark)));
}

absl::StatusOr<StoreImage> LedgerStore::ReadDirectory(base::FileSystem* files,
                                                      const std::string& directory) {
  store::StoreOptions options = OptionsOf(files, directory);
  options.read_only = true;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<store::Store> store, store::Store::Open(options));
  return ReadImage(*store, EveryUser);
}

absl::StatusOr<StoreImage> LedgerStore::ReadNow(UserFilter wanted) const {
  return ReadImage(*store_, wanted);
}

absl::StatusOr<StoreImage> LedgerStore::ReadAll(size_t caps_max) const {
  StoreImage image;
  FULCRUM_RETURN_IF_ERROR(ReadEntries(&image));
  if (image.has_leases && (image.has_write_offs || !image.session || !image.session->clean)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "ledger ", store_->directory(),
        ": it was written by a version that kept its leases here, and ",
        image.has_write_offs ? "has amounts written off"
                             : "that version has not shut down cleanly: start it once and stop it",
        image.has_write_offs ? "; go on with that version until their windows have ended" : ""));
  }
  FULCRUM_RETURN_IF_ERROR(ReadCaps(caps_max, &image));
  return image;
}

absl::Status LedgerStore::ReadEntries(StoreImage* image) const {
  const std::unique_ptr<rocksdb::Iterator> it(
      store_->db()->NewIterator(rocksdb::ReadOptions(), store_->family(kFamily)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (IsCap(ViewOf(it->key()))) {
      it->Seek(rocksdb::Slice(kBehindCaps.data(), kBehindCaps.size()));
      if (!it->Valid()) break;
    }
    if (!ReadEntry(ViewOf(it->key()), ViewOf(it->value()), image)) {
      return Damaged(store_->directory(), ViewOf(it->key()));
    }
  }
  return store_->ToStatus(it->status(), "read");
}

// From the latest window to the earliest. `total` is stored before all others.
absl::Status LedgerStore::ReadCaps(size_t caps_max, StoreImage* image) const {
  const std::unique_ptr<rocksdb::Iterator> it(
      store_->db()->NewIterator(rocksdb::ReadOptions(), store_->family(kFamily)));
  it->SeekForPrev(rocksdb::Slice(kBehindCaps.data(), kBehindCaps.size()));
  if (it->Valid() && ViewOf(it->key()) == kBehindCaps) it->Prev();
  while (it->Valid() && IsCap(ViewOf(it->key()))) {
    const std::string_view key = ViewOf(it->key());
    if (image->caps.size() < caps_max) {
      if (!ReadEntry(key, ViewOf(it->value()), image)) return Damaged(store_->directory(), key);
      it->Prev();
      continue;
    }
    if (key.size() < kWindowedPrefix) return Damaged(store_->directory(), key);
    image->cap_windows_left.push_back(WindowOf(key));
    it->SeekForPrev(WindowKey(kCapTag, WindowOf(key)));  // of which there is no such key
  }
  return store_->ToStatus(it->status(), "read");
}

absl::StatusOr<int64_t> LedgerStore::ReadCap(const std::string& row, int64_t window_start_us,
                                             const UserRef& user_ref, store::ReadTier tier) const {
  const std::string key = CapKeyOf(row, window_start_us, user_ref);
  rocksdb::PinnableSlice value;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, store_->Get(kFamily, key, tier, &value));
  if (!found) return 0;
  if (value.size() != 8) return Damaged(store_->directory(), key);
  return AmountAt(ViewOf(value), 0);
}

// Looks into each window once.
absl::StatusOr<std::vector<std::string>> LedgerStore::CapKeysOf(const UserRef& user_ref) const {
  std::vector<std::string> keys;
  const std::unique_ptr<rocksdb::Iterator> it(
      store_->db()->NewIterator(rocksdb::ReadOptions(), store_->family(kFamily)));
  it->Seek(std::string(1, kCapTag));
  while (it->Valid() && IsCap(ViewOf(it->key())) && it->key().size() >= kWindowedPrefix) {
    const int64_t window_start_us = WindowOf(ViewOf(it->key()));
    const std::string prefix = CapKeyOf("", window_start_us, user_ref);
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
      keys.push_back(it->key().ToString());
    }
    if (window_start_us == std::numeric_limits<int64_t>::max()) break;
    it->Seek(WindowKey(kCapTag, window_start_us + 1));
  }
  FULCRUM_RETURN_IF_ERROR(store_->ToStatus(it->status(), "read"));
  return keys;
}

absl::Status LedgerStore::Write(const StoreBatch& batch, bool sync) {
  base::MutexLock lock(&mutex_);
  Batch out(store_->family(kFamily));
  if (batch.forget_before_us) {
    for (const char tag : {kSpendTag, kCapTag, kWriteOffTag}) {
      out.Forget(tag, *batch.forget_before_us);
    }
  }
  for (const SpendEntry& entry : batch.spends) {
    out.Put(RowKeyOf(kSpendTag, entry.row, entry.window_start_us), Numbers({entry.spent}));
  }
  for (const WriteOffEntry& entry : batch.write_offs) {
    out.Put(RowKeyOf(kWriteOffTag, entry.row, entry.window_start_us), Numbers({entry.amount}));
  }
  for (const UserRef& user_ref : batch.purged) {
    FULCRUM_ASSIGN_OR_RETURN(const std::vector<std::string> keys, CapKeysOf(user_ref));
    for (const std::string& key : keys) out.Delete(key);
  }
  for (const UserRef& from : batch.unmerged) out.Delete(MergeKey(from));
  for (const domain::UserMerge& merge : batch.merges) {
    out.Put(MergeKey(merge.from), MergeValue(merge));
  }
  for (const CapEntry& entry : batch.caps) {
    out.PutCap(CapKeyOf(entry.row, entry.window_start_us, entry.user_ref), entry.spent);
  }
  for (const CapChange& one : batch.cap_changes) {
    FULCRUM_ASSIGN_OR_RETURN(const int64_t spent, ReadCap(one.row, one.window_start_us,
                                                          one.user_ref, store::ReadTier::kDisk));
    out.PutCap(CapKeyOf(one.row, one.window_start_us, one.user_ref), one.change.Apply(spent));
  }
  if (batch.fold) {
    out.Put(kFoldKey, Numbers({static_cast<int64_t>(batch.fold->lsn), batch.fold->latest_us}));
  }
  if (batch.session) {
    out.Put(kFormatKey, kFormat);
    out.DropLeases();
    out.Put(kSessionKey, SessionValue(*batch.session));
  }
  FULCRUM_RETURN_IF_ERROR(store_->Write(out.get(), sync ? store::Sync::kYes : store::Sync::kNo));
  return sync ? mark_->Raise(store_->db()->GetLatestSequenceNumber()) : absl::OkStatus();
}

}  // namespace fulcrum::orchestrator
