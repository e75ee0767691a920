// Holds the ledger against the decision log: a second fold of the log's debits and refunds, which
// shares no code with the ledger's, compared with what the ledger has checkpointed at the same LSN.
//
//   exact      the log has all that the window can have counted: both sums are the same
//   at_least   the log's beginning was deleted, or a part is missing: the ledger has no less
//
// What was written off after a crash is no part of either. Windows that the ledger may have
// forgotten are passed over, and so are users who were purged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "config/bundle.h"
#include "domain/seams.h"
#include "domain/user_groups.h"
#include "fulcrum/decision_record.h"
#include "leases/lease_messages.h"
#include "orchestrator/ledger_store.h"

namespace fulcrum::orchestrator {

// The users whose counters are looked at: those of one part of `parts`, by reference. Bounds what
// an audit that goes on for long keeps in memory.
struct UserPart {
  uint32_t part = 0;
  uint32_t parts = 1;

  bool Has(const UserRef& user_ref) const { return parts <= 1 || user_ref[0] % parts == part; }
};

// A row and window, of one user if it is per user, on which ledger and log differ.
struct AuditDifference {
  std::string row;
  int64_t window_start_us = 0;
  std::optional<UserRef> user_ref;
  int64_t ledger = 0;  // spent, says its checkpoint
  int64_t log = 0;     // debits less refunds
  bool exact = true;   // else the ledger ought to have no less
};

// A window of which more was spent than the lease store charges for.
struct AuditOverspend {
  std::string row;
  int64_t window_start_us = 0;
  int64_t leased = 0;
  int64_t spent = 0;
};

struct AuditReport {
  Lsn lsn = 0;            // ledger and log up to here
  uint64_t exact = 0;     // sums that were held against each other
  uint64_t at_least = 0;  // of those of which the log has a part
  uint64_t differing = 0;
  int64_t difference = 0;  // sum of what they differ by, whatever the units; saturates
  uint64_t overspent = 0;  // windows
  std::vector<AuditDifference> differences;  // the first kAuditFindingsMax, as are these:
  std::vector<AuditOverspend> overspends;

  bool clean() const { return differing == 0 && overspent == 0; }
};

inline constexpr size_t kAuditFindingsMax = 20;

// Not thread-safe. Memory grows with the rows and windows, and the users in `part`, that are not
// forgotten.
class LedgerAudit final : public domain::LogObserver {
 public:
  explicit LedgerAudit(std::shared_ptr<const config::Bundle> bundle, UserPart part = {});

  // In LSN order, from the log's first record on.
  void OnLogged(Lsn lsn, const LogEvent& event) override;
  Lsn lsn() const { return lsn_; }

  // `checkpoint` as of lsn(), with the users of `part` at least; as of a later LSN if the log ends
  // before: then the ledger must have no less. Drops what the ledger has forgotten.
  void CompareSums(const StoreImage& checkpoint, AuditReport* report);

  // What the log proves at lsn() against what the lease store charges. `charges` were read when the
  // log had come to lsn() at least, and know of refunds up to lsn() at most. `latest_us`: the
  // ledger's, no earlier than that.
  void CompareLeases(const leases::Charges& charges, int64_t latest_us, AuditReport* report) const;

 private:
  struct Window {
    std::string row;
    int64_t start_us = 0;
    friend bool operator<(const Window& a, const Window& b) {
      return std::tie(a.start_us, a.row) < std::tie(b.start_us, b.row);
    }
  };
  using Sums = std::map<Window, int64_t>;
  using Users = absl::flat_hash_map<UserRef, Sums>;

  void Add(const Debit& debit, const UserRef& user_ref, int64_t amount);
  void Purge(const UserRef& user_ref);
  // From here on the log is whole again: what it has of earlier windows is a part.
  void NoteGap(int64_t time_us);
  bool IsExact(int64_t window_start_us) const;
  bool MayBeForgotten(const Window& window, int64_t latest_us) const;
  void DropForgotten(int64_t latest_us, Sums* sums) const;
  // `user_ref`: null for sums of everybody.
  void CompareAll(const Sums& ledger, const Sums& log, const UserRef* user_ref, int64_t latest_us,
                  AuditReport* report) const;
  void CompareSum(const Window& window, const UserRef* user_ref, int64_t ledger, int64_t log,
                  AuditReport* report) const;

  const std::shared_ptr<const config::Bundle> bundle_;
  const UserPart part_;
  Lsn lsn_ = 0;
  int64_t latest_us_ = 0;   // of the decisions
  int64_t exact_after_us_;  // of windows that begin later the log has everything
  Sums everybody_;
  Users users_;                          // in part_
  domain::UserGroups groups_;            // who goes with whom when they are purged
  absl::flat_hash_set<UserRef> purged_;  // of no interest any more
};

}  // namespace fulcrum::orchestrator
