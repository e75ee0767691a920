#include "leases/lease_client.h"

#include <atomic>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/random.h"

namespace fulcrum::leases {
namespace {

// How many budgets are looked at while holds wait.
constexpr size_t kBudgetsAtOnce = 256;

void Call(LeaseStore* store, LeaseRequest request, LeaseDone done) {
  struct Caller {
    LeaseStore* store;
    LeaseDone done;
    void operator()(RegisterRequest& r) { store->Register(std::move(r), std::move(done)); }
    void operator()(AcquireRequest& r) { store->Acquire(std::move(r), std::move(done)); }
    void operator()(ReportRequest& r) { store->Report(std::move(r), std::move(done)); }
    void operator()(RenewRequest& r) { store->Renew(std::move(r), std::move(done)); }
    void operator()(ReleaseRequest& r) { store->Release(std::move(r), std::move(done)); }
    void operator()(ExpireRequest& r) { store->Expire(r, std::move(done)); }
    void operator()(ReconcileRequest& r) { store->Reconcile(std::move(r), std::move(done)); }
    void operator()(CloseWindowsRequest& r) { store->CloseWindows(r, std::move(done)); }
  };
  std::visit(Caller{store, std::move(done)}, request);
}

absl::Status NotRegistered() {
  return absl::UnavailableError(
      "leases: the store does not know what this replica has, or knows a later process of it; ask "
      "again once it is registered");
}

}  // namespace

class LeaseClient::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(ClientOptions options, LeaseStore* store, const base::Clock* clock,
       const std::vector<ProvenSpend>& proven)
      : options_(std::move(options)),
        store_(store),
        clock_(clock),
        random_(options_.seed),
        log_end_(options_.log_end) {
    caller_.replica = options_.replica;
    caller_.incarnation = options_.incarnation;
    for (const ProvenSpend& spend : proven) {
      budgets_.try_emplace(spend.budget, spend.budget, options_.local, spend.amount,
                           spend.written_off);
    }
  }

  template <typename Function>
  auto With(const BudgetKey& key, Function function) {
    base::MutexLock lock(&mutex_);
    return function(BudgetOf(key));
  }

  HoldResult Hold(const BudgetKey& key, int64_t amount) {
    std::vector<Outgoing> calls;
    HoldResult result = HoldResult::kRefused;
    uint64_t registration = 0;
    {
      base::MutexLock lock(&mutex_);
      if (superseded_) return result;
      const Moment now = Look(*clock_);
      LocalBudget* const budget = BudgetOf(key);
      result = budget->Hold(amount, now);
      if (!registered_) return result == HoldResult::kLater ? HoldResult::kRefused : result;
      registration = registration_.number;
      if (auto call = budget->AskIfLow(now, SpeakerNow())) calls.push_back(*std::move(call));
    }
    Send(std::move(calls), registration);
    return result;
  }

  void Want(const BudgetKey& key, int64_t amount, WantDone done) {
    std::vector<Outgoing> calls;
    absl::Status answer;
    uint64_t registration = 0;
    {
      base::MutexLock lock(&mutex_);
      const Moment now = Look(*clock_);
      if (superseded_ || !registered_) {
        answer = NotRegistered();
      } else if (LocalBudget* const budget = BudgetOf(key);
                 budget->Need(amount, now) == HoldResult::kLater) {
        calls = budget->Poll(now, SpeakerNow());
        registration = registration_.number;
        if (budget->Awaits(now)) waiting_[key].push_back(std::exchange(done, nullptr));
      }
    }
    Send(std::move(calls), registration);
    if (done) std::move(done)(std::move(answer));
  }

  void Poll(const BudgetKey& key) {
    std::vector<Outgoing> calls;
    uint64_t registration = 0;
    {
      base::MutexLock lock(&mutex_);
      if (superseded_ || !registered_) return;
      calls = BudgetOf(key)->Poll(Look(*clock_), SpeakerNow());
      registration = registration_.number;
    }
    Send(std::move(calls), registration);
  }

