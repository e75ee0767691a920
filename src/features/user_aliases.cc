#include "features/user_aliases.h"

#include <rocksdb/iterator.h>
#include <rocksdb/slice.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::features {
namespace {

// Keys: a tag and the rest.
constexpr char kAliasTag = 'a';   // id -> the id that it was merged into
constexpr char kMemberTag = 'm';  // length of an id (2 bytes), that id, an id merged into it -> ""
constexpr char kPurgedTag = 'p';  // reference -> ""

std::string AliasKey(std::string_view user_id) {
  return std::string(1, kAliasTag).append(user_id);
}

std::string MemberPrefix(std::string_view user_id) {
  std::string key(1, kMemberTag);
  key.push_back(static_cast<char>(user_id.size() >> 8));
  key.push_back(static_cast<char>(user_id.size() & 0xff));
  return key.append(user_id);
}

std::string MemberKey(std::string_view user_id, std::string_view member) {
  return MemberPrefix(user_id).append(member);
}

std::string PurgedKey(const UserRef& ref) {
  std::string key(1, kPurgedTag);
  return key.append(ref.begin(), ref.end());
}

}  // namespace

absl::StatusOr<std::optional<std::string>> UserAliases::Find(std::string_view user_id,
                                                             store::ReadTier tier) const {
  rocksdb::PinnableSlice value;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, store_->Get(family_, AliasKey(user_id), tier, &value));
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(value.ToString());
}

absl::StatusOr<std::vector<std::string>> UserAliases::RestsOf(const std::string& prefix) const {
  std::vector<std::string> rests;
  const std::unique_ptr<rocksdb::Iterator> it(
      store_->db()->NewIterator(rocksdb::ReadOptions(), store_->family(family_)));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    rests.push_back(it->key().ToString().substr(prefix.size()));
  }
  FULCRUM_RETURN_IF_ERROR(store_->ToStatus(it->status(), "read from"));
  return rests;
}

absl::StatusOr<std::vector<std::string>> UserAliases::MembersOf(std::string_view user_id) const {
  return RestsOf(MemberPrefix(user_id));
}

absl::StatusOr<std::vector<UserRef>> UserAliases::PurgedRefs() const {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<std::string> rests,
                           RestsOf(std::string(1, kPurgedTag)));
  std::vector<UserRef> refs;
  for (const std::string& rest : rests) {
    UserRef& ref = refs.emplace_back();
    if (rest.size() != ref.size()) {
      return absl::DataLossError(absl::StrCat(
          store_->directory(), ": a purged reference has ", rest.size(),
          " bytes; use the version that wrote it, or restore the directory from a backup"));
    }
    std::copy(rest.begin(), rest.end(), ref.begin());
  }
  return refs;
}

absl::Status UserAliases::Put(const std::string& key, std::string_view value,
                              rocksdb::WriteBatch* batch) const {
  return store_->ToStatus(
      batch->Put(store_->family(family_), key, rocksdb::Slice(value.data(), value.size())),
      "write to");
}

absl::Status UserAliases::Delete(const std::string& key, rocksdb::WriteBatch* batch) const {
  return store_->ToStatus(batch->Delete(store_->family(family_), key), "write to");
}

absl::Status UserAliases::StageMerge(std::string_view from, const std::vector<std::string>& members,
                                     std::string_view into, rocksdb::WriteBatch* batch) const {
  FULCRUM_RETURN_IF_ERROR(Put(AliasKey(from), into, batch));
  FULCRUM_RETURN_IF_ERROR(Put(MemberKey(into, from), "", batch));
  for (const std::string& member : members) {
    FULCRUM_RETURN_IF_ERROR(Put(AliasKey(member), into, batch));
    FULCRUM_RETURN_IF_ERROR(Delete(MemberKey(from, member), batch));
    FULCRUM_RETURN_IF_ERROR(Put(MemberKey(into, member), "", batch));
  }
  return absl::OkStatus();
}

absl::Status UserAliases::StagePurge(std::string_view user_id,
                                     const std::vector<std::string>& members,
                                     const std::optional<UserRef>& ref,
                                     rocksdb::WriteBatch* batch) const {
  for (const std::string& member : members) {
    FULCRUM_RETURN_IF_ERROR(Delete(AliasKey(member), batch));
    FULCRUM_RETURN_IF_ERROR(Delete(MemberKey(user_id, member), batch));
  }
  return ref.has_value() ? Put(PurgedKey(*ref), "", batch) : absl::OkStatus();
}

absl::Status UserAliases::StageForget(const UserRef& ref, rocksdb::WriteBatch* batch) const {
  return Delete(PurgedKey(ref), batch);
}

}  // namespace fulcrum::features
