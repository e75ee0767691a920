#include "domain/memory_user_data.h"

#include <algorithm>

namespace fulcrum::domain {
namespace {

absl::Status CheckId(std::string_view user_id) {
  if (!user_id.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("a user id must have at least 1 byte");
}

}  // namespace

std::string MemoryUserData::RootOf(std::string_view user_id) const {
  const auto found = alias_of_.find(user_id);
  return found == alias_of_.end() ? std::string(user_id) : found->second;
}

UserRef MemoryUserData::Ensure(const std::string& root) {
  const auto found = refs_.find(root);
  if (found != refs_.end()) return found->second;
  return refs_.emplace(root, new_ref_(root)).first->second;
}

std::optional<UserRef> MemoryUserData::FindUserRef(std::string_view user_id) const {
  base::MutexLock lock(&mutex_);
  const auto found = refs_.find(RootOf(user_id));
  if (found == refs_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<UserRef> MemoryUserData::EnsureUserRef(std::string_view user_id, absl::Time) {
  if (absl::Status checked = CheckId(user_id); !checked.ok()) return checked;
  base::MutexLock lock(&mutex_);
  return Ensure(RootOf(user_id));
}

absl::Status MemoryUserData::Merge(std::string_view from_id, std::string_view into_id, absl::Time) {
  for (const std::string_view id : {from_id, into_id}) {
    if (absl::Status checked = CheckId(id); !checked.ok()) return checked;
  }
  base::MutexLock lock(&mutex_);
  const std::string from = RootOf(from_id);
  const std::string into = RootOf(into_id);
  if (from == into) return absl::OkStatus();
  Ensure(into);
  refs_.erase(from);
  for (auto& [alias, root] : alias_of_) {
    if (root == from) root = into;
  }
  alias_of_.insert_or_assign(from, into);
  return absl::OkStatus();
}

absl::Status MemoryUserData::Purge(std::string_view user_id) {
  if (absl::Status checked = CheckId(user_id); !checked.ok()) return checked;
  base::MutexLock lock(&mutex_);
  const std::string root = RootOf(user_id);
  const auto found = refs_.find(root);
  if (found != refs_.end()) {
    purged_.push_back(found->second);
    refs_.erase(found);
  }
  absl::erase_if(alias_of_, [&root](const auto& entry) { return entry.second == root; });
  return absl::OkStatus();
}

absl::StatusOr<std::vector<UserRef>> MemoryUserData::PurgedRefs() {
  base::MutexLock lock(&mutex_);
  return purged_;
}

absl::Status MemoryUserData::ForgetPurged(const UserRef& user_ref) {
  base::MutexLock lock(&mutex_);
  purged_.erase(std::remove(purged_.begin(), purged_.end(), user_ref), purged_.end());
  return absl::OkStatus();
}

}  // namespace fulcrum::domain