  void NoteLogEnd(uint64_t log_end) {
    uint64_t known = log_end_.load(std::memory_order_relaxed);
    while (known < log_end &&
           !log_end_.compare_exchange_weak(known, log_end, std::memory_order_relaxed)) {
    }
  }

  void Tick() {
    Say();
    AnswerInVain();
  }

  void Say() {
    std::optional<BudgetKey> from;
    bool spoke = false;
    do {
      std::vector<Outgoing> calls;
      uint64_t registration = 0;
      {
        base::MutexLock lock(&mutex_);
        if (superseded_) return;
        const Moment now = Look(*clock_);
        if (registered_) from = PollBudgets(from, now, &calls);
        if (!registered_) {
          from.reset();
          PollRegistration(now, &calls);
        }
        registration = registration_.number;
        spoke = spoke || !calls.empty();
        if (!from && !spoke) BreakSilence(now, &calls);
        if (!calls.empty()) spoke_ = now;
      }
      Send(std::move(calls), registration);
    } while (from);
  }

  void Close() {
    base::MutexLock lock(&mutex_);
    for (auto& [key, budget] : budgets_) budget.Close();
  }

  bool empty() const {
    base::MutexLock lock(&mutex_);
    for (const auto& [key, budget] : budgets_) {
      if (budget.leases() > 0) return false;
    }
    return true;
  }

  void CloseWindowsBefore(int64_t window_start_us) {
    base::MutexLock lock(&mutex_);
    for (auto it = budgets_.begin(); it != budgets_.end();) {
      const int64_t start = it->first.window_start_us;
      const bool closed = start < window_start_us && start != std::numeric_limits<int64_t>::min();
      it = closed && it->second.held() == 0 ? budgets_.erase(it) : std::next(it);
    }
  }

  bool registered() const {
    base::MutexLock lock(&mutex_);
    return registered_;
  }
  bool superseded() const {
    base::MutexLock lock(&mutex_);
    return superseded_;
  }
  uint64_t incarnation() const {
    base::MutexLock lock(&mutex_);
    return caller_.incarnation;
  }
  bool unprovable() const {
    base::MutexLock lock(&mutex_);
    return unprovable_;
  }

  void End() { AnswerAll(absl::UnavailableError("leases: the client has ended")); }

  // --- For Books, which hold the mutex.
  base::Mutex* mutex() { return &mutex_; }
  const base::Clock& clock() const { return *clock_; }
  LocalBudget* Find(const BudgetKey& key) ABSL_NO_THREAD_SAFETY_ANALYSIS { return BudgetOf(key); }
  void Drop(const BudgetKey& key) ABSL_NO_THREAD_SAFETY_ANALYSIS { budgets_.erase(key); }

  Standing StandingOf(const BudgetKey& key) const {
    base::MutexLock lock(&mutex_);
    const auto found = budgets_.find(key);
    if (found == budgets_.end()) return {};
    const LocalBudget& budget = found->second;
    return {budget.left(Look(*clock_)),
            budget.held(),
            budget.proven(),
            budget.unheld(),
            budget.credit(),
            budget.leases(),
            budget.written_off()};
  }

 private:
  // The same statement is repeated until it is answered: it stays true, because nothing but the
  // leases it names is spent from until then.
  struct Registration {
    uint64_t number = 0;
    std::optional<RegisterRequest> request;  // none: to be made
    std::optional<Moment> sent;
  };

  LocalBudget* BudgetOf(const BudgetKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return &budgets_.try_emplace(key, key, options_.local, /*proven=*/0).first->second;
  }
  // Null if it has been dropped: an answer must not bring it back.
  LocalBudget* Known(const BudgetKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = budgets_.find(key);
    return found == budgets_.end() ? nullptr : &found->second;
  }

