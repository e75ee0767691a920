// The ledger as a replay keeps it: what each hard row has spent, without leases, files or threads.
//
// Debits and refunds are folded in the order of the log; a plan is secured by the rules of the
// service's ledger (orchestrator/ledger_state.cc), with the whole limit at hand and nothing else in
// flight. Rows go by id, so that books of several bundles can be compared.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "config/bundle.h"
#include "domain/user_groups.h"
#include "fulcrum/decision_record.h"
#include "orchestrator/plan.h"
#include "orchestrator/windows.h"

namespace fulcrum::replay {

class Books {
 public:
  // Time has reached `now_us`: windows that the service would have forgotten are dropped.
  void Reach(int64_t now_us);

  // No-ops for windows that are forgotten. `user_ref` counts for rows per user only.
  void Spend(const Debit& debit, const UserRef& user_ref) { Add(debit, user_ref, debit.amount); }
  void Refund(const Debit& debit, const UserRef& user_ref) { Add(debit, user_ref, -debit.amount); }

  // Users who were merged count together.
  void Apply(const IdentityRecord& record);

  // In the windows from `first_us` to `last_us`.
  int64_t Spent(const std::string& row, int64_t first_us, int64_t last_us, bool per_user,
                const UserRef& user_ref) const;
  // Of the plan's share, by `bundle`'s name for its row.
  int64_t Spent(const config::Bundle& bundle, const orchestrator::Plan& plan, size_t share) const;

  // Writes the plan's reasons anew, candidate by candidate. Those with `kept[i]` other than kNone
  // keep that reason and take nothing. `row_of[i]` becomes the row that had no room for candidate
  // i, as an index into bundle.constraints, or -1.
  void Secure(const config::Bundle& bundle, absl::Span<const MaskReason> kept,
              orchestrator::Plan* plan, std::vector<int32_t>* row_of) const;

 private:
  struct Key {
    std::string row;
    bool per_user = false;
    UserRef user_ref{};  // zero unless per_user
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.row, key.per_user, key.user_ref);
    }
  };
  using Window = absl::flat_hash_map<Key, int64_t>;

  int64_t SpentUnder(const Key& key, int64_t first_us, int64_t last_us) const;
  void Add(const Debit& debit, const UserRef& user_ref, int64_t amount);

  std::map<int64_t, Window> windows_;                // by their first instant
  int64_t kept_us_ = orchestrator::kCalendarKeptUs;  // the longest of the rows told of
  int64_t latest_us_ = 0;
  domain::UserGroups groups_;
};

}  // namespace fulcrum::replay
