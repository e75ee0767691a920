#include "leases/lease_book.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "leases/slice_rule.h"

namespace fulcrum::leases {
namespace {

constexpr int64_t kTotal = std::numeric_limits<int64_t>::min();

base::SteadyTime Later(base::SteadyTime time, absl::Duration span) {
  constexpr base::SteadyTime kNever = base::SteadyTime::max();
  return time == kNever || span == absl::InfiniteDuration() ? kNever : base::operator+(time, span);
}

// Without what is written off.
int64_t ChargeOf(const BookAccount& account) {
  int64_t charge = account.settled;
  for (const BookLease& lease : account.leases) charge += lease.granted;
  return charge;
}

BookLease* FindIn(BookAccount* account, uint64_t number) {
  for (BookLease& lease : account->leases) {
    if (lease.number == number) return &lease;
  }
  return nullptr;
}

BudgetView Sums(const BookBudget& budget) {
  BudgetView view;
  view.limit = budget.limit.amount;
  for (const auto& [replica, account] : budget.accounts) {
    view.settled += account.settled;
    view.written_off += account.written_off;
    for (const BookLease& lease : account.leases) view.outstanding += lease.granted;
  }
  view.remaining = view.limit - view.charged();
  return view;
}

}  // namespace

LeaseBook::LeaseBook(BookOptions options)
    : options_(std::move(options)), closed_before_us_(kTotal) {
  FULCRUM_CHECK(!options_.members.empty());
}

LeaseReply LeaseBook::Apply(const LeaseRequest& request, base::SteadyTime now) {
  return std::visit([&](const auto& call) { return Do(call, now); }, request);
}

LeaseReply LeaseBook::Reply(Outcome outcome) const {
  LeaseReply reply;
  reply.outcome = outcome;
  reply.epoch = epoch_;
  reply.ttl = options_.ttl;
  return reply;
}

bool LeaseBook::IsTotal(const BudgetKey& key) {
  return key.window_start_us == kTotal;
}

bool LeaseBook::IsMember(const std::string& replica) const {
  return std::find(options_.members.begin(), options_.members.end(), replica) !=
         options_.members.end();
}

bool LeaseBook::recovering() const {
  return std::any_of(options_.members.begin(), options_.members.end(), [&](const auto& member) {
    const auto found = replicas_.find(member);
    return found == replicas_.end() || found->second.accounted_epoch != epoch_;
  });
}

std::optional<BudgetView> LeaseBook::View(const BudgetKey& key) const {
  const auto found = budgets_.find(key);
  if (found == budgets_.end()) return std::nullopt;
  return Sums(found->second);
}

Charges LeaseBook::ChargesTo(const std::string& replica) const {
  Charges charges;
  const auto known = replicas_.find(replica);
  if (known != replicas_.end()) charges.log_end = known->second.log_end;
  for (const auto& [key, budget] : budgets_) {
    const auto account = budget.accounts.find(replica);
    if (account == budget.accounts.end()) continue;
    charges.charges.push_back({key, ChargeOf(account->second), account->second.written_off});
  }
  return charges;
}

Outcome LeaseBook::Admit(const Caller& caller) {
  if (caller.epoch != epoch_) return Outcome::kOtherEpoch;
  const auto found = replicas_.find(caller.replica);
  if (found == replicas_.end()) return Outcome::kRegisterFirst;
  BookReplica& replica = found->second;
  if (caller.incarnation < replica.incarnation) return Outcome::kSuperseded;
  if (caller.incarnation > replica.incarnation || replica.accounted_epoch != epoch_ ||
      replica.fenced) {
    return Outcome::kRegisterFirst;
  }
  if (caller.registration != replica.registered_number) return Outcome::kStale;
  ++replica.generation;
  replica.log_end = std::max(replica.log_end, caller.log_end);
  changes_.replicas.insert(caller.replica);
  return Outcome::kDone;
}

LeaseReply LeaseBook::Do(const RegisterRequest& request, base::SteadyTime now) {
  const Caller& caller = request.caller;
  if (!IsMember(caller.replica)) return Reply(Outcome::kNotAMember);
  const auto found = replicas_.find(caller.replica);
  LeaseReply refusal = Reply(Outcome::kOtherEpoch);
  refusal.incarnation = found == replicas_.end() ? 0 : found->second.incarnation;
  if (caller.epoch != epoch_) return refusal;
  BookReplica& replica = replicas_[caller.replica];
  refusal.outcome = Outcome::kSuperseded;
  if (caller.incarnation < replica.incarnation) return refusal;
  if (caller.incarnation == replica.incarnation) {
    // The same again. After a reconciliation it counts no more: a new one has to follow.
    if (request.number == replica.registered_number && replica.accounted_epoch == epoch_) {
      if (replica.fenced) return Reply(Outcome::kStale);
      LeaseReply reply = Reply(Outcome::kDone);
      reply.log_end = replica.log_end;
      reply.settlements = WrittenOffOf(caller.replica);
      return reply;
    }
    if (request.number <= replica.registered_number) return Reply(Outcome::kStale);
  }
  // Of one process the log only grows: an old statement may come late.
  const bool same = caller.incarnation == replica.incarnation && request.proof == Proof::kAll;
  const uint64_t log_end = same ? std::max(caller.log_end, replica.log_end) : caller.log_end;
  LeaseReply reply =
      Restate({caller.replica, request.number, request.statements, request.proof, log_end}, now);
  if (reply.outcome != Outcome::kDone) return reply;
  replica.incarnation = caller.incarnation;
  replica.registered_number = request.number;
  replica.fenced = false;
  return reply;
}

std::vector<Settlement> LeaseBook::WrittenOffOf(const std::string& replica) const {
  std::vector<Settlement> settlements;
  for (const auto& [key, budget] : budgets_) {
    const auto account = budget.accounts.find(replica);
    if (account == budget.accounts.end() || account->second.written_off == 0) continue;
    settlements.push_back({key, 0, 0, account->second.written_off, Sums(budget).charged()});
  }
  return settlements;
}

LeaseReply LeaseBook::Restate(const Restatement& restatement, base::SteadyTime now) {
  BookReplica& replica = replicas_[restatement.replica];
  LeaseReply reply = Reply(Outcome::kDone);
  reply.log_end = replica.log_end;
  const bool proven = restatement.proof == Proof::kAll ||
                      (restatement.proof == Proof::kLog && restatement.log_end >= replica.log_end);
  if (!proven && replica.accounted_epoch != epoch_) return Reply(Outcome::kUnprovable);

  std::map<BudgetKey, BookAccount> accounts;
  for (const Statement& statement : restatement.statements) {
    if (IsClosed(statement.budget)) continue;
    BookAccount& account = accounts[statement.budget];
    account.settled = statement.settled;
    account.written_off = statement.written_off;
    account.last_number = restatement.number;
    for (const HeldLease& held : statement.held) {
      account.leases.push_back(
          {held.number, held.granted, /*reported=*/0, Later(now, options_.ttl)});
    }
  }
  for (auto& [key, budget] : budgets_) {
    const auto at = budget.accounts.find(restatement.replica);
    if (at == budget.accounts.end()) continue;
    const BookAccount before = std::exchange(at->second, std::move(accounts[key]));
    accounts.erase(key);
    BookAccount& after = at->second;
    const int64_t known = std::max(before.written_off, after.written_off);
    const int64_t beyond =
        std::max<int64_t>(0, ChargeOf(before) + before.written_off - ChargeOf(after) - known);
    after.written_off = known + (proven ? 0 : beyond);
    Settlement settlement{key, 0, 0, after.written_off, Sums(budget).charged()};
    (proven ? settlement.returned : settlement.lost) = beyond;
    if (beyond > 0 || after.written_off > 0) reply.settlements.push_back(std::move(settlement));
    if (after.IsEmpty()) budget.accounts.erase(at);
    changes_.budgets.insert(key);
  }
  for (auto& [key, account] : accounts) {
    changes_.budgets.insert(key);
    budgets_[key].accounts[restatement.replica] = std::move(account);
  }
  replica.accounted_epoch = epoch_;
  replica.log_end = restatement.log_end;
  ++replica.generation;
  changes_.replicas.insert(restatement.replica);
  return reply;
}

void LeaseBook::TakeLimit(BookBudget* budget, const Limit& limit) {
  Limit& known = budget->limit;
  if (limit.version > known.version) {
    known = limit;
  } else if (limit.version == known.version) {
    known.amount = std::min(known.amount, limit.amount);
  }
}

LeaseReply LeaseBook::Do(const AcquireRequest& request, base::SteadyTime now) {
  const Outcome admitted = Admit(request.caller);
  if (admitted != Outcome::kDone) return Reply(admitted);
  if (IsClosed(request.budget)) return Reply(Outcome::kWindowClosed);
  const auto [at, is_new] = budgets_.try_emplace(request.budget);
  BookBudget& budget = at->second;
  if (is_new) budget.limit = request.limit;
  const Limit before = budget.limit;
  TakeLimit(&budget, request.limit);
  if (is_new || before != budget.limit) changes_.budgets.insert(request.budget);

  BookAccount& account = budget.accounts[request.caller.replica];
  const BookLease* known = FindIn(&account, request.number);
  const bool is_used = request.number <= std::max(account.last_number, request.caller.registration);
  if (known == nullptr && !is_used) {
    // What it takes back may stand in a lease that is not released yet: settled makes up for it.
    account.settled -= std::clamp<int64_t>(request.credit, 0, ChargeOf(account));
  }
  const BudgetView view = Sums(budget);
  const Slice slice = SliceOf({view.remaining, options_.members.size(), request.want,
                               std::max<int64_t>(request.at_least, 1), request.largest});
  LeaseReply reply = Reply(Outcome::kDone);
  reply.remaining = view.remaining;
  reply.charged = view.charged();
  reply.scarce = slice.scarce;
  if (known != nullptr) {
    reply.granted = known->granted;
  } else if (is_used) {
    reply.outcome = Outcome::kStale;
  } else {
    // A refusal is final as well: the same call, arriving again when there is money, must not make
    // a lease that nobody waits for.
    account.last_number = request.number;
    changes_.budgets.insert(request.budget);
    if (recovering()) {
      reply.outcome = Outcome::kRecovering;
    } else if (slice.amount == 0) {
      reply.outcome = Outcome::kNothingLeft;
    } else {
      account.leases.push_back({request.number, slice.amount, 0, Later(now, options_.ttl)});
      reply.granted = slice.amount;
      reply.remaining -= slice.amount;
      reply.charged += slice.amount;
    }
  }
  return reply;
}

BookLease* LeaseBook::FindLease(const LeaseRequestBase& request) {
  const auto budget = budgets_.find(request.budget);
  if (budget == budgets_.end()) return nullptr;
  const auto account = budget->second.accounts.find(request.caller.replica);
  return account == budget->second.accounts.end() ? nullptr
                                                  : FindIn(&account->second, request.number);
}

LeaseReply LeaseBook::Do(const ReportRequest& request, base::SteadyTime /*now*/) {
  const Outcome admitted = Admit(request.caller);
  if (admitted != Outcome::kDone) return Reply(admitted);
  BookLease* const lease = FindLease(request);
  if (lease == nullptr) return Reply(Outcome::kNoSuchLease);
  lease->reported = std::clamp(request.spent, lease->reported, lease->granted);
  changes_.budgets.insert(request.budget);
  return Reply(Outcome::kDone);
}

LeaseReply LeaseBook::Do(const RenewRequest& request, base::SteadyTime now) {
  const Outcome admitted = Admit(request.caller);
  if (admitted != Outcome::kDone) return Reply(admitted);
  BookLease* const lease = FindLease(request);
  if (lease == nullptr) return Reply(Outcome::kNoSuchLease);
  lease->reported = std::clamp(request.spent, lease->reported, lease->granted);
  lease->expires = std::max(lease->expires, Later(now, options_.ttl));
  changes_.budgets.insert(request.budget);
  return Reply(Outcome::kDone);
}

LeaseReply LeaseBook::Do(const ReleaseRequest& request, base::SteadyTime /*now*/) {
  const Outcome admitted = Admit(request.caller);
  if (admitted != Outcome::kDone) return Reply(admitted);
  if (IsClosed(request.budget)) return Reply(Outcome::kDone);
  BookBudget& budget = budgets_[request.budget];
  BookAccount& account = budget.accounts[request.caller.replica];
  LeaseReply reply = Reply(Outcome::kDone);
  if (const BookLease* const lease = FindIn(&account, request.number)) {
    const int64_t spent = std::clamp(request.spent, lease->reported, lease->granted);
    const int64_t returned = lease->granted - spent;
    account.settled += spent;
    account.leases.erase(account.leases.begin() + (lease - account.leases.data()));
    if (returned > 0) {
      reply.settlements.push_back(
          {request.budget, returned, 0, account.written_off, Sums(budget).charged()});
    }
  }
  // So that the Acquire of this number, should it still be under way, finds nothing to do.
  account.last_number = std::max(account.last_number, request.number);
  changes_.budgets.insert(request.budget);
  const BudgetView view = Sums(budget);
  reply.remaining = view.remaining;
  reply.charged = view.charged();
  return reply;
}

bool LeaseBook::IsSilent(const std::string& replica, base::SteadyTime now) const {
  const auto found = replicas_.find(replica);
  if (found == replicas_.end() || found->second.accounted_epoch != epoch_) {
    return now >= Later(epoch_began_, options_.ttl + options_.guard);
  }
  bool holds = false;
  for (const auto& [key, budget] : budgets_) {
    const auto account = budget.accounts.find(replica);
    if (account == budget.accounts.end()) continue;
    for (const BookLease& lease : account->second.leases) {
      if (now < Later(lease.expires, options_.guard)) return false;
      holds = true;
    }
  }
  return holds;
}

LeaseReply LeaseBook::Do(const ExpireRequest& /*request*/, base::SteadyTime now) {
  LeaseReply reply = Reply(Outcome::kDone);
  for (const std::string& member : options_.members) {
    if (!IsSilent(member, now)) continue;
    const auto found = replicas_.find(member);
    reply.lapsed.push_back({member, found == replicas_.end() ? 0 : found->second.generation});
  }
  return reply;
}

LeaseReply LeaseBook::Do(const ReconcileRequest& request, base::SteadyTime now) {
  if (!IsMember(request.replica)) return Reply(Outcome::kNotAMember);
  if (request.epoch != epoch_) return Reply(Outcome::kOtherEpoch);
  if (!IsSilent(request.replica, now)) return Reply(Outcome::kNotYet);
  BookReplica& replica = replicas_[request.replica];
  if (replica.generation != request.generation) return Reply(Outcome::kNotYet);
  LeaseReply reply = Restate({request.replica, replica.registered_number, request.statements,
                              request.proof, request.log_end},
                             now);
  if (reply.outcome == Outcome::kDone) replica.fenced = true;
  return reply;
}

void LeaseBook::BeginEpoch(uint64_t epoch, base::SteadyTime now) {
  FULCRUM_CHECK(epoch > epoch_);
  epoch_ = epoch;
  epoch_began_ = now;
  changes_.header = true;
}

LeaseReply LeaseBook::Do(const CloseWindowsRequest& request, base::SteadyTime /*now*/) {
  if (request.before_us <= closed_before_us_) return Reply(Outcome::kDone);
  closed_before_us_ = request.before_us;
  changes_.header = true;
  for (auto it = budgets_.begin(); it != budgets_.end();) {
    if (!IsClosed(it->first)) {
      ++it;
      continue;
    }
    changes_.budgets.insert(it->first);
    it = budgets_.erase(it);
  }
  return Reply(Outcome::kDone);
}

BookChanges LeaseBook::TakeChanges() {
  return std::exchange(changes_, BookChanges());
}

void LeaseBook::Load(uint64_t epoch, int64_t closed_before_us,
                     std::map<BudgetKey, BookBudget> budgets,
                     std::map<std::string, BookReplica> replicas, base::SteadyTime now) {
  FULCRUM_CHECK(budgets_.empty() && replicas_.empty());
  epoch_ = epoch;
  epoch_began_ = now;
  closed_before_us_ = closed_before_us;
  budgets_ = std::move(budgets);
  replicas_ = std::move(replicas);
  for (auto& [key, budget] : budgets_) {
    for (auto& [replica, account] : budget.accounts) {
      for (BookLease& lease : account.leases) lease.expires = Later(now, options_.ttl);
    }
  }
}

}  // namespace fulcrum::leases