  absl::Duration RetryNow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return options_.local.retry * (0.5 + random_.NextUniform());
  }

  Caller CallerNow() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Caller caller = caller_;
    caller.log_end = log_end_.load(std::memory_order_relaxed);
    return caller;
  }

  Speaker SpeakerNow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return {CallerNow(), &next_number_, RetryNow()};
  }

  // A part of the budgets, so that holds need not wait for all. Returns where to go on.
  std::optional<BudgetKey> PollBudgets(const std::optional<BudgetKey>& from, const Moment& now,
                                       std::vector<Outgoing>* calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const Speaker speaker = SpeakerNow();
    auto at = from ? budgets_.lower_bound(*from) : budgets_.begin();
    for (size_t looks = 0; at != budgets_.end(); ++at, ++looks) {
      if (looks == kBudgetsAtOnce) return at->first;
      if (at->second.NeedsRestating(now)) {
        RegisterAgain();
        calls->clear();  // void, and stated anew
        return std::nullopt;
      }
      for (Outgoing& call : at->second.Poll(now, speaker)) calls->push_back(std::move(call));
    }
    return std::nullopt;
  }

  void PollRegistration(const Moment& now, std::vector<Outgoing>* calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Registration& registration = registration_;
    if (!registration.request) {
      registration.number = next_number_++;
      registration.request.emplace();
      registration.request->caller = CallerNow();
      // What `proven` was read from. Records that were written since prove nothing about it.
      if (!was_registered_) registration.request->caller.log_end = options_.log_end;
      registration.request->number = registration.number;
      registration.request->proof = was_registered_ ? Proof::kAll : options_.proof;
      for (auto& [key, budget] : budgets_) {
        registration.request->statements.push_back(budget.Restate(now));
      }
    } else if (registration.sent && !MayHavePassed(RetryNow(), *registration.sent, now)) {
      return;
    }
    registration.sent = now;
    calls->push_back({*registration.request, now});
  }

  // A store in a new epoch waits for everybody, also for who needs nothing.
  void BreakSilence(const Moment& now, std::vector<Outgoing>* calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!registered_ || !MayHavePassed(options_.local.silence, spoke_, now)) return;
    calls->push_back({ReportRequest{{CallerNow(), {}, 0, 0}}, now});
  }

  void RegisterAgain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    registered_ = false;
    registration_ = {};  // number 0: answers to what was said before are void
  }

  void Send(std::vector<Outgoing> calls, uint64_t registration) {
    for (Outgoing& call : calls) {
      LeaseRequest request = call.request;
      Call(store_, std::move(request),
           [weak = this->weak_from_this(), call = std::move(call),
            registration](absl::StatusOr<LeaseReply> reply) {
             const auto core = weak.lock();
             if (core == nullptr) return;
             if (reply.ok()) {
               core->OnReply(call, registration, *reply);
             } else {
               core->OnError(call, registration, reply.status());
             }
           });
    }
  }

  // As good as no answer: the call is repeated.
  void OnError(const Outgoing& call, uint64_t registration, const absl::Status& error) {
    const BudgetKey* key = nullptr;
    {
      base::MutexLock lock(&mutex_);
      if (registration != registration_.number) return;
      uint64_t number = 0;
      if (const auto* acquire = std::get_if<AcquireRequest>(&call.request)) {
        key = &acquire->budget;
        number = acquire->number;
      } else if (const auto* renew = std::get_if<RenewRequest>(&call.request)) {
        key = &renew->budget;
        number = renew->number;
      }
      LocalBudget* const budget = key == nullptr ? nullptr : Known(*key);
      if (budget != nullptr) budget->OnFailed(number);
    }
    if (key != nullptr) Answer(*key, error);
  }

  void OnReply(const Outgoing& call, uint64_t registration, const LeaseReply& reply) {
    const BudgetKey* changed = nullptr;
    bool lost = false;
    {
      base::MutexLock lock(&mutex_);
      if (reply.epoch < caller_.epoch) return;
      if (reply.epoch > caller_.epoch) {
        // Says nothing about the call itself, which was made under another epoch.
        caller_.epoch = reply.epoch;
        if (caller_.incarnation == 0) caller_.incarnation = reply.incarnation + 1;
        RegisterAgain();
      } else if (registration == registration_.number) {
        // What was said before the last registration is void, and so are its answers.
        changed = Take(call, reply);
      }
      lost = !registered_ || superseded_;
    }
    if (lost) return AnswerAll(NotRegistered());
    if (changed == nullptr) return;
    if (options_.on_change) options_.on_change(*changed);
    Answer(*changed, absl::OkStatus());
  }

  void Answer(const BudgetKey& key, const absl::Status& answer) {
    std::vector<WantDone> waiting;
    {
      base::MutexLock lock(&mutex_);
      const auto found = waiting_.find(key);
      if (found == waiting_.end()) return;
      waiting = std::move(found->second);
      waiting_.erase(found);
    }
    for (WantDone& done : waiting) std::move(done)(answer);
  }

  // Who waits for what is not under way any more: a lease was given up, a clock has come right, or
  // we have begun to register again.
  void AnswerInVain() {
    std::vector<BudgetKey> in_vain;
    bool lost = false;
    {
      base::MutexLock lock(&mutex_);
      if (waiting_.empty()) return;
      lost = !registered_ || superseded_;
      const Moment now = Look(*clock_);
      for (const auto& [key, waiters] : waiting_) {
        const LocalBudget* const budget = Known(key);
        if (budget == nullptr || !budget->Awaits(now)) in_vain.push_back(key);
      }
    }
    if (lost) return AnswerAll(NotRegistered());
    for (const BudgetKey& key : in_vain) Answer(key, absl::OkStatus());
  }

  void AnswerAll(const absl::Status& answer) {
    std::map<BudgetKey, std::vector<WantDone>> waiting;
    {
      base::MutexLock lock(&mutex_);
      waiting.swap(waiting_);
    }
    for (auto& [key, waiters] : waiting) {
      for (WantDone& done : waiters) std::move(done)(answer);
    }
  }

  // Returns the budget in which waiting holds may have become possible, or hopeless.
  const BudgetKey* Take(const Outgoing& call, const LeaseReply& reply)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (reply.outcome == Outcome::kSuperseded) {
      superseded_ = true;
      return nullptr;
    }
    if (const auto* request = std::get_if<RegisterRequest>(&call.request)) {
      TakeRegistration(*request, reply);
      return nullptr;
    }
    if (reply.outcome == Outcome::kRegisterFirst) {
      RegisterAgain();
      return nullptr;
    }
    if (const auto* acquire = std::get_if<AcquireRequest>(&call.request)) {
      LocalBudget* const budget = Known(acquire->budget);
      if (budget != nullptr) budget->OnAcquired(*acquire, reply, Look(*clock_));
      return &acquire->budget;
    }
    if (const auto* renew = std::get_if<RenewRequest>(&call.request)) {
      LocalBudget* const budget = Known(renew->budget);
      if (budget == nullptr) return &renew->budget;
      if (reply.outcome == Outcome::kDone) budget->OnRenewed(*renew, reply, call.sent);
      // The store and we do not agree on what is held: tell it everything.
      if (reply.outcome == Outcome::kNoSuchLease && budget->IsOpen(renew->number)) RegisterAgain();
      return &renew->budget;
    }
    if (reply.outcome != Outcome::kDone) return nullptr;
    if (const auto* release = std::get_if<ReleaseRequest>(&call.request)) {
      LocalBudget* const budget = Known(release->budget);
      if (budget != nullptr) budget->OnReleased(*release);
    }
    return nullptr;
  }

  void TakeRegistration(const RegisterRequest& request, const LeaseReply& reply)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (request.number != registration_.number || registered_) return;
    unprovable_ = reply.outcome == Outcome::kUnprovable;
    if (reply.outcome == Outcome::kDone) {
      registered_ = true;
      was_registered_ = true;
      for (const Settlement& settlement : reply.settlements) {
        BudgetOf(settlement.budget)->NoteWrittenOff(settlement.written_off);
      }
      caller_.registration = request.number;
      // A lease that has become doubtful since the statement was made may have been settled by
      // somebody else before the statement arrived and named it again: never to be renewed.
      const Moment now = Look(*clock_);
      for (auto& [key, budget] : budgets_) budget.GiveUpUnusable(now);
    } else if (reply.outcome == Outcome::kStale) {
      RegisterAgain();
    }
  }

  const ClientOptions options_;
  LeaseStore* const store_;
  const base::Clock* const clock_;
  mutable base::Mutex mutex_;
  base::RandomStream random_ ABSL_GUARDED_BY(mutex_);
  Caller caller_ ABSL_GUARDED_BY(mutex_);
  std::map<BudgetKey, LocalBudget> budgets_ ABSL_GUARDED_BY(mutex_);
  std::map<BudgetKey, std::vector<WantDone>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> log_end_;
  Moment spoke_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 1;
  Registration registration_ ABSL_GUARDED_BY(mutex_);
  bool registered_ ABSL_GUARDED_BY(mutex_) = false;
  bool was_registered_ ABSL_GUARDED_BY(mutex_) = false;  // from then on we know what we spent
  bool unprovable_ ABSL_GUARDED_BY(mutex_) = false;
  bool superseded_ ABSL_GUARDED_BY(mutex_) = false;
};

