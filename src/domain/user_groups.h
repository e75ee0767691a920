// Which references are one user: what identity records say, as a fold. Counters stay under the
// reference that they were counted for; who asks for a user sums those of the group, so that a
// record of an earlier reference, a refund or a hold in flight needs no second thought.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::domain {

// `from` is `into` since then.
struct UserMerge {
  UserRef from{};
  UserRef into{};
  int64_t merged_us = 0;

  friend bool operator==(const UserMerge&, const UserMerge&) = default;
};

class UserGroups {
 public:
  bool empty() const { return merges_.empty(); }

  // The references of the user, `ref` among them. Valid until the next change, and as long as
  // `ref`.
  absl::Span<const UserRef> Of(const UserRef& ref) const;
  // The same without merges at or after `before_us`.
  std::vector<UserRef> Before(int64_t before_us, const UserRef& ref) const;

  // Joins the groups of both. False if they are one already.
  bool Merge(const UserRef& from, const UserRef& into, int64_t at_us);
  // Forgets `ref` and what was merged into it; returns those references. All of the group, but
  // after a merge that was logged and never done.
  std::vector<UserRef> Purge(const UserRef& ref);
  // Forgets merges before `us`: nothing is open any more that was counted before them.
  void ForgetBefore(int64_t us);

  // Of `from`, if it was merged.
  std::optional<UserMerge> MergeOf(const UserRef& from) const;
  // The references that were merged on the way from `ref` to whom it is now, `ref` first.
  std::vector<UserRef> PathOf(const UserRef& ref) const;
  // In no order. One per reference that was merged into another; Merge() for each makes the same
  // groups.
  std::vector<UserMerge> merges() const;

 private:
  const UserRef& RootOf(const UserRef& ref) const;
  void MakeMembers();

  absl::flat_hash_map<UserRef, UserMerge> merges_;              // by `from`
  absl::flat_hash_map<UserRef, std::vector<UserRef>> members_;  // by root, the root first
};

}  // namespace fulcrum::domain
