#include "domain/user_groups.h"

#include <algorithm>
#include <utility>

namespace fulcrum::domain {

const UserRef& UserGroups::RootOf(const UserRef& ref) const {
  const UserRef* root = &ref;
  for (auto at = merges_.find(*root); at != merges_.end(); at = merges_.find(*root)) {
    root = &at->second.into;
  }
  return *root;
}

absl::Span<const UserRef> UserGroups::Of(const UserRef& ref) const {
  if (!empty()) {
    const auto found = members_.find(RootOf(ref));
    if (found != members_.end()) return found->second;
  }
  return absl::MakeConstSpan(&ref, 1);
}

std::vector<UserRef> UserGroups::Before(int64_t before_us, const UserRef& ref) const {
  std::vector<UserRef> found = {ref};
  const auto add = [&](const UserRef& one) {
    if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
  };
  const absl::Span<const UserRef> all = Of(ref);
  for (size_t next = 0; next < found.size(); ++next) {
    const UserRef from = found[next];
    for (const UserRef& other : all) {
      const auto merge = merges_.find(other);
      if (merge == merges_.end() || merge->second.merged_us >= before_us) continue;
      if (merge->second.into == from) add(other);
      if (other == from) add(merge->second.into);
    }
  }
  return found;
}

bool UserGroups::Merge(const UserRef& from, const UserRef& into, int64_t at_us) {
  const UserRef from_root = RootOf(from);
  const UserRef into_root = RootOf(into);
  if (from_root == into_root) return false;
  merges_.emplace(from_root, UserMerge{from_root, into_root, at_us});
  std::vector<UserRef>& members = members_[into_root];
  if (members.empty()) members.push_back(into_root);
  const auto joining = members_.find(from_root);
  if (joining == members_.end()) {
    members.push_back(from_root);
  } else {
    members.insert(members.end(), joining->second.begin(), joining->second.end());
    members_.erase(joining);
  }
  return true;
}

std::vector<UserRef> UserGroups::Purge(const UserRef& ref) {
  const auto is_below = [this, &ref](const UserRef& one) {
    const UserRef* at = &one;
    while (*at != ref) {
      const auto merge = merges_.find(*at);
      if (merge == merges_.end()) return false;
      at = &merge->second.into;
    }
    return true;
  };
  std::vector<UserRef> gone;
  for (const UserRef& one : Of(ref)) {
    if (is_below(one)) gone.push_back(one);
  }
  for (const UserRef& one : gone) merges_.erase(one);
  if (!gone.empty()) MakeMembers();
  return gone;
}

void UserGroups::ForgetBefore(int64_t us) {
  const size_t before = merges_.size();
  absl::erase_if(merges_, [us](const auto& entry) { return entry.second.merged_us < us; });
  if (merges_.size() != before) MakeMembers();
}

void UserGroups::MakeMembers() {
  members_.clear();
  for (const auto& [from, merge] : merges_) {
    std::vector<UserRef>& members = members_[RootOf(from)];
    if (members.empty()) members.push_back(RootOf(from));
    members.push_back(from);
  }
}

std::optional<UserMerge> UserGroups::MergeOf(const UserRef& from) const {
  const auto found = merges_.find(from);
  if (found == merges_.end()) return std::nullopt;
  return found->second;
}

std::vector<UserRef> UserGroups::PathOf(const UserRef& ref) const {
  std::vector<UserRef> path;
  for (auto at = merges_.find(ref); at != merges_.end(); at = merges_.find(at->second.into)) {
    path.push_back(at->first);
  }
  return path;
}

std::vector<UserMerge> UserGroups::merges() const {
  std::vector<UserMerge> merges;
  merges.reserve(merges_.size());
  for (const auto& [from, merge] : merges_) merges.push_back(merge);
  return merges;
}

}  // namespace fulcrum::domain