LeaseClient::LeaseClient(ClientOptions options, LeaseStore* store, const base::Clock* clock,
                         const std::vector<ProvenSpend>& proven)
    : core_(std::make_shared<Core>(std::move(options), store, clock, proven)) {}

LeaseClient::~LeaseClient() {
  core_->End();
}

void LeaseClient::Configure(const BudgetKey& budget, const Limit& limit, int64_t largest) {
  core_->With(budget, [&](LocalBudget* local) { local->Configure(limit, largest); });
}

HoldResult LeaseClient::Hold(const BudgetKey& budget, int64_t amount) {
  return core_->Hold(budget, amount);
}

void LeaseClient::Want(const BudgetKey& budget, int64_t amount, WantDone done) {
  core_->Want(budget, amount, std::move(done));
}

void LeaseClient::Poll(const BudgetKey& budget) {
  core_->Poll(budget);
}

void LeaseClient::NoteLogEnd(uint64_t log_end) {
  core_->NoteLogEnd(log_end);
}

void LeaseClient::Commit(const BudgetKey& budget, int64_t amount) {
  core_->With(budget, [&](LocalBudget* local) { local->Commit(amount); });
}

void LeaseClient::Cancel(const BudgetKey& budget, int64_t amount) {
  core_->With(budget, [&](LocalBudget* local) { local->Cancel(amount); });
}

void LeaseClient::Refund(const BudgetKey& budget, int64_t amount) {
  core_->With(budget, [&](LocalBudget* local) { local->Refund(amount); });
}

void LeaseClient::Tick() {
  core_->Tick();
}

void LeaseClient::Close() {
  core_->Close();
}

bool LeaseClient::empty() const {
  return core_->empty();
}

void LeaseClient::CloseWindowsBefore(int64_t window_start_us) {
  core_->CloseWindowsBefore(window_start_us);
}

bool LeaseClient::registered() const {
  return core_->registered();
}

uint64_t LeaseClient::incarnation() const {
  return core_->incarnation();
}

bool LeaseClient::superseded() const {
  return core_->superseded();
}

bool LeaseClient::unprovable() const {
  return core_->unprovable();
}

LeaseClient::Standing LeaseClient::StandingOf(const BudgetKey& budget) const {
  return core_->StandingOf(budget);
}

LeaseClient::Books::Books(const LeaseClient* client) ABSL_NO_THREAD_SAFETY_ANALYSIS
    : core_(client == nullptr ? nullptr : client->core_.get()) {
  if (core_ != nullptr) core_->mutex()->Lock();
}

LeaseClient::Books::~Books() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (core_ != nullptr) core_->mutex()->Unlock();
}

Moment LeaseClient::Books::Now() const {
  return Look(core_->clock());
}

LocalBudget* LeaseClient::Books::Of(const BudgetKey& budget) {
  return core_->Find(budget);
}

void LeaseClient::Books::Drop(const BudgetKey& budget) {
  core_->Drop(budget);
}

}  // namespace fulcrum::leases
